/*
 * gtid.h - sets of MariaDB's GTIDs.
 *
 * MariaDB has no functions that compare two positions.  A list holds the last
 * known sequence number for each domain, and each server in it; if a server's
 * number 5 is known, so are all of its lower ones.
 *
 * MySQL compares its sets itself; here they are only counted.
 */
#ifndef GTID_H
#define GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gtid {
	uint32_t	 domain, server;
	uint64_t	 sequence;
};

struct gtid_list {
	struct gtid	*items;
	size_t		 count;
};

/* Adds the GTIDs in text, like "0-1-100,1-5-7"; NULL is like "".  False: it
 * can't be parsed, or memory is out; then nothing is added. */
bool	gtid_add(struct gtid_list *, const char *text);
void	gtid_free(struct gtid_list *);

/* The last one of the domain, or NULL. */
const struct gtid	*gtid_last(const struct gtid_list *, uint32_t domain);

/* The last one of that server in that domain; 0: none. */
uint64_t	gtid_known(const struct gtid_list *, uint32_t domain,
		    uint32_t server);

/* The last one of each domain, as text; false: size is too small. */
bool	gtid_text(const struct gtid_list *, char *text, size_t size);

/* Writes the last ones in wanted that known lacks, with the last known one of
 * the same server, like "0-1-105 (after 100)"; returns how many, and cuts at
 * size.  For transactions that came in one stream from a master, only the last
 * one counts: those between it and the last known one are not missing,
 * whichever server wrote them. */
size_t	gtid_missing(const struct gtid_list *wanted,
	    const struct gtid_list *known, const struct gtid_list *stream,
	    char *text, size_t size);

/* The last one of each domain in a that b also has, as text; false: a domain
 * has none, or size is too small. */
bool	gtid_common(const struct gtid_list *a, const struct gtid_list *b,
	    char *text, size_t size);

/* The number of transactions between the last ones of b and those of a. */
int64_t	gtid_behind(const struct gtid_list *a, const struct gtid_list *b);

/* The number of transactions in a set of MySQL; -1: it is not a set. */
int64_t	gtid_count(const char *set);

#endif

/*
 * gtid.h - sets of MariaDB's GTIDs.
 *
 * MariaDB has no functions that compare two positions.  A list holds for each
 * domain, and each server in it, the last sequence number that is known; of a
 * server that wrote 5, everything of its below 5 is known as well.
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

/* Adds what text names, like "0-1-100,1-5-7"; NULL is like "".  False: it is
 * no such text, or there is no memory; nothing of it is added. */
bool	gtid_add(struct gtid_list *, const char *text);
void	gtid_free(struct gtid_list *);

/* The last one of the domain, or NULL. */
const struct gtid	*gtid_last(const struct gtid_list *, uint32_t domain);

/* The last one of that server in that domain; 0: none. */
uint64_t	gtid_known(const struct gtid_list *, uint32_t domain,
		    uint32_t server);

/* The last one of each domain, as text; false: size is too small. */
bool	gtid_text(const struct gtid_list *, char *text, size_t size);

/* Writes those last ones of wanted that are not in known, with what is known
 * of their server, like "0-1-105 (after 100)"; how many, and cut at size.  Of
 * what came in one stream from a master, only the last one is told: what it has
 * passed since the last known one is not missing, whoever wrote it. */
size_t	gtid_missing(const struct gtid_list *wanted,
	    const struct gtid_list *known, const struct gtid_list *stream,
	    char *text, size_t size);

/* The last one of each domain of a that b has as well, as text; false: there is
 * a domain without any, or size is too small. */
bool	gtid_common(const struct gtid_list *a, const struct gtid_list *b,
	    char *text, size_t size);

/* How many transactions lie between the last ones of b and those of a. */
int64_t	gtid_behind(const struct gtid_list *a, const struct gtid_list *b);

/* How many transactions a set of MySQL names; -1: it is no such set. */
int64_t	gtid_count(const char *set);

#endif

/*
 * core.h - what is asked of one core, and how far its index has got.
 */
#ifndef SOLR_CORE_H
#define SOLR_CORE_H

#include "http.h"

#define CORES		64
#define CORE_NAME	128	/* bytes of the longest */

/* A commit: when it was made, by that host's clock, and its number. */
struct place {
	uint64_t	 version, generation;
};

/* How ours stands to theirs. */
enum relation { SAME, AHEAD, BEHIND, DIVERGED };

/* What a replication handler says of itself. */
struct replication {
	struct place	 place;		/* of the newest commit */
	bool		 leader, follower;
	bool		 serving;	/* others may fetch from it */
	bool		 poll_off;
	bool		 fetching;
	long		 seconds;	/* that it has been fetching */
	char		 url[URL_SIZE];	/* of the leader that it is given */
	long		 status;	/* of HTTP, also where it tells nothing */
};

enum relation	 place_compare(struct place ours, struct place theirs);

/* Has theirs what ours has not?  Two that have diverged both have. */
bool	place_lacks(struct place ours, struct place theirs);

/* The same of a master that goes on: by a clock that was set back its commits
 * look as if they had diverged. */
bool	place_is_older(struct place ours, struct place theirs);

/* Finds a core's place in a position, "name=version:generation,...". */
bool	place_find(const char *position, const char *core, struct place *);

/* Of the core at base, on whatever host; false with the sentence set. */
bool	replication_ask(struct failover *, const char *base, const char *core,
	    struct replication *);

/* Makes our core do this; false with the sentence set. */
bool	replication_do(struct failover *, const char *core,
	    const char *command);

#endif

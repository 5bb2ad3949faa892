/*
 * core.h - requests to one core, and the position of its index.
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

/* Our place relative to theirs. */
enum relation { SAME, AHEAD, BEHIND, DIVERGED };

/* The details of a replication handler. */
struct replication {
	struct place	 place;		/* of the newest commit */
	bool		 leader, follower;
	bool		 serving;	/* other copies may fetch from it */
	bool		 poll_off;
	bool		 fetching;
	long		 seconds;	/* the time of the running fetch */
	char		 url[URL_SIZE];	/* the leader that it was given */
	long		 status;	/* of HTTP, even without details */
};

enum relation	 place_compare(struct place ours, struct place theirs);

/* Does ours lack something of theirs?  If they have diverged, both lack
 * something. */
bool	place_lacks(struct place ours, struct place theirs);

/* The same for a running master: after its clock was set back, its commits look
 * diverged. */
bool	place_is_older(struct place ours, struct place theirs);

/* Finds a core's place in a position, "name=version:generation,...". */
bool	place_find(const char *position, const char *core, struct place *);

/* Asks the core at base, on any host; false with the sentence set. */
bool	replication_ask(struct failover *, const char *base, const char *core,
	    struct replication *);

/* Sends this command to our core; false with the sentence set. */
bool	replication_do(struct failover *, const char *core,
	    const char *command);

#endif

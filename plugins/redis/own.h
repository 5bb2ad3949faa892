/*
 * own.h - our copy, the server on this host: a look at it, and its results.
 */
#ifndef OWN_H
#define OWN_H

#include "deadline.h"
#include "server.h"

#define NOBODY	"127.0.0.1"	/* no server can listen on its port 0 */

/* Kept between calls. */
extern struct server	local;		/* held: its end is watched */
extern struct server	master;		/* of ensure_slave */
extern struct history	seen;		/* the last data that were here */

/* ms for an answer: never past the deadline, and no longer than the option
 * timeout. */
int64_t	own_patience(struct failover *);

/* DONE, with the state, if the server can be used; else with the sentence
 * set. */
enum failover_result	own_look(struct failover *, struct state *);

/* A Sentinel subscribes to a channel at each server that it watches. */
enum answer	own_watched_by_sentinel(struct failover *, bool *yes);

/* A value from CONFIG GET, or "". */
void	own_get_config(struct failover *, const char *name, char *value,
	    size_t size);

/* Has it been restarted without data since it was last checked? */
bool	own_lost_all(const struct history *);

/* Is it set to follow the service's master?  Does it have a link to it? */
bool	own_points_at_master(const struct failover *, const struct state *);
bool	own_follows(const struct failover *, const struct state *);

/* As a slave, does it keep everything that a full master keeps? */
bool	own_ignores_maxmemory(struct failover *, const struct state *);

#endif

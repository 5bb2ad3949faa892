/*
 * postgresql.h - what the calls have in common.
 */
#ifndef POSTGRESQL_H
#define POSTGRESQL_H

#include "query.h"
#include "rejoin.h"
#include "server.h"

#define LOOK_AGAIN	10	/* ms, while it starts, stops or is promoted */
#define ANSWER_TIME	200	/* ms of the call that are left for an answer */

/* Says why there is no connection to the server here. */
enum failover_result	say_down(struct failover *, struct query *);

/* How far this copy is, also when it is stopped; else the sentence is set.
 * FAILOVER_AGAIN: it starts or stops, and will be able to tell.  system is its
 * identifier. */
enum failover_result	own_position(struct failover *, struct position *,
			    char *system, size_t size);

/* Of a server that may write. */
enum failover_result	demote(struct failover *, const struct server *);

/* Is that a primary which a unit runs, and which is there since before the first
 * agent of all?  It would be stopped only to be started again, and that is for
 * its unit to do: then the sentence says what to write. */
bool	is_left_alone(struct failover *);

/* Tells the standby that runs here to follow that server; conninfo is the text
 * for primary_conninfo.  Before PostgreSQL 13 that takes a restart. */
enum failover_result	point(struct failover *, struct query *,
			    const char *host, const char *conninfo);

/* Begins what is remembered of one that its master does not let in: what it lacks
 * comes by itself when it is let in. */
#define SHUT_OUT	"its master "

/* Is this copy known to lack what its master has?  Then the sentence says why,
 * and what to do.  The operator's word overrules it. */
bool	is_spoilt(struct failover *);

/* The connection that watch_fd gives. */
void	health_stop(void);

#endif

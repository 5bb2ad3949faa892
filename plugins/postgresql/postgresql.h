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

/* Tells the standby that runs here to follow that server; conninfo is the text
 * for primary_conninfo.  Before PostgreSQL 13 that takes a restart. */
enum failover_result	point(struct failover *, struct query *,
			    const char *host, const char *conninfo);

/* The connection that watch_fd gives. */
void	health_stop(void);

#endif

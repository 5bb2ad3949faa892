/*
 * postgresql.h - functions that several calls share.
 */
#ifndef POSTGRESQL_H
#define POSTGRESQL_H

#include "query.h"
#include "rejoin.h"
#include "server.h"

#define LOOK_AGAIN	10	/* ms, while it starts, stops or is promoted */
#define ANSWER_TIME	200	/* ms of the call, kept for an answer */

/* Reports why there is no connection to the local server. */
enum failover_result	say_down(struct failover *, struct query *);

/* This copy's position, also while it is stopped; else the sentence is set.
 * FAILOVER_AGAIN: it is starting or stopping, so ask again.  system is its
 * identifier. */
enum failover_result	own_position(struct failover *, struct position *,
			    char *system, size_t size);

/* For a server that may write. */
enum failover_result	demote(struct failover *, const struct server *);

/* Is it a primary that a unit runs, started before any agent?  It would be
 * stopped only to be started again, which its unit must do: then the sentence
 * is the line to add. */
bool	is_left_alone(struct failover *);

/* Makes the local standby follow that server; conninfo is the text for
 * primary_conninfo.  Before PostgreSQL 13 that takes a restart. */
enum failover_result	point(struct failover *, struct query *,
			    const char *host, const char *conninfo);

/* The beginning of the remembered text if the master rejects its login: the
 * data that it lacks arrives by itself once the login works. */
#define SHUT_OUT	"its master "

/* Is this copy known to lack what its master has?  Then the sentence has the
 * reason, and what to do.  False if the operator has overridden it. */
bool	is_spoilt(struct failover *);

/* Ends the connection that watch_fd returns. */
void	health_stop(void);

#endif

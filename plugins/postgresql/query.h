/*
 * query.h - libpq with the call's deadline: nothing here blocks past it.
 */
#ifndef QUERY_H
#define QUERY_H

#include <consul-failover/plugin.h>

#include <libpq-fe.h>
#include <stdbool.h>
#include <sys/types.h>

#include "position.h"

enum query_end {
	QUERY_DONE,
	QUERY_BUSY,		/* it starts up, recovers or shuts down */
	QUERY_FAILED,
	QUERY_DENIED,		/* nobody is let in who asks like that */
	QUERY_STRANGER,		/* it is another server than ours */
};

/*
 * A connection.  Where something fails, its sentence says what: it is what
 * f->say should say.
 */
struct query {
	PGconn		*conn;
	PGresult	*result;
	enum query_end	 end;
	bool		 connected;	/* somebody listens there */
	pid_t		 peer;		/* the server's, where it is known; 0 */
	char		 sentence[FAILOVER_SENTENCE];
};

/* The server on this host, as the options name it; with or without the protocol
 * of replication.  It is one whose processes are in data_directory. */
bool	query_local(struct query *, struct failover *, bool replication);

/* Does somebody listen there who is not that server?  Takes a moment at
 * most. */
bool	query_stranger(struct failover *);

/* The one that is to be followed, as its slaves reach it. */
bool	query_master(struct query *, struct failover *, const char *host,
	    uint16_t port);

/* One statement; parameters, as text, end with NULL. */
bool	query_run(struct query *, struct failover *, const char *sql, ...)
	    __attribute__((sentinel));

/* Has the server itself said no to the last one?  Where there was no answer, or
 * it was interrupted, it may have done it. */
bool	query_refused(const struct query *);

/* Sends one, and does not wait for its answer. */
void	query_send(struct query *, struct failover *, const char *sql);

/* A column of the one row, "" where it is null. */
const char	*query_value(const struct query *, int column);
bool		 query_true(const struct query *, int column);

/* How far it is, over the protocol of replication: system is its identifier. */
bool	query_position(struct query *, struct failover *, struct position *,
	    char *system, size_t size);

/* Reads its WAL from there on, over the protocol of replication; the connection
 * is of no use after that.  False where it does not come. */
bool	query_wal(struct query *, struct failover *, uint32_t timeline,
	    uint64_t lsn, void *bytes, size_t size);

/* Has it said then that it has removed that WAL? */
bool	query_removed(const struct query *);

void	query_close(struct query *);

/* Sets the sentence; false. */
bool	query_failed(struct query *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif

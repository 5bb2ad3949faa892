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
	QUERY_DENIED,		/* the login is rejected */
	QUERY_STRANGER,		/* a server other than ours */
};

/*
 * A connection.  If something fails, its sentence is the reason, for f->say.
 */
struct query {
	PGconn		*conn;
	PGresult	*result;
	enum query_end	 end;
	bool		 connected;	/* a server listens there */
	pid_t		 peer;		/* the server's, if known; or 0 */
	char		 sentence[FAILOVER_SENTENCE];
};

/* The server on this host, as the options name it; with or without the
 * replication protocol.  Its processes must be those of data_directory. */
bool	query_local(struct query *, struct failover *, bool replication);

/* Does a process listen there that is not that server?  Takes only a moment. */
bool	query_stranger(struct failover *);

/* The server to follow, with the connection that slaves use. */
bool	query_master(struct query *, struct failover *, const char *host,
	    uint16_t port);

/* One statement; parameters, as text, end with NULL. */
bool	query_run(struct query *, struct failover *, const char *sql, ...)
	    __attribute__((sentinel));

/* Has the server itself rejected the last one?  If there was no answer, or it
 * was interrupted, the server may have executed it. */
bool	query_refused(const struct query *);

/* Sends one, and does not wait for its answer. */
void	query_send(struct query *, struct failover *, const char *sql);

/* A column of the only row, "" if it is null. */
const char	*query_value(const struct query *, int column);
bool		 query_true(const struct query *, int column);

/* Its position, by the replication protocol: system is its identifier. */
bool	query_position(struct query *, struct failover *, struct position *,
	    char *system, size_t size);

/* Reads its WAL from there on, by the replication protocol; the connection
 * can't be used after that.  False if the WAL does not come. */
bool	query_wal(struct query *, struct failover *, uint32_t timeline,
	    uint64_t lsn, void *bytes, size_t size);

/* Was the reason that it has removed that WAL? */
bool	query_removed(const struct query *);

void	query_close(struct query *);

/* Sets the sentence; returns false. */
bool	query_failed(struct query *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif

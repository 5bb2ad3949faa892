/*
 * copy.h - one copy of the database: what it is just now, and what of another
 * one's data it has.
 */
#ifndef COPY_H
#define COPY_H

#include "dialect.h"
#include "gtid.h"
#include "server.h"

enum receiving { RECEIVING_NO, RECEIVING_CONNECTING, RECEIVING_YES };

struct copy {
	struct server		 server;
	const struct dialect	*dialect;
	char			 version[64];
	struct table		 variables, status;
	struct table		 log;	/* only after copy_look_at_log */
	struct table		 rights;	/* copy_look_at_rights */
	bool			 read_only;
	/* The rest only of a slave. */
	bool			 slave;
	enum receiving		 receiving;
	bool			 applying;
	unsigned		 receive_error, apply_error;
	int64_t			 lag;	/* s; -1: can't be told */
	int64_t			 delay;	/* s, of all that it applies */
};

/* Connects, and finds out which dialect it speaks. */
bool	copy_open(struct copy *, struct failover *, const struct place *);
void	copy_close(struct copy *);

/* Asks for its variables, and how it replicates; the copy's fields hold until
 * the next look. */
bool	copy_look(struct copy *);
bool	copy_look_at_variables(struct copy *);

/* Another copy, with a look at its variables; FAILOVER_FAILED with the sentence
 * set.  It is for copy_close also where it failed. */
enum failover_result	copy_ask(struct failover *, struct copy *,
			    const char *host, uint16_t port);

/* Of its binary log; once a connection, for that takes a restart to change. */
bool	copy_look_at_log(struct copy *);
/* Of our account, which are a session's until it ends. */
bool	copy_look_at_rights(struct copy *);

/* The first setting that leaves out some of what its position names, from its
 * data or from what it passes on, and its value; NULL: there is none. */
const char	*copy_filter(const struct copy *, const char **value);

/* A column of its status, as "Host" of Master_Host; "" for NULL. */
const char	*copy_master(const struct copy *, const char *column);
const char	*copy_received(const struct copy *);
bool		 copy_follows(const struct copy *, const char *host,
		    uint16_t port);

/* What it has applied, or with what it has received besides. */
enum extent { APPLIED, RECEIVED };

bool	copy_position(struct copy *, enum extent, char *text, size_t size);

/* How much of what it has received it must apply before it can serve: so many
 * transactions, at least COPY_LATE where they are held back by a delay, and
 * COPY_HELD where nothing is applied at all: lock, of so many bytes, is what its
 * threads wait for, "" where they are stopped. */
#define COPY_LATE	INT64_C(1000)
#define COPY_HELD	INT64_C(1000000000000)
bool	copy_unapplied(struct copy *, int64_t *, char *lock, size_t);

/* What of the position it has not: missing is "" where it has it all, and
 * behind counts the transactions.  False: not to be told, see server.text. */
bool	copy_lacks(struct copy *, enum extent, const char *position,
	    char *missing, size_t size, int64_t *behind);

/* What this copy has and the other has not, the same way. */
bool	copy_errant(struct copy *, const struct copy *other, char *errant,
	    size_t size);

/* Of MariaDB: the other has transactions that this copy has written and has not
 * any more, after a crash or a backup that was put back.  As a slave it would
 * skip them, because they bear its server_id; with semi-synchronous
 * replication it would not.  Names the last one. */
bool	copy_has_lost(struct copy *, const struct copy *other, char *lost,
	    size_t size);

/* Of MariaDB: makes it go on behind the last transaction that both have.  At
 * other costs than gtid_slave_pos only where it has diverged. */
bool	copy_meet(struct copy *, const struct copy *other, bool diverged);

#endif

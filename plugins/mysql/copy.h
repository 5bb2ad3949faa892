/*
 * copy.h - one copy of the database: its current state, and how much of another
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
	/* Only for a slave: */
	bool			 slave;
	enum receiving		 receiving;
	bool			 applying;
	unsigned		 receive_error, apply_error;
	int64_t			 lag;	/* s; -1: unknown */
	int64_t			 delay;	/* s, of all that it applies */
};

/* Connects, and finds out its dialect. */
bool	copy_open(struct copy *, struct failover *, const struct place *);
void	copy_close(struct copy *);

/* Asks for its variables, and how it replicates; the copy's fields are valid
 * until the next look. */
bool	copy_look(struct copy *);
bool	copy_look_at_variables(struct copy *);

/* Connects to another copy, and looks at its variables; FAILOVER_FAILED with
 * the sentence set.  Needs copy_close also after a failure. */
enum failover_result	copy_ask(struct failover *, struct copy *,
			    const char *host, uint16_t port);

/* Looks at its binary log; once a connection, because only a restart changes
 * that. */
bool	copy_look_at_log(struct copy *);
/* Looks at our account's rights, which a session keeps until it ends. */
bool	copy_look_at_rights(struct copy *);

/* The first setting, with its value, that excludes some of the data up to its
 * position, from the copy or from its binary log; NULL: there is none. */
const char	*copy_filter(const struct copy *, const char **value);

/* A column of its status: "Host" is Master_Host; "" for NULL. */
const char	*copy_master(const struct copy *, const char *column);
const char	*copy_received(const struct copy *);
bool		 copy_follows(const struct copy *, const char *host,
		    uint16_t port);

/* Only the data it has applied, or all that it has received. */
enum extent { APPLIED, RECEIVED };

bool	copy_position(struct copy *, enum extent, char *text, size_t size);

/* How many received transactions it must apply before it can serve: at least
 * COPY_LATE if a delay holds them back, and COPY_HELD if none are applied at
 * all.  Then lock, of size bytes, is what its threads wait for, "" if they are
 * stopped. */
#define COPY_LATE	INT64_C(1000)
#define COPY_HELD	INT64_C(1000000000000)
bool	copy_unapplied(struct copy *, int64_t *, char *lock, size_t);

/* What it lacks of the position: missing is "" if it has everything, and behind
 * counts the transactions.  False: unknown, see server.text. */
bool	copy_lacks(struct copy *, enum extent, const char *position,
	    char *missing, size_t size, int64_t *behind);

/* What the other copy lacks of this one, in the same way. */
bool	copy_errant(struct copy *, const struct copy *other, char *errant,
	    size_t size);

/* For MariaDB: does the other have transactions that this copy wrote and then
 * lost, by a crash or an old backup?  As a slave it would skip them, because
 * they have its server_id; with semi-synchronous replication it would not.
 * Names the last one. */
bool	copy_has_lost(struct copy *, const struct copy *other, char *lost,
	    size_t size);

/* For MariaDB: makes it continue after the last transaction that both have.
 * Changes more than gtid_slave_pos only if it has diverged. */
bool	copy_meet(struct copy *, const struct copy *other, bool diverged);

#endif

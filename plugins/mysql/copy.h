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
	bool			 read_only;
	/* The rest only of a slave. */
	bool			 slave;
	enum receiving		 receiving;
	bool			 applying;
	unsigned		 receive_error, apply_error;
	int64_t			 lag;	/* s; -1: can't be told */
};

/* Connects, and finds out which dialect it speaks. */
bool	copy_open(struct copy *, struct failover *, const struct place *);
void	copy_close(struct copy *);

/* Asks for its variables, and how it replicates; the copy's fields hold until
 * the next look. */
bool	copy_look(struct copy *);
bool	copy_look_at_variables(struct copy *);

/* A column of its status, as "Host" of Master_Host; "" for NULL. */
const char	*copy_master(const struct copy *, const char *column);
const char	*copy_received(const struct copy *);
bool		 copy_follows(const struct copy *, const char *host,
		    uint16_t port);

/* What it has applied, or with what it has received besides. */
enum extent { APPLIED, RECEIVED };

bool	copy_position(struct copy *, enum extent, char *text, size_t size);

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

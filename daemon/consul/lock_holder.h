/* lock_holder.h - who holds the lock, according to a trusted read of the
 * key. */
#ifndef LOCK_HOLDER_H
#define LOCK_HOLDER_H

#include "lock_private.h"

/* Takes the position that was left to us from our own value. */
void	lock_holder_read_ours(struct lock *, const struct consul_key *);

/* The lock is ours, or another node's.  Each ends in seen, at once or after
 * another request to Consul. */
void	lock_holder_ours(struct lock *);
/* again: it was already the holder when the key was last read. */
void	lock_holder_theirs(struct lock *, const struct consul_key *,
	    bool again);
void	lock_holder_none(struct lock *, const struct consul_key *);

#endif

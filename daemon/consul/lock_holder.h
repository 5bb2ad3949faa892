/* lock_holder.h - who has the lock, by a read of the key that is believed. */
#ifndef LOCK_HOLDER_H
#define LOCK_HOLDER_H

#include "lock_private.h"

/* Learns from our own value what was left to us. */
void	lock_holder_read_ours(struct lock *, const struct consul_key *);

/* Whose it is.  Each ends in seen, at once or when Consul has said more. */
void	lock_holder_ours(struct lock *);
/* again: he had it already when the key was seen last. */
void	lock_holder_theirs(struct lock *, const struct consul_key *,
	    bool again);
void	lock_holder_none(struct lock *, const struct consul_key *);

#endif

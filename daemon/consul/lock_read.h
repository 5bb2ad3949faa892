/* lock_read.h - reading the key: the watch, the proof, which reads are
 * trusted. */
#ifndef LOCK_READ_H
#define LOCK_READ_H

#include "lock_private.h"

/* Creates its timer. */
void	lock_read_init(struct lock *, struct event_base *);
/* Begins the next long poll. */
void	lock_read_watch(struct lock *);
/* Reads the key now, consistently. */
void	lock_read_look(struct lock *);
/* Takes what a read showed; sent_at_ms: when it was requested; proof: it was a
 * consistent read, or our own write. */
void	lock_read_see(struct lock *, const struct consul_key *,
	    int64_t sent_at_ms, bool proof);

#endif

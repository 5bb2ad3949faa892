/* lock_read.h - reading the key: the watch, the proof, what is believed. */
#ifndef LOCK_READ_H
#define LOCK_READ_H

#include "lock_private.h"

/* Makes its timer. */
void	lock_read_init(struct lock *, struct event_base *);
/* Begins the next long poll. */
void	lock_read_watch(struct lock *);
/* Reads the key now, consistently. */
void	lock_read_look(struct lock *);
/* The key was seen so; sent_at_ms: when that was asked for, proof: by a
 * consistent read, or a write of ours. */
void	lock_read_see(struct lock *, const struct consul_key *,
	    int64_t sent_at_ms, bool proof);

#endif

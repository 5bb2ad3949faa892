/*
 * lock.h - our session and the lock key in Consul.
 *
 * Watches the key always; holds a session while one is wanted; while the lock
 * is ours, proves it again every verify_interval.  What it finds out it tells
 * in core.h's words; it decides nothing.
 *
 * The epoch is the key's ModifyIndex while somebody has the lock.  Every acquire
 * is a write, so it grows with every new holder; it also grows when a hand
 * overwrites the value under a holder, which does no harm.  LockIndex, made for
 * this, would not do: Consul begins it anew when the key is deleted, and sets
 * it to 0 when somebody overwrites the key (seen with 1.8.7).
 */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "lock_events.h"
#include "lock_value.h"

struct lock;

/* Begins to watch the key.  Borrows all but resume, the id of a session of an
 * earlier run ("" for none), which is ours if it still holds the lock. */
struct lock	*lock_new(struct event_base *, struct consul *,
		    const struct config *, const char *resume,
		    const struct lock_events *, void *arg);
/* Cancels everything, and leaves session and lock in Consul as they are. */
void		 lock_free(struct lock *);

/* Who we are, once the registration knows; no session can be had before.
 * Copied. */
void		 lock_identify(struct lock *, const char *node,
		    const char *address);
/* Until then again no session is made, and none is taken for one of an earlier
 * run: what is there is another agent's. */
void		 lock_bar(struct lock *);
/* No longer wanting a session destroys it. */
void		 lock_want_session(struct lock *, bool);
/* Takes the lock if it is still free as epoch, which seen has shown (0: there
 * is no key): ends in seen or refused. */
void		 lock_acquire(struct lock *, uint64_t epoch);
/* Reads the key now, consistently: ends in seen, or in key_trouble. */
void		 lock_look(struct lock *);
/* We have become the master: what was left with the lock is no matter any more,
 * and need not be handed on if we die. */
void		 lock_settle(struct lock *);
/* Gives the lock back; clean says in the key's value that nobody is master,
 * position ("" for none) how far the demoted copy has got, final that it has
 * been the master, so that nobody can have got further. */
void		 lock_release(struct lock *, bool clean, const char *position,
		    bool final);
/* The same as it was found, with the position of the one before: what he left is
 * still to be had from him. */
void		 lock_pass_on(struct lock *, bool clean);
/* Destroys the session, and says when that is over, well or not. */
void		 lock_leave(struct lock *, void (*done)(void *arg), void *arg);

/* Borrowed until the next event. */
const struct lock_before *lock_before(const struct lock *);
const char	*lock_session(const struct lock *);	/* "" where there is none */
/* Who has the lock and is of no copy of the service, and how to end that; "". */
const char	*lock_stranger(const struct lock *);

#endif

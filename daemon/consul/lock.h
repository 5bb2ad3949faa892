/*
 * lock.h - our session and the lock key in Consul.
 *
 * Always watches the key; holds a session while one is wanted; while the lock
 * is ours, gets a new proof every verify_interval.  It reports its findings in
 * core.h's terms, and decides nothing.
 *
 * The epoch is the key's ModifyIndex while the lock is held.  Every acquire is
 * a write, so it grows with every new holder; it also grows if an operator
 * overwrites the value meanwhile, which does no harm.  LockIndex, meant for
 * this, does not work: Consul starts it again when the key is deleted, and sets
 * it to 0 when the key is overwritten (seen with 1.8.7).
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

/* Begins to watch the key.  Borrows all but resume: the id of an earlier run's
 * session ("" for none), which we keep if it still holds the lock. */
struct lock	*lock_new(struct event_base *, struct consul *,
		    const struct config *, const char *resume,
		    const struct lock_events *, void *arg);
/* Cancels everything, and leaves the session and the lock in Consul as they
 * are. */
void		 lock_free(struct lock *);

/* Sets our node and address, once the registration knows them; no session is
 * created before that.  Copied. */
void		 lock_identify(struct lock *, const char *node,
		    const char *address);
/* Until lock_identify is called again, no session is created, and none is kept
 * from an earlier run: an existing one is another agent's. */
void		 lock_bar(struct lock *);
/* Destroys the session when it is no longer wanted. */
void		 lock_want_session(struct lock *, bool);
/* Takes the lock if it is still free with this epoch, which seen has reported
 * (0: there is no key): ends in seen or refused. */
void		 lock_acquire(struct lock *, uint64_t epoch);
/* Reads the key now, consistently: ends in seen, or in key_trouble. */
void		 lock_look(struct lock *);
/* We have become the master: the position that was left with the lock no longer
 * matters, and need not be passed on if we die. */
void		 lock_settle(struct lock *);
/* Why the lock will be released: copied, and written with the release. */
void		 lock_set_reason(struct lock *, const struct lock_reason *);
/* Releases the lock, and records in the key's value: clean, that no copy is a
 * master; position ("" for none), that of the demoted copy; final, that it has
 * been the master, so no copy can have more data. */
void		 lock_release(struct lock *, bool clean, const char *position,
		    bool final);
/* Releases the lock as it was found, with the previous master's position: its
 * data can still be fetched from it. */
void		 lock_pass_on(struct lock *, bool clean);
/* Destroys the session; done runs when that has succeeded or failed. */
void		 lock_leave(struct lock *, void (*done)(void *arg), void *arg);

/* Borrowed until the next event. */
const struct lock_before *lock_before(const struct lock *);
const char	*lock_session(const struct lock *);	/* "" for none */
/* The lock's holder, if it is not a copy of the service, and how to end that;
 * else "". */
const char	*lock_stranger(const struct lock *);

#endif

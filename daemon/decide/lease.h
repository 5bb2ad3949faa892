/*
 * lease.h - the dead man's switch: when must the guard demote the copy?
 *
 * Pure, as core.h: no I/O and no clock.  The same object file is in the guard,
 * in its unit tests and in the simulator.
 *
 * All times are milliseconds of one clock that never steps (clock_ms).  The
 * agent sends moments, never durations: a message that is read late, after a
 * pause for example, is still judged correctly.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <stdint.h>

/* Time after the end of its lease for a living agent to begin the demotion
 * itself.  It is part of the 1 s that the config keeps between fuse +
 * demote_deadline_ms and lock_delay. */
#define LEASE_SLACK_MS	200

struct lease {
	int64_t	 until;		/* the copy may be a master; 0: it is none */
	int64_t	 by;		/* it must not be a master any more */
	int64_t	 gone_at;	/* the agent was lost; -1: it is there */
	int64_t	 restart_wait_ms;	/* for a new agent, which continues */
	int64_t	 demote_deadline_ms;
	bool	 fired;		/* the guard demotes, until lease_end */
};

void	 lease_init(struct lease *, int64_t restart_wait_ms,
	    int64_t demote_deadline_ms);
/* Sets a lease, or changes it; false after it has fired. */
bool	 lease_hold(struct lease *, int64_t until, int64_t by);
/* The copy is not a master (any more). */
void	 lease_end(struct lease *);
void	 lease_lose_agent(struct lease *, int64_t now);

/* When lease_fire (or, without a lease, lease_is_over) must be asked again;
 * INT64_MAX: not until something changes. */
int64_t	 lease_wake(const struct lease *);
/* True once, when the guard must demote the copy; deadline is when that must
 * have succeeded. */
bool	 lease_fire(struct lease *, int64_t now, int64_t *deadline);
/* The same at once, at the agent's request; gives the deadline. */
int64_t	 lease_fire_now(struct lease *, int64_t now);
/* True if there is no lease, and no agent comes back: then the guard must take
 * the copy out of the service. */
bool	 lease_is_over(const struct lease *, int64_t now);

#endif

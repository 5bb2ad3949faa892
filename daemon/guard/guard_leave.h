/*
 * guard_leave.h - leaving, for an agent that can't: a run of `consul-failover
 * leave`, which releases the lock.
 */
#ifndef GUARD_LEAVE_H
#define GUARD_LEAVE_H

struct guard;

/* Starts it, instead of one that runs: "released", "dropped" or
 * "unfenced", as for leave (borrowed).  A failure is logged. */
void	guard_leave(struct guard *, const char *as);
/* Kills it.  None is fine. */
void	guard_leave_stop(struct guard *);
/* It has ended, or its time is over: without an agent, ends the process. */
void	guard_leave_ended(struct guard *);

#endif

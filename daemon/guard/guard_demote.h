/*
 * guard_demote.h - demoting the copy, in a handler of our own.
 *
 * ensure_demoted is called until it succeeds, or the deadline (ms of clock_ms)
 * has come.  The result is reported to the agent; after a failure the config's
 * on_fence_failure is run.
 */
#ifndef GUARD_DEMOTE_H
#define GUARD_DEMOTE_H

#include <stdint.h>

struct guard;

/* The lease is over: ends the agent's own call, and begins. */
void	guard_demote_fire(struct guard *, int64_t deadline_ms);
/* Begins, again. */
void	guard_demote(struct guard *, int64_t deadline_ms);
/* The next call, in the handler that is there or a new one. */
void	guard_demote_call(struct guard *);
/* Gives it up: the deadline has come. */
void	guard_demote_fail(struct guard *);
/* Kills the handler.  None is fine. */
void	guard_demote_bury(struct guard *);
/* Reads one message of the handler, or its end. */
void	guard_demote_read(struct guard *);

#endif

/*
 * handover.h - what one master leaves to the next with the lock, and what the
 * next one is to wait for.
 *
 * What a demoted copy leaves with the lock is how far it has got: all there is,
 * if it has been the master.  One that has not may lack what it was to wait
 * for, and then it passes that on.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>

#include <consul-failover/plugin.h>

#include "core.h"
#include "handler.h"
#include "lock.h"

/* Zero at first. */
struct handover {
	char			 position[FAILOVER_POSITION];	/* or "" */
	char			 untold[CORE_TEXT];	/* why it is not, yet */
	struct core_action	 asked;		/* the call that asks for it */
	bool			 compares;	/* has it what was left to it? */
	bool			 passes_on;	/* that, as long as it does not
						 * tell what it has itself */
	bool			 final;		/* nobody has more */
	bool			 caught_up;	/* it is said that we gave up */
};

/* What CORE_OP_POSITION asks the plugin: fills the call, which borrows of
 * before.  again: the copy has what it was to wait for. */
void	handover_ask(struct handover *, const struct lock_before *before,
	    const struct core_action *, bool again, struct handler_call *);
/* The answer, as the event that the core shall have of it; false: it must be
 * asked again first, with `asked`. */
bool	handover_answered(struct handover *, enum handler_result,
	    struct core_event *);
/* CORE_DO_RELEASE. */
void	handover_release(struct handover *, struct lock *,
	    const struct core_action *);

/* Tells ensure_master who was master before, and what he left; unless we have
 * waited for that long enough, which is said once where the copy gets promoted.
 * The call borrows of before. */
void	handover_tell(struct handover *, const struct lock_before *before,
	    bool enough, bool promoting, struct handler_call *);

#endif

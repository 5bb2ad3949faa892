/*
 * handover.h - what one master leaves to the next with the lock, and what the
 * next one must wait for.
 *
 * A demoted copy leaves its position with the lock.  If it has been the master,
 * no copy has more data.  If not, it may lack the data that it had to wait for;
 * then it passes on the position that was left to it, unless it no longer waited:
 * then it may have taken writes, which only its own position names.
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
	char			 untold[CORE_TEXT];	/* why not yet */
	struct core_action	 asked;		/* the call that asks for it */
	bool			 compares;	/* asked: has it what was left? */
	bool			 passes_on;	/* what was left, until the copy
						 * has reported its own */
	bool			 final;		/* no copy has more data */
	bool			 goes_without;	/* what was left, if need be */
	char			 lacks[CORE_TEXT];	/* what it went without,
							 * for people; or "" */
};

/* CORE_DO_ACQUIRE: what was left with the lock is not known yet. */
void	handover_begin(struct handover *);
/* Fills the plugin's call for CORE_OP_POSITION, which borrows from before.
 * again: the copy has the data that it had to wait for. */
void	handover_ask(struct handover *, const struct lock_before *before,
	    const struct core_action *, bool again, struct handler_call *);
/* Makes the core's event of the answer; false: ask again first, with
 * `asked`. */
bool	handover_answered(struct handover *, enum handler_result,
	    struct core_event *);
/* CORE_DO_RELEASE. */
void	handover_release(struct handover *, struct lock *,
	    const struct core_action *);

/* Gives ensure_master the previous master and the position that it left, unless
 * we have waited long enough for that; this is logged once per promotion.  The
 * call borrows from before. */
void	handover_tell(struct handover *, const struct lock_before *before,
	    bool enough, bool promoting, struct handler_call *);

#endif

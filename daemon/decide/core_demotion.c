/* core_demotion.c - stepping down: the copy is demoted, the lock given back. */

#include "core_demotion.h"

#include "core_acquire.h"
#include "core_call.h"
#include "core_do.h"
#include "core_due.h"
#include "core_guard.h"
#include "core_lock.h"
#include "core_session.h"

/* No demotion is begun that has less than this of its deadline left. */
#define LAST_CALL	100
/* A demoted copy tells in this time how far it has got, or never. */
#define POSITION_LIMIT	1000
/* One that says "again", because it still stops, is asked again for so long:
 * it is no master any more, so nobody is in a hurry but its clients. */
#define POSITION_WAIT	5000

void
core_demotion_released(struct core *c, bool known)
{
	if (c->release != CORE_RELEASE_RELEASING)
		return;
	c->release = CORE_RELEASE_GIVEN_BACK;
	if (!known)
		core_session_drop(c);
	c->lock.owner = known ? CORE_LOCK_FREE : CORE_LOCK_UNKNOWN;
	c->lock.clean = true;
	c->given_back_at = c->now;
	/* Let the others have it first. */
	c->acquire_at = c->now + 2 * CORE_ACQUIRE_PAUSE;
}

void
core_demotion_pass_time(struct core *c)
{
	if (c->state != CORE_STATE_DEMOTING)
		return;
	if (c->maybe_master && !c->demote_late && c->config.can_demote &&
	    core_due(c, c->since + c->config.demote_deadline)) {
		c->demote_late = true;
		core_session_drop(c);
		c->unfenced = c->made_master;
		core_do_say(c, c->made_master ? "The copy could not be demoted "
		    "within %.1f s and MAY STILL BE A MASTER (%.300s). Stop "
		    "the application by hand. Retrying; other nodes can take "
		    "the lock after its lock-delay" : "The copy could not be "
		    "made to reject writes within %.1f s (%.300s). There is no "
		    "record that this node promoted it. If it accepts writes, "
		    "stop the application by hand. Retrying",
		    (double)c->config.demote_deadline / 1000,
		    c->call_text[0] != '\0' ? c->call_text : "no answer");
		/* It said "again" until now, and the next call may hang. */
		core_guard_ask(c);
	}
	if (c->maybe_master && !c->config.can_demote &&
	    core_due(c, c->guard.busy_until)) {
		c->unfenced = true;
		c->maybe_master = false;
		core_do_say(c, "The plugin has no ensure_demoted, so the copy "
		    "MAY STILL BE A MASTER until ensure_slave has run. Stop "
		    "the application by hand; other nodes can take the lock "
		    "after its lock-delay");
	}
	if (c->release == CORE_RELEASE_RELEASING && core_due(c, c->release_by))
		core_demotion_released(c, false);
}

/* Demoted, or given up in a stop, and the lock given back where that helps. */
bool
core_demotion_is_over(const struct core *c)
{
	if (c->maybe_master)
		return c->stop && c->demote_late;
	return c->lock.owner != CORE_LOCK_OURS || c->proof_lost ||
	    c->demote_late || c->release == CORE_RELEASE_GIVEN_BACK;
}

void
core_demotion_enter(struct core *c)
{
	core_call_cancel(c);
	c->proof_lost = core_lock_is_ours(c) && core_lock_fuse_burnt(c);
	c->demote_late = false;
	c->release = CORE_RELEASE_KEPT;
	c->position_asked = c->position_told = false;
	c->position_at = c->now;
	c->position_until = 0;
	/* A plugin that can't demote leaves that to ensure_slave; but if the
	 * lock is lost, the guard can still do what the operator has given it
	 * for this. */
	if (!c->config.can_demote) {
		c->maybe_master = c->maybe_master &&
		    (c->proof_lost || c->guard.fired);
		if (c->maybe_master)
			core_guard_ask(c);
	}
}

void
core_demotion_leave(struct core *c)
{
	/* What we knew of a lock that we lost or dropped is worth nothing. */
	if (core_lock_is_ours(c))
		c->lock.owner = CORE_LOCK_UNKNOWN;
	core_guard_end_demotion(c);
	c->release = CORE_RELEASE_KEPT;
	c->was_master = false;
	c->proof_lost = c->demote_late = false;
}

/* What a demoted copy has, the next master must have too; where it can't be told
 * in time, nobody waits for that. */
static bool
position_known(const struct core *c)
{
	return !c->config.can_tell || !c->config.can_demote ||
	    (c->position_asked && c->op == CORE_OP_NONE);
}

void
core_demotion_work(struct core *c)
{
	int64_t	left = c->since + c->config.demote_deadline - c->now;

	if (c->maybe_master && !core_due(c, c->guard.busy_until)) {
		return;		/* the guard is at it */
	} else if (c->maybe_master) {
		/* What is too short to do it would only hide why it failed. */
		if (c->not_done > 0 && left > 0 && left < LAST_CALL)
			core_due(c, c->now + left);
		else if (c->op == CORE_OP_NONE && core_due(c, c->call_at))
			core_call(c, CORE_OP_ENSURE_DEMOTED,
			    left > 0 ? left : c->config.demote_deadline);
	} else if (c->release == CORE_RELEASE_KEPT && !position_known(c)) {
		if (c->op != CORE_OP_NONE || !core_due(c, c->position_at))
			return;
		if (c->position_until == 0)
			c->position_until = c->now + POSITION_WAIT;
		core_call(c, CORE_OP_POSITION, POSITION_LIMIT);
		c->position_asked = true;
	} else if (c->release == CORE_RELEASE_KEPT) {
		struct core_action	*a;

		/* A release that is answered late must not take the lock from
		 * a next run of ours that goes on with this session. */
		core_do(c, CORE_DO_REMEMBER)->remember.epoch = 0;
		a = core_do(c, CORE_DO_RELEASE);
		a->release.with_position = c->position_told;
		/* Not if it can't be demoted, but by becoming a slave. */
		a->release.clean = c->now >= c->grace_until &&
		    c->config.can_demote;
		c->release = CORE_RELEASE_RELEASING;
		c->release_by = c->now + 2 * c->config.request_timeout;
	} else
		core_due(c, c->release_by);
}

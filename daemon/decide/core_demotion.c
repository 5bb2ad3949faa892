/* core_demotion.c - the copy is demoted, and then the lock is released. */

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
#define POSITION_PAUSE	100

/* The lock is given back (known), or that can't be told. */
static void
released(struct core *c, bool known)
{
	if (c->demotion.step != CORE_DEMOTION_RELEASING)
		return;
	c->demotion.step = CORE_DEMOTION_RELEASED;
	if (!known)
		core_session_drop(c);
	core_lock_release(c, known);
	core_acquire_give_way(c);
}

static void
learn_position(struct core *c, enum core_result result)
{
	struct core_demotion	*d = &c->demotion;

	d->position_told = result == CORE_RESULT_DONE;
	d->position_at = c->now + POSITION_PAUSE;
	if (result != CORE_RESULT_AGAIN || c->now >= d->position_until)
		d->step = CORE_DEMOTION_RELEASE;
}

void
core_demotion_learn(struct core *c, const struct core_event *ev)
{
	if (ev->type == CORE_EV_RELEASED)
		released(c, ev->released.known);
	else if (c->demotion.step == CORE_DEMOTION_POSITION)
		learn_position(c, ev->call.result);
}

static void
be_late(struct core *c)
{
	c->demotion.late = true;
	core_session_drop(c);
	c->unfenced = c->made_master;
	core_do_say(c, c->made_master ? "The copy could not be demoted "
	    "within %.1f s and MAY STILL BE A MASTER (%.300s). Stop "
	    "the application by hand. Retrying; other nodes can take "
	    "the lock after its lock-delay" : "The copy could not be "
	    "made to reject writes within %.1f s (%.300s). There is no "
	    "record that this node promoted it. If it accepts writes, "
	    "stop the application by hand. Retrying",
	    (double)c->config.demote_deadline_ms / 1000,
	    c->call_text[0] != '\0' ? c->call_text : "no answer");
	/* It said "again" until now, and the next call may hang. */
	core_guard_ask(c);
}

static void
leave_to_ensure_slave(struct core *c)
{
	c->unfenced = true;
	c->maybe_master = false;
	core_do_say(c, "The plugin has no ensure_demoted, so the copy "
	    "MAY STILL BE A MASTER until ensure_slave has run. Stop "
	    "the application by hand; other nodes can take the lock "
	    "after its lock-delay");
}

void
core_demotion_pass_time(struct core *c)
{
	const struct core_demotion	*d = &c->demotion;

	if (c->state != CORE_STATE_DEMOTING)
		return;
	if (c->maybe_master && !d->late && c->config.can_demote &&
	    core_due(c, c->since + c->config.demote_deadline_ms))
		be_late(c);
	if (c->maybe_master && !c->config.can_demote &&
	    core_due(c, c->guard.busy_until))
		leave_to_ensure_slave(c);
	if (d->step == CORE_DEMOTION_RELEASING && core_due(c, d->release_by))
		released(c, false);
}

/* Demoted, or given up in a stop, and the lock given back where that helps. */
bool
core_demotion_is_over(const struct core *c)
{
	const struct core_demotion	*d = &c->demotion;

	if (c->maybe_master)
		return c->stop && d->late;
	return !core_lock_is_ours(c) || d->proof_lost || d->late ||
	    d->step == CORE_DEMOTION_RELEASED;
}

void
core_demotion_enter(struct core *c, bool was_master)
{
	core_call_cancel(c);
	c->demotion = (struct core_demotion){
		.step = CORE_DEMOTION_BEGUN,
		.was_master = was_master,
		.proof_lost = core_lock_is_ours(c) && core_lock_fuse_burnt(c),
	};
	/* A plugin that can't demote leaves that to ensure_slave; but if the
	 * lock is lost, the guard can still do what the operator has given it
	 * for this. */
	if (!c->config.can_demote) {
		c->maybe_master = c->maybe_master &&
		    (c->demotion.proof_lost || c->guard.fired);
		if (c->maybe_master)
			core_guard_ask(c);
	}
}

void
core_demotion_leave(struct core *c)
{
	/* What we knew of a lock that we lost or dropped is worth nothing. */
	if (core_lock_is_ours(c))
		core_lock_forget(c);
	core_guard_end_demotion(c);
	c->demotion = (struct core_demotion){ .step = CORE_DEMOTION_NONE };
}

static void
demote(struct core *c)
{
	int64_t	left = c->since + c->config.demote_deadline_ms - c->now;

	if (!core_due(c, c->guard.busy_until))
		return;		/* the guard is at it */
	/* What is too short to do it would only hide why it failed. */
	if (c->not_done > 0 && left > 0 && left < LAST_CALL)
		core_due(c, c->now + left);
	else if (c->op == CORE_OP_NONE && core_due(c, c->call_at))
		core_call(c, CORE_OP_ENSURE_DEMOTED,
		    left > 0 ? left : c->config.demote_deadline_ms);
}

/* What a demoted copy has, the next master must have too; where it can't be told
 * in time, nobody waits for that. */
static void
ask_position(struct core *c)
{
	struct core_demotion	*d = &c->demotion;

	if (c->op != CORE_OP_NONE || !core_due(c, d->position_at))
		return;
	if (d->position_until == 0)
		d->position_until = c->now + POSITION_WAIT;
	core_call(c, CORE_OP_POSITION, POSITION_LIMIT);
}

static void
release(struct core *c)
{
	struct core_demotion	*d = &c->demotion;
	struct core_action	*a;

	/* A release that is answered late must not take the lock from a next
	 * run of ours that goes on with this session. */
	core_do(c, CORE_DO_REMEMBER)->remember.epoch = 0;
	a = core_do(c, CORE_DO_RELEASE);
	a->release.with_position = d->position_told;
	/* Not if it can't be demoted, but by becoming a slave. */
	a->release.clean = c->now >= c->grace_until && c->config.can_demote;
	d->step = CORE_DEMOTION_RELEASING;
	d->release_by = c->now + 2 * c->config.request_timeout_ms;
}

void
core_demotion_work(struct core *c)
{
	struct core_demotion	*d = &c->demotion;

	if (d->step == CORE_DEMOTION_BEGUN && !c->maybe_master)
		d->step = CORE_DEMOTION_POSITION;
	if (d->step == CORE_DEMOTION_POSITION &&
	    (!c->config.can_tell || !c->config.can_demote))
		d->step = CORE_DEMOTION_RELEASE;
	switch (d->step) {
	case CORE_DEMOTION_BEGUN:
		demote(c);
		break;
	case CORE_DEMOTION_POSITION:
		ask_position(c);
		break;
	case CORE_DEMOTION_RELEASE:
		release(c);
		break;
	case CORE_DEMOTION_RELEASING:
		core_due(c, d->release_by);
		break;
	case CORE_DEMOTION_NONE:
	case CORE_DEMOTION_RELEASED:
		break;
	}
}

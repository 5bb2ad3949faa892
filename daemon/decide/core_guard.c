/* core_guard.c - messages to and from the guard. */

#include "core_guard.h"

#include "core_call.h"
#include "core_do.h"
#include "core_due.h"
#include "core_session.h"
#include "text.h"

/* While we demote the copy ourselves, the guard is told so often that it need
 * not; it waits so long for the next word. */
#define DEMOTE_LEASE	300
#define DEMOTE_LEASE_NEXT 100
/* A guard that is asked to demote says in this time that it is at it. */
#define GUARD_ANSWER	1000

void
core_guard_init(struct core *c)
{
	/* Whether it has fired the guard says when it is told another. */
	if (c->config.inherited_until_ms != 0)
		c->guard = (struct core_lease){
			.state = CORE_LEASE_TOLD,
			.until = c->config.inherited_until_ms,
		};
}

/* By the end of the fuse and one demotion, because nobody else can have the
 * lock before; that is more time than one that begins earlier takes itself. */
static struct core_action *
tell_lease(struct core *c, int64_t until)
{
	struct core_action	*a = core_do(c, CORE_DO_LEASE);

	a->lease.until = c->guard.until = until;
	if (c->guard.state == CORE_LEASE_NONE)
		c->guard.state = CORE_LEASE_TOLD;
	a->lease.by = c->config.demote_deadline_ms +
	    (c->proof >= 0 ? c->proof + c->config.fuse_ms : c->since);
	a->lease.epoch = c->epoch;
	/* Without ensure_demoted no lock is ever given back clean. */
	a->lease.clean_at = c->config.can_demote ? c->grace_until : INT64_MAX;
	return a;
}

/* What we could not do, from a process and with a handler of its own it may. */
void
core_guard_ask(struct core *c)
{
	if (c->guard.held == 0 || c->guard.state == CORE_LEASE_ENDED)
		return;
	c->guard.state = CORE_LEASE_ENDED;
	c->guard.busy_until = c->now + GUARD_ANSWER;
	tell_lease(c, c->now)->lease.demote_now = true;
}

/* Before the copy is known to be demoted. */
static void
learn_of_lease(struct core *c, enum core_guard what, int64_t until)
{
	struct core_lease	*g = &c->guard;

	switch (what) {
	case CORE_GUARD_HOLDS:
		/* The first answer for this mastership, or a later one. */
		if (until != g->until && g->held == 0)
			break;
		g->held = until;
		if (g->state == CORE_LEASE_TOLD)
			g->state = CORE_LEASE_HELD;
		break;
	case CORE_GUARD_GONE:
		g->held = 0;
		g->state = CORE_LEASE_TOLD;
		g->busy_until = c->now;
		break;
	case CORE_GUARD_FIRED:
		if (g->fired)
			break;
		core_call_cancel(c);
		g->state = CORE_LEASE_ENDED;
		g->fired = c->state != CORE_STATE_STOPPING;
		g->busy_until = c->now + c->config.demote_deadline_ms +
		    GUARD_ANSWER;
		break;
	case CORE_GUARD_DEMOTED:
	case CORE_GUARD_FAILED:
		g->busy_until = c->now;
		break;
	}
}

void
core_guard_learn(struct core *c, const struct core_event *ev)
{
	enum core_guard	what = ev->guard.what;

	if (c->guard.state != CORE_LEASE_NONE) {
		learn_of_lease(c, what, ev->guard.until);
		if (what == CORE_GUARD_DEMOTED)
			core_call_demoted(c);
		if (what == CORE_GUARD_DEMOTED || what == CORE_GUARD_FAILED)
			text_copy(c->call_text, sizeof c->call_text,
			    ev->guard.text);
		return;
	}
	/* What else it has to say of an older lease is of no use.  We were
	 * demoted before; but it can give back what our session has. */
	if (what != CORE_GUARD_FIRED)
		return;
	c->guard.fired = c->state == CORE_STATE_DEMOTING;
	if (!c->guard.fired)
		core_session_drop(c);
}

void
core_guard_end_demotion(struct core *c)
{
	/* The guard's own release may be on its way: nothing that it could end
	 * may be built on this session any more. */
	if (c->guard.fired)
		core_session_drop(c);
	c->guard.fired = false;
}

/*
 * What the guard is told: how long the copy may be a master without a word from
 * us.  While we demote it ourselves that is from moment to moment.
 */

static int64_t
lease_wanted(struct core *c)
{
	if (c->state == CORE_STATE_PROMOTING || c->state == CORE_STATE_MASTER)
		return c->proof + c->config.fuse_ms;
	if (!c->maybe_master)
		return 0;
	if (c->state != CORE_STATE_DEMOTING ||
	    c->guard.state == CORE_LEASE_NONE || !core_due(c, c->guard.next))
		return c->guard.until;
	c->guard.next = c->now + DEMOTE_LEASE_NEXT;
	core_due(c, c->guard.next);
	return c->now + DEMOTE_LEASE;
}

void
core_guard_work(struct core *c)
{
	int64_t	until = lease_wanted(c);

	if (until == c->guard.until)
		return;
	if (until == 0) {
		core_do(c, CORE_DO_END_LEASE);
		c->guard = (struct core_lease){ .fired = c->guard.fired };
	} else
		tell_lease(c, until);
}

/* core_guard.c - what the guard is told, and what it says. */

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

/* By the end of the fuse and one demotion, because nobody else can have the
 * lock before; that is more time than one that begins earlier takes itself. */
static struct core_action *
tell_lease(struct core *c, int64_t until)
{
	struct core_action	*a = core_do(c, CORE_DO_LEASE);

	a->lease.until = c->lease = until;
	a->lease.by = c->config.demote_deadline +
	    (c->proof >= 0 ? c->proof + c->config.fuse : c->since);
	a->lease.epoch = c->epoch;
	/* Without ensure_demoted no lock is ever given back clean. */
	a->lease.clean_at = c->config.can_demote ? c->grace_until : INT64_MAX;
	return a;
}

/* What we could not do, from a process and with a handler of its own it may. */
void
core_guard_ask(struct core *c)
{
	if (c->held == 0 || c->guard_asked)
		return;
	c->guard_asked = true;
	c->guard_until = c->now + GUARD_ANSWER;
	tell_lease(c, c->now)->lease.demote_now = true;
}

void
core_guard_learn(struct core *c, const struct core_event *ev)
{
	enum core_guard	what = ev->guard.what;

	/* The first answer for this mastership, or a later one. */
	if (what == CORE_GUARD_HOLDS && c->lease != 0 &&
	    (ev->guard.until == c->lease || c->held != 0))
		c->held = ev->guard.until;
	if (what == CORE_GUARD_GONE) {
		c->held = 0;
		c->guard_asked = false;
	}
	/* We were demoted before; but it can give back what our session has. */
	if (c->lease == 0 && what == CORE_GUARD_FIRED) {
		c->guard_fired = c->state == CORE_STATE_DEMOTING;
		if (!c->guard_fired)
			core_session_drop(c);
	}
	/* What else it has to say of an older lease is of no use. */
	if (what == CORE_GUARD_HOLDS || c->lease == 0)
		return;
	if (what != CORE_GUARD_FIRED) {
		c->guard_until = c->now;
	} else if (!c->guard_fired) {
		core_call_cancel(c);
		c->guard_fired = c->guard_asked = true;
		c->guard_until = c->now + c->config.demote_deadline +
		    GUARD_ANSWER;
	}
	if (what == CORE_GUARD_DEMOTED)
		core_call_demoted(c);
	if (what == CORE_GUARD_DEMOTED || what == CORE_GUARD_FAILED)
		text_copy(c->call_text, sizeof c->call_text, ev->guard.text);
}

/*
 * What the guard is told: how long the copy may be a master without a word from
 * us.  While we demote it ourselves that is from moment to moment.
 */

static int64_t
lease_wanted(struct core *c)
{
	if (c->state == CORE_STATE_PROMOTING || c->state == CORE_STATE_MASTER)
		return c->proof + c->config.fuse;
	if (!c->maybe_master)
		return 0;
	if (c->state != CORE_STATE_DEMOTING || c->lease == 0 ||
	    !core_due(c, c->lease_next))
		return c->lease;
	c->lease_next = c->now + DEMOTE_LEASE_NEXT;
	core_due(c, c->lease_next);
	return c->now + DEMOTE_LEASE;
}

void
core_guard_hold_lease(struct core *c)
{
	int64_t	until = lease_wanted(c);

	if (until == c->lease)
		return;
	if (until == 0) {
		core_do(c, CORE_DO_END_LEASE);
		c->lease = c->held = 0;
	} else
		tell_lease(c, until);
}

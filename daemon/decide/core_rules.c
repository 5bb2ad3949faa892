/* core_rules.c - the table: which state follows which, and when. */

#include "core_rules.h"

#include <stdio.h>

#include "core_acquire.h"
#include "core_adopt.h"
#include "core_call.h"
#include "core_demotion.h"
#include "core_do.h"
#include "core_due.h"
#include "core_health.h"
#include "core_lock.h"
#include "core_session.h"
#include "text.h"

/* So many failures of ensure_master in a row cost the lock. */
#define MASTER_FAILURES	3
/* A node that could not be made master leaves the lock to others for this
 * long, twice as long each time, up to HOLD_OFF << HOLD_OFF_DOUBLINGS. */
#define HOLD_OFF	10000
#define HOLD_OFF_DOUBLINGS 3
/* A master that has yielded, and got the lock back, keeps it for so long. */
#define YIELD_PAUSE	300000

/*
 * The conditions of the table.
 */

static bool
stop(struct core *c)
{
	return c->stop;
}

static bool
disabled(struct core *c)
{
	return c->disabled;
}

static bool
enabled(struct core *c)
{
	return !c->disabled;
}

/* Once in a while: if nobody takes it, a master that goes on is better. */
static bool
yields(struct core *c)
{
	return c->yields && core_due(c, c->yield_at);
}

static bool
bad(struct core *c)
{
	return core_health_is_bad(c);
}

static bool
not_bad(struct core *c)
{
	return c->health != CORE_HEALTH_UNKNOWN && !bad(c);
}

static bool
lock_free(struct core *c)
{
	return core_lock_is_free(c);
}

static bool
lock_ours(struct core *c)
{
	return core_lock_is_ours(c);
}

static bool
must_not_have(struct core *c)
{
	return core_acquire_regrets(c);
}

static bool
lock_theirs(struct core *c)
{
	return core_lock_is_theirs(c);
}

static bool
lock_known(struct core *c)
{
	return c->lock.owner != CORE_LOCK_UNKNOWN;
}

static bool
lock_unknown(struct core *c)
{
	return !lock_known(c);
}

/* We register with the plugin's first verdict, and ask Consul after that. */
static bool
unasked(struct core *c)
{
	return c->health == CORE_HEALTH_UNKNOWN && lock_unknown(c);
}

static bool
no_session(struct core *c)
{
	return !core_session_exists(c);
}

static bool
fuse_burnt(struct core *c)
{
	return core_lock_fuse_burnt(c);
}

/* This copy was master when the agent last ran, and the lock says it still is. */
static bool
ours_from_before(struct core *c)
{
	return lock_ours(c) && c->lock.epoch == c->config.resume_epoch &&
	    !fuse_burnt(c) && !c->guard.fired && !c->stop && !c->disabled &&
	    (!c->config.never_master || !c->config.can_demote) && !bad(c);
}

static bool
may_resume(struct core *c)
{
	return ours_from_before(c) && not_bad(c);
}

static bool
stops_unadopted(struct core *c)
{
	return c->stop && core_adopt_alone(c);
}

static bool
may_adopt(struct core *c)
{
	return c->adopting && lock_ours(c) && !c->lock.made &&
	    !fuse_burnt(c) && !c->guard.fired && !c->stop && !c->disabled &&
	    not_bad(c);
}

static bool
may_not_resume(struct core *c)
{
	if (lock_unknown(c) && !c->stop && !c->guard.fired)
		return core_due(c, c->since + (c->lock.missing &&
		    !c->made_master ? c->config.fuse_ms :
		    c->config.request_timeout_ms));
	return !ours_from_before(c) && !core_adopt_may(c);
}

static bool
guard_fired(struct core *c)
{
	return c->guard.fired;
}

static bool
promoted(struct core *c)
{
	return c->op == CORE_OP_NONE && c->done == CORE_OP_ENSURE_MASTER;
}

static bool
master_failed(struct core *c)
{
	return c->master_failures >= MASTER_FAILURES;
}

static bool
promotion_late(struct core *c)
{
	return core_due(c, core_call_promotion_begun(c) +
	    c->config.promote_limit_ms);
}

/*
 * What is true is looked up from the top; the first row whose condition holds
 * is taken, then the next state's rows are looked at, until none holds.  The
 * rows of DEMOTING count only when stepping down is over.
 */
const struct core_rule core_rules[] = {
/* in			when		  goes to		because */
{ CORE_STATE_STARTING,	may_resume,	  CORE_STATE_PROMOTING, "this node still holds the lock", CORE_RULE_NOTHING, true },
{ CORE_STATE_STARTING,	may_adopt,	  CORE_STATE_PROMOTING, "the lock was never held, and there is no other copy", CORE_RULE_NOTHING, true },
{ CORE_STATE_STARTING,	stops_unadopted,  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_STARTING,	may_not_resume,	  CORE_STATE_DEMOTING,	"the copy may still be a master", CORE_RULE_NOTHING, true },

{ CORE_STATE_UNHEALTHY, stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_UNHEALTHY, disabled,	  CORE_STATE_DISABLED,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_UNHEALTHY, not_bad,	  CORE_STATE_CANDIDATE, "the application is healthy again", CORE_RULE_NOTHING, true },

{ CORE_STATE_DISABLED,	stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_DISABLED,	enabled,	  CORE_STATE_CANDIDATE, "the disable file is gone", CORE_RULE_DISABLE, false },

{ CORE_STATE_CANDIDATE, stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_CANDIDATE, disabled,	  CORE_STATE_DISABLED,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_CANDIDATE, bad,		  CORE_STATE_UNHEALTHY, "the application is not healthy", CORE_RULE_HEALTH, true },
{ CORE_STATE_CANDIDATE, must_not_have, CORE_STATE_DEMOTING,	"we have the lock, but this copy must not be master", CORE_RULE_NOTHING, false },
{ CORE_STATE_CANDIDATE, lock_ours,	  CORE_STATE_PROMOTING, "we have the lock", CORE_RULE_NOTHING, true },
{ CORE_STATE_CANDIDATE, lock_theirs,	  CORE_STATE_SLAVE,	"another node has the lock", CORE_RULE_HOLDER, false },

{ CORE_STATE_PROMOTING, fuse_burnt,	  CORE_STATE_DEMOTING,	"Consul has not confirmed our lock in time", CORE_RULE_NOTHING, false },
{ CORE_STATE_PROMOTING, guard_fired,	  CORE_STATE_DEMOTING,	"the guard did not hear from the agent in time, and demotes the copy", CORE_RULE_NOTHING, false },
{ CORE_STATE_PROMOTING, lock_theirs,	  CORE_STATE_DEMOTING,	"another node has the lock", CORE_RULE_HOLDER, false },
{ CORE_STATE_PROMOTING, no_session,	  CORE_STATE_DEMOTING,	"our session in Consul is gone", CORE_RULE_NOTHING, false },
{ CORE_STATE_PROMOTING, lock_free,	  CORE_STATE_DEMOTING,	"the lock was taken from us", CORE_RULE_NOTHING, false },
{ CORE_STATE_PROMOTING, stop,		  CORE_STATE_DEMOTING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_PROMOTING, disabled,	  CORE_STATE_DEMOTING,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_PROMOTING, bad,		  CORE_STATE_DEMOTING,	"the application is not healthy", CORE_RULE_HEALTH, false },
{ CORE_STATE_PROMOTING, master_failed,	  CORE_STATE_DEMOTING,	"ensure_master failed repeatedly", CORE_RULE_CALL, false },
{ CORE_STATE_PROMOTING, promotion_late,	  CORE_STATE_DEMOTING,	"ensure_master has not ended within promote_limit", CORE_RULE_CALL, false },
{ CORE_STATE_PROMOTING, promoted,	  CORE_STATE_MASTER,	"ensure_master is done", CORE_RULE_CALL, true },

{ CORE_STATE_MASTER,	fuse_burnt,	  CORE_STATE_DEMOTING,	"Consul has not confirmed our lock in time", CORE_RULE_NOTHING, false },
{ CORE_STATE_MASTER,	guard_fired,	  CORE_STATE_DEMOTING,	"the guard did not hear from the agent in time, and demotes the copy", CORE_RULE_NOTHING, false },
{ CORE_STATE_MASTER,	lock_theirs,	  CORE_STATE_DEMOTING,	"another node has the lock", CORE_RULE_HOLDER, false },
{ CORE_STATE_MASTER,	no_session,	  CORE_STATE_DEMOTING,	"our session in Consul is gone", CORE_RULE_NOTHING, false },
{ CORE_STATE_MASTER,	lock_free,	  CORE_STATE_DEMOTING,	"the lock was taken from us", CORE_RULE_NOTHING, false },
{ CORE_STATE_MASTER,	stop,		  CORE_STATE_DEMOTING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_MASTER,	disabled,	  CORE_STATE_DEMOTING,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_MASTER,	yields,		  CORE_STATE_DEMOTING,	"Consul does not hand out this copy, but another one", CORE_RULE_YIELD, false },
{ CORE_STATE_MASTER,	bad,		  CORE_STATE_DEMOTING,	"the application is not healthy", CORE_RULE_HEALTH, false },
{ CORE_STATE_MASTER,	master_failed,	  CORE_STATE_DEMOTING,	"ensure_master failed repeatedly", CORE_RULE_CALL, false },

{ CORE_STATE_DEMOTING,	stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_DEMOTING,	disabled,	  CORE_STATE_DISABLED,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_DEMOTING,	bad,		  CORE_STATE_UNHEALTHY, "the application is not healthy", CORE_RULE_HEALTH, true },
{ CORE_STATE_DEMOTING,	unasked,	  CORE_STATE_FENCED,	"the plugin has not reported its health yet", CORE_RULE_NOTHING, false },
{ CORE_STATE_DEMOTING,	lock_unknown,	  CORE_STATE_FENCED,	"Consul does not report the lock's holder", CORE_RULE_NOTHING, false },
{ CORE_STATE_DEMOTING,	lock_theirs,	  CORE_STATE_SLAVE,	"another node has the lock", CORE_RULE_HOLDER, false },
{ CORE_STATE_DEMOTING,	lock_known,	  CORE_STATE_CANDIDATE, "the copy is not a master", CORE_RULE_NOTHING, true },

{ CORE_STATE_SLAVE,	stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_SLAVE,	disabled,	  CORE_STATE_DISABLED,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_SLAVE,	bad,		  CORE_STATE_UNHEALTHY, "the application is not healthy", CORE_RULE_HEALTH, true },
{ CORE_STATE_SLAVE,	lock_free,	  CORE_STATE_CANDIDATE, "the lock is free", CORE_RULE_NOTHING, true },
{ CORE_STATE_SLAVE,	must_not_have,	  CORE_STATE_DEMOTING,	"we have the lock, but this copy must not be master", CORE_RULE_NOTHING, false },
{ CORE_STATE_SLAVE,	lock_ours,	  CORE_STATE_PROMOTING, "we have the lock", CORE_RULE_NOTHING, true },

{ CORE_STATE_FENCED,	stop,		  CORE_STATE_STOPPING,	"stop requested", CORE_RULE_STOP, false },
{ CORE_STATE_FENCED,	disabled,	  CORE_STATE_DISABLED,	"the disable file exists", CORE_RULE_DISABLE, false },
{ CORE_STATE_FENCED,	lock_known,	  CORE_STATE_CANDIDATE, "Consul reports the lock's holder again", CORE_RULE_NOTHING, false },
};

const size_t	core_rules_count = sizeof core_rules / sizeof core_rules[0];

/* A copy that could not be made master leaves the lock to others for a while. */
static void
hold_off(struct core *c)
{
	int	n = c->promote_failures < HOLD_OFF_DOUBLINGS ?
		    c->promote_failures : HOLD_OFF_DOUBLINGS;

	c->hold_off = c->now + ((int64_t)HOLD_OFF << n);
	c->promote_failures++;
}

/* The work of a state starts at once, and with nothing said about it yet. */
static void
enter(struct core *c, enum core_state from)
{
	struct core_action	*a;

	if (from == CORE_STATE_PROMOTING && c->state == CORE_STATE_DEMOTING &&
	    (master_failed(c) || promotion_late(c)))
		hold_off(c);
	if (from == CORE_STATE_MASTER && c->state == CORE_STATE_DEMOTING &&
	    yields(c)) {
		c->hold_off = c->now + HOLD_OFF;
		c->yield_at = c->now + YIELD_PAUSE;
	}
	if (c->op == CORE_OP_POSITION)
		core_call_cancel(c);	/* nobody waits for it any more */
	c->since = c->now;
	if (c->state == CORE_STATE_MASTER) {
		c->promote_failures = 0;
		c->unfenced = false;
		core_do(c, CORE_DO_REMEMBER)->remember.epoch = c->lock.epoch;
		return;		/* ensure_master has just been done */
	}
	c->call_at = c->now;
	c->done = CORE_OP_NONE;
	c->failed = false;
	c->not_done = 0;
	text_copy(c->call_text, sizeof c->call_text, "");
	if (c->state == CORE_STATE_PROMOTING)
		c->master_failures = 0;
	else if (c->state == CORE_STATE_DEMOTING)
		core_demotion_enter(c, from == CORE_STATE_MASTER);
	else if (c->state == CORE_STATE_STOPPING) {
		/* Not taken over: it is left as its operator has made it. */
		c->maybe_master = c->maybe_master &&
		    from != CORE_STATE_STARTING;
		a = core_do(c, CORE_DO_LEAVE);
		a->leave.demoted = !c->maybe_master;
		a->leave.deregister = !c->maybe_master || !c->made_master;
	}
}

static void
explain(const struct core *c, const struct core_rule *r, char *text,
    size_t size)
{
	const char	*more = "";

	switch (r->detail) {
	case CORE_RULE_NOTHING:
		break;
	case CORE_RULE_HEALTH:
		more = c->health_text;
		break;
	case CORE_RULE_CALL:
		more = c->call_text;
		break;
	case CORE_RULE_HOLDER:
		more = c->lock.node;
		break;
	case CORE_RULE_STOP:
		more = c->stop_text;
		break;
	case CORE_RULE_YIELD:
		more = c->yield_text;
		break;
	case CORE_RULE_DISABLE:
		more = c->disabled_text;
		break;
	}
	snprintf(text, size, "%s%s%.400s", r->because,
	    more[0] == '\0' ? "" : ": ", more);
}

/* Takes one row of the table; false when none holds. */
bool
core_rules_step(struct core *c)
{
	enum core_state		 from = c->state;
	struct core_action	*a;
	size_t			 i;

	if (from == CORE_STATE_DEMOTING && !core_demotion_is_over(c))
		return false;
	if (from == CORE_STATE_DEMOTING)
		core_demotion_leave(c);
	for (i = 0; i < core_rules_count; i++)
		if (core_rules[i].in == from && core_rules[i].when(c))
			break;
	if (i == core_rules_count)
		return false;
	explain(c, &core_rules[i], c->why, sizeof c->why);
	a = core_do(c, CORE_DO_CHANGED);
	a->changed.from = from;
	a->changed.to = core_rules[i].to;
	a->changed.routine = core_rules[i].routine;
	text_copy(a->changed.text, sizeof a->changed.text, c->why);
	c->state = core_rules[i].to;		/* the only assignment */
	enter(c, from);
	return true;
}

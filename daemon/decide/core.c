/*
 * core.c - the decisions: facts come in, a table gives the next state.
 *
 * Its parts, each of which knows only those above it:
 *
 *	core_do, core_due	the actions, and the time of the next tick
 *	core_session, _lock	our session; what is known about the lock
 *	core_call		the call of the plugin that is under way
 *	core_acquire, _adopt	how we get the lock
 *	core_guard		messages to and from the guard
 *	core_demotion		the demotion, then the release
 *	core_health, _tag	what we publish
 *	core_work		the work of each state
 *	core_rules		the table, and the step from state to state
 *	core_check		the invariants after all that
 */

#include "core.h"

#include <string.h>

#include "core_acquire.h"
#include "core_check.h"
#include "core_demotion.h"
#include "core_do.h"
#include "core_guard.h"
#include "core_health.h"
#include "core_lock.h"
#include "core_rules.h"
#include "core_session.h"
#include "core_tag.h"
#include "core_work.h"
#include "text.h"

static const char *const state_names[CORE_STATES] = {
	"starting", "unhealthy", "disabled", "candidate", "promoting",
	"master", "demoting", "slave", "fenced", "stopping"
};

static void
learn(struct core *c, const struct core_event *ev)
{
	switch (ev->type) {
	case CORE_EV_TICK:
		break;
	case CORE_EV_HEALTH:
		core_health_learn(c, ev);
		break;
	case CORE_EV_LOCK:
		core_lock_learn(c, ev->lock);
		break;
	case CORE_EV_REFUSED:
		core_acquire_refused(c, ev->refused.held);
		break;
	case CORE_EV_SESSION:
		core_session_learn(c, ev->session.exists);
		if (!ev->session.exists && core_lock_is_ours(c))
			core_lock_lose(c);
		break;
	case CORE_EV_CALL_DONE:
		core_work_done(c, ev);
		break;
	case CORE_EV_ELECTED:
		core_acquire_elected(c, ev->elected.take);
		break;
	case CORE_EV_ELECTION_VOID:
		c->elected_at = -1;
		break;
	case CORE_EV_RELEASED:
		core_demotion_learn(c, ev);
		break;
	case CORE_EV_GUARD:
		core_guard_learn(c, ev);
		break;
	case CORE_EV_DISABLED:
		c->disabled = ev->disabled.exists;
		text_copy(c->disabled_text, sizeof c->disabled_text,
		    ev->disabled.file);
		break;
	case CORE_EV_YIELD:
		c->yields = ev->yield.wanted;
		text_copy(c->yield_text, sizeof c->yield_text, ev->yield.why);
		break;
	case CORE_EV_STOP:
		c->stop = true;
		text_copy(c->stop_text, sizeof c->stop_text, ev->stop.why);
		break;
	}
}

void
core_init(struct core *c, const struct core_config *config, int64_t now)
{
	memset(c, 0, sizeof *c);
	c->config = *config;
	c->now = c->since = now;
	c->wake = now;
	c->proof = c->given_back_at = c->elected_at = -1;
	c->maybe_master = config->can_demote || config->inherited_until_ms != 0;
	c->made_master = config->resume_epoch != 0 ||
	    config->inherited_until_ms != 0;
	core_guard_init(c);
	c->acquire_at = c->hold_off = now;
	text_copy(c->tag, sizeof c->tag, "?");
	text_copy(c->why, sizeof c->why, "the agent starts");
}

void
core_configure(struct core *c, const struct core_config *config)
{
	c->config = *config;
}

static void
decide(struct core *c)
{
	do {
		c->wake = INT64_MAX;
		core_health_pass_time(c);
		core_demotion_pass_time(c);
	} while (core_rules_step(c));
	core_work(c);
	core_guard_work(c);
	core_acquire_wish_election(c);
	core_session_work(c);
	core_tag_show(c);
	core_health_show(c);
}

/* Where what must be true is not, no decision can be relied on but to stop, which
 * is always safe. */
static bool
stop_if_broken(struct core *c)
{
	const char	*what = core_check(c);

	if (what == NULL || c->broken != NULL)
		return false;
	c->broken = what;
	core_do_say(c, "In state %s it is not true that %s: this is a bug of "
	    "consul-failover, please report it with this log. The agent stops",
	    core_state_name(c->state), what);
	c->stop = true;
	text_copy(c->stop_text, sizeof c->stop_text,
	    "a bug of consul-failover");
	/* Whatever is known of the copy. */
	if (c->state == CORE_STATE_PROMOTING || c->state == CORE_STATE_MASTER)
		c->maybe_master = c->made_master = true;
	return true;
}

void
core_event(struct core *c, const struct core_event *ev, int64_t now,
    struct core_actions *out)
{
	c->out = out;
	out->count = 0;
	core_acquire_notice_pause(c, now);
	c->now = now;
	learn(c, ev);
	decide(c);
	if (stop_if_broken(c))
		decide(c);
	c->out = NULL;
}

const char *
core_state_name(enum core_state s)
{
	return s < CORE_STATES ? state_names[s] : "?";
}

const char *
core_op_name(enum core_op op)
{
	static const char *const names[] = {
		"nothing", "ensure_master", "ensure_slave", "ensure_demoted",
		"position"
	};

	return names[op];
}

bool
core_is_master(const struct core *c)
{
	return c->state == CORE_STATE_MASTER;
}

bool
core_stands_aside(const struct core *c)
{
	return c->state == CORE_STATE_CANDIDATE && c->lock.clean &&
	    (c->health != CORE_HEALTH_OK ||
	    c->now + c->config.election_wait_ms / 2 < c->hold_off);
}

bool
core_could_take(const struct core *c)
{
	return (c->state == CORE_STATE_CANDIDATE ||
	    c->state == CORE_STATE_SLAVE) && core_acquire_is_fit(c) &&
	    !c->forbidden && c->now >= c->hold_off;
}

bool
core_is_slave(const struct core *c)
{
	return c->state == CORE_STATE_SLAVE && strcmp(c->tag, "slave") == 0;
}

const char *
core_role_name(const struct core *c)
{
	return c->state == CORE_STATE_SLAVE && !core_is_slave(c) ?
	    CORE_JOINING : core_state_name(c->state);
}

const char *
core_role_why(const struct core *c)
{
	if (c->state != CORE_STATE_SLAVE || core_is_slave(c))
		return c->why;
	return c->call_text[0] != '\0' ? c->call_text :
	    "ensure_slave has not been done yet";
}

int64_t
core_fuse_left_ms(const struct core *c, int64_t now)
{
	if (c->state != CORE_STATE_MASTER && c->state != CORE_STATE_PROMOTING)
		return -1;
	return c->proof + c->config.fuse_ms > now ?
	    c->proof + c->config.fuse_ms - now : 0;
}

/* agent_change.c - logs and shows a change of the core's state. */
#include "agent_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "candidates.h"
#include "lock.h"
#include "log.h"
#include "runfile.h"
#include "wall.h"

/* A mastership, or a lock, that ends against our will is what somebody is woken
 * for. */
static enum log_level
agent_change_level(const struct agent *a, const struct core_action *act)
{
	enum core_state	from = act->changed.from, to = act->changed.to;
	bool		lost;

	lost = (to == CORE_STATE_FENCED && a->core.proof >= 0) ||
	    (to == CORE_STATE_DEMOTING && from != CORE_STATE_STARTING);
	if (lost && !a->core.stop && !a->core.disabled)
		return LOG_LEVEL_WARNING;
	/* Nobody expects that of a start which was to go on as master. */
	if (from == CORE_STATE_STARTING && to == CORE_STATE_DEMOTING &&
	    a->core.config.resume_epoch != 0)
		return LOG_LEVEL_INFO;
	return act->changed.routine ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void
agent_change(struct agent *a, const struct core_action *act)
{
	struct api_transition	*t = a->transitions;
	enum core_state		 from = act->changed.from;
	enum core_state		 to = act->changed.to;

	memmove(t + 1, t, (API_TRANSITIONS - 1) * sizeof *t);
	if (a->transition_count < API_TRANSITIONS)
		a->transition_count++;
	if (to == CORE_STATE_MASTER)
		lock_settle(a->lock);
	/* It was for the lock that is given now. */
	if (to == CORE_STATE_MASTER)
		runfile_end_promote(a->config);
	t->wall_ms = a->since_wall_ms = wall_ms();
	t->from = core_state_name(from);
	t->to = core_state_name(to);
	snprintf(t->why, sizeof t->why, "%s", act->changed.text);
	a->counters.failovers += to == CORE_STATE_MASTER;
	a->counters.demotions += to == CORE_STATE_DEMOTING &&
	    from == CORE_STATE_MASTER;
	log_line(agent_change_level(a, act), "%s -> %s: %s", t->from, t->to,
	    t->why);
	agent_history_change(a, act);
	if ((to == CORE_STATE_PROMOTING || (to == CORE_STATE_CANDIDATE &&
	    a->core.lock.owner == CORE_LOCK_FREE)) &&
	    a->core.grace_until > a->core.now)
		log_info("The lock was not released cleanly; its last holder "
		    "may still act as master, waiting %.1f s",
		    (double)(a->core.grace_until - a->core.now) / 1000);
	if (to == CORE_STATE_MASTER)
		log_info("This copy is the master, with epoch %" PRIu64,
		    a->core.epoch);
	if (to == CORE_STATE_CANDIDATE)
		candidates_look(a->candidates);
}

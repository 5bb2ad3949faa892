/* agent_change.c - what is said of a change of the core's state. */
#include "agent_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "candidates.h"
#include "lock.h"
#include "log.h"
#include "runfile.h"

int64_t
agent_change_wall_ms(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A mastership that ends against our will is what somebody is woken for. */
static enum log_level
agent_change_level(const struct agent *a, const struct core_action *act)
{
	bool	lost = (act->to == CORE_FENCED && a->core.proof >= 0) ||
		    (act->to == CORE_DEMOTING && (act->from == CORE_MASTER ||
		    act->from == CORE_PROMOTING));

	if (lost && !a->core.stop && !a->core.disabled)
		return LOG_LEVEL_WARNING;
	/* Nobody expects that of a start which was to go on as master. */
	if (act->from == CORE_STARTING && act->to == CORE_DEMOTING &&
	    a->core.config.resume_epoch != 0)
		return LOG_LEVEL_INFO;
	return act->yes ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void
agent_change(struct agent *a, const struct core_action *act)
{
	struct api_transition	*t = a->transitions;

	memmove(t + 1, t, (API_TRANSITIONS - 1) * sizeof *t);
	if (a->transition_count < API_TRANSITIONS)
		a->transition_count++;
	if (act->to == CORE_MASTER)
		lock_settle(a->lock);
	/* It was for the lock that is given now. */
	if (act->to == CORE_MASTER)
		runfile_end_promote(a->config);
	t->wall_ms = a->since_wall_ms = agent_change_wall_ms();
	t->from = core_state_name(act->from);
	t->to = core_state_name(act->to);
	snprintf(t->why, sizeof t->why, "%s", act->text);
	a->counters.failovers += act->to == CORE_MASTER;
	a->counters.demotions += act->to == CORE_DEMOTING &&
	    act->from == CORE_MASTER;
	log_line(agent_change_level(a, act), "%s -> %s: %s", t->from, t->to,
	    t->why);
	if ((act->to == CORE_PROMOTING || (act->to == CORE_CANDIDATE &&
	    a->core.lock.owner == CORE_LOCK_FREE)) &&
	    a->core.grace_until > a->core.now)
		log_info("The lock was not released cleanly; its last holder "
		    "may still act as master, waiting %.1f s",
		    (double)(a->core.grace_until - a->core.now) / 1000);
	if (act->to == CORE_MASTER)
		log_info("This copy is the master, with epoch %" PRIu64,
		    a->core.epoch);
	if (act->to == CORE_CANDIDATE)
		candidates_look(a->candidates);
}

/* agent_event.c - gives events to the core, and performs its actions. */
#include "agent_private.h"

#include <stdio.h>
#include <string.h>

#include "alarm.h"
#include "candidates.h"
#include "clock.h"
#include "lock.h"
#include "namesake.h"
#include "notify.h"
#include "printable.h"
#include "registration.h"

/* To the service manager. */
static void
agent_show_role(struct agent *a)
{
	char	text[sizeof a->shown];

	snprintf(text, sizeof text, "%s: %s", core_role_name(&a->core),
	    core_role_why(&a->core));
	if (strcmp(text, a->shown) == 0)
		return;
	memcpy(a->shown, text, sizeof a->shown);
	/* A line of it that another node wrote would be a message of ours. */
	notify_send("STATUS=%s", printable(text));
}

/* Others follow from what has been done. */
void
agent_settle(struct agent *a)
{
	candidates_session(a->candidates, lock_session(a->lock));
	candidates_hold(a->candidates, core_is_master(&a->core));
	namesake_bar(a->namesake, a->core.state == CORE_STATE_PROMOTING ||
	    a->core.state == CORE_STATE_MASTER ||
	    a->core.state == CORE_STATE_DEMOTING ?
	    lock_session(a->lock) : "", a->node,
	    !a->core.maybe_master && !a->core.unfenced);
	agent_show_role(a);
	alarm_set(a->wake, a->core.wake);
}

void
agent_event(struct agent *a, const struct core_event *ev)
{
	struct core_actions	 todo;
	size_t			 i;

	core_event(&a->core, ev, clock_ms(), &todo);
	registration_set_warning(a->registration,
	    a->core.unfenced ? CORE_UNFENCED : "");
	for (i = 0; i < todo.count; i++)
		agent_perform(a, &todo.list[i]);
	agent_settle(a);
	agent_history_write(a);
}

void
agent_event_tick(void *arg)
{
	struct core_event	ev = { .type = CORE_EV_TICK };

	agent_event(arg, &ev);
}

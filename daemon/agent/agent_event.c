/* agent_event.c - an event for the core, and what the core wants done. */
#include "agent_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "candidates.h"
#include "clock.h"
#include "elector.h"
#include "guard.h"
#include "handler.h"
#include "handover.h"
#include "lock.h"
#include "log.h"
#include "namesake.h"
#include "notify.h"
#include "printable.h"
#include "registration.h"
#include "runfile.h"

static void
agent_publish(struct agent *a, const struct core_action *act)
{
	enum core_health	h = act->publish.health;

	a->published = h == CORE_HEALTH_OK ? API_HEALTH_OK :
	    h == CORE_HEALTH_BUSY ? API_HEALTH_BUSY : API_HEALTH_BAD;
	snprintf(a->published_text, sizeof a->published_text, "%s",
	    act->publish.text);
}

void
agent_event_remember(struct agent *a, const char *session, uint64_t epoch)
{
	struct error	err;

	if (!runfile_save(a->runfile, session, epoch, &err))
		log_warning("%s: a restart of this agent would cost a failover",
		    err.text);
}

static void
agent_perform(struct agent *a, const struct core_action *act)
{
	switch (act->type) {
	case CORE_DO_WANT_SESSION:
		lock_want_session(a->lock, act->session.wanted);
		break;
	case CORE_DO_ELECT:
		elector_elect(a->elector, act->elect.begin,
		    lock_before(a->lock));
		break;
	case CORE_DO_ACQUIRE:
		a->handover.caught_up = false;
		lock_acquire(a->lock, act->acquire.epoch);
		break;
	case CORE_DO_LOOK:
		lock_look(a->lock);
		break;
	case CORE_DO_RELEASE:
		handover_release(&a->handover, a->lock, act);
		break;
	case CORE_DO_CALL:
		agent_role_call(a, act);
		break;
	case CORE_DO_CANCEL:
		handler_cancel(a->role);
		break;
	case CORE_DO_LEASE:
		guard_lease(a->guard, act->lease.until, act->lease.by,
		    act->lease.clean_at, act->lease.epoch, a->node,
		    lock_session(a->lock), act->lease.demote_now);
		break;
	case CORE_DO_END_LEASE:
		guard_end(a->guard);
		break;
	case CORE_DO_SET_TAG:
		registration_set_tag(a->registration, act->tag);
		break;
	case CORE_DO_PUBLISH:
		agent_publish(a, act);
		break;
	case CORE_DO_REMEMBER:
		agent_event_remember(a, act->remember.epoch == 0 ? "" :
		    lock_session(a->lock), act->remember.epoch);
		break;
	case CORE_DO_CHANGED:
		agent_change(a, act);
		break;
	case CORE_DO_SAY:
		log_error("%s", act->say.text);
		break;
	case CORE_DO_LEAVE:
		agent_leave(a, act->leave.demoted, act->leave.deregister);
		break;
	}
}

/* Absolute, so that a timer that should have rung in a suspended machine rings
 * as it wakes up. */
static void
agent_set_wake(struct agent *a)
{
	struct itimerspec	t = { 0 };

	if (a->core.wake != INT64_MAX) {
		t.it_value.tv_sec = a->core.wake / 1000;
		t.it_value.tv_nsec = a->core.wake % 1000 * 1000000;
	}
	timerfd_settime(a->wake_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

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
	candidates_session(a->candidates, lock_session(a->lock));
	candidates_hold(a->candidates, core_is_master(&a->core));
	namesake_bar(a->namesake, a->core.state == CORE_STATE_PROMOTING ||
	    a->core.state == CORE_STATE_MASTER ||
	    a->core.state == CORE_STATE_DEMOTING ?
	    lock_session(a->lock) : "", a->node,
	    !a->core.maybe_master && !a->core.unfenced);
	agent_show_role(a);
	agent_set_wake(a);
}

void
agent_event_tick(evutil_socket_t fd, short what, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_TICK };
	uint64_t		rings;

	(void)what;
	if (read(fd, &rings, sizeof rings) < 0)
		return;
	agent_event(arg, &ev);
}

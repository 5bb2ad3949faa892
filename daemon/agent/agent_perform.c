/* agent_perform.c - performs the core's actions. */
#include "agent_private.h"

#include <stdio.h>

#include "elector.h"
#include "guard.h"
#include "handler.h"
#include "handover.h"
#include "lock.h"
#include "log.h"
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
agent_remember(struct agent *a, const char *session, uint64_t epoch)
{
	struct error	err;

	if (!runfile_save(a->runfile, session, epoch, &err))
		log_warning("%s: a restart of this agent would cost a failover",
		    err.text);
}

void
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
		handover_begin(&a->handover);
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
		agent_remember(a, act->remember.epoch == 0 ? "" :
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

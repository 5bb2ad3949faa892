/* agent_leave.c - takes an agent out of Consul, and ends its loop. */
#include "agent_private.h"

#include "candidates.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "registration.h"
#include "timer.h"

static void
agent_gone(void *arg)
{
	struct agent	*a = arg;

	a->in_good_order = a->clean_stop;
	event_base_loopbreak(a->base);
}

void
agent_leave_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent	*a = arg;

	(void)fd;
	(void)what;
	if (a->deregisters)
		log_warning("Consul does not answer: our session will end "
		    "by its TTL, and the service stays registered; once Consul "
		    "answers, run: consul services deregister -id=%s",
		    a->config->service_id);
	else
		log_warning("Consul does not answer: our session will end "
		    "by its TTL, and the service in Consul stays as it is");
	a->clean_stop = false;
	agent_gone(a);
}

static void
agent_deregistered(bool ok, void *arg)
{
	struct agent	*a = arg;

	a->clean_stop = a->clean_stop && ok;
	agent_gone(a);
}

static void
agent_session_left(void *arg)
{
	struct agent	*a = arg;

	if (a->deregisters)
		registration_leave(a->registration, agent_deregistered, a);
	else
		registration_rest(a->registration, agent_gone, a);
}

void
agent_leave(struct agent *a, bool demoted, bool deregister)
{
	notify_send("STOPPING=1");
	a->clean_stop = demoted;
	a->deregisters = deregister;
	timer_in(a->leave_timer, 2 * a->config->request_timeout + 1000);
	if (deregister)
		candidates_leave(a->candidates);
	else
		log_warning("The service stays registered in Consul, because "
		    "the copy may still be a master: the guard deregisters it "
		    "after the demotion");
	if (lock_session(a->lock)[0] != '\0')
		log_info("Destroying leader session");
	lock_leave(a->lock, agent_session_left, a);
}

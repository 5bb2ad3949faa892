/* agent_health.c - the plugin's health, and checks that are made with it. */
#include "agent_private.h"

#include <string.h>

#include "clock.h"
#include "disable.h"
#include "elector.h"
#include "files.h"
#include "handler.h"
#include "log.h"
#include "registration.h"
#include "timer.h"

/* A plugin whose watch_fd never rests is asked no oftener than this. */
#define HEALTH_PAUSE	100	/* ms */

void
agent_health_look_for_disable(struct agent *a)
{
	char			 why[sizeof a->not_disabled];
	const char		*file = disable_file(a->config, why, sizeof why);
	struct core_event	 ev = {
		.type = CORE_EV_DISABLED,
		.disabled = {
			.exists = file != NULL,
			.file = file != NULL ? file : "",
		},
	};

	if (why[0] != '\0' && strcmp(why, a->not_disabled) != 0)
		log_warning("%s", why);
	memcpy(a->not_disabled, why, sizeof why);
	if (ev.disabled.exists == a->disabled)
		return;
	a->disabled = ev.disabled.exists;
	agent_event(a, &ev);
}

/* The older program's words, for those who search logs for them. */
static void
agent_say_health(struct agent *a, enum core_health h, const char *text)
{
	if (h == CORE_HEALTH_BAD && !a->was_bad)
		log_warning("Service is not healthy: %s", text);
	else if (h == CORE_HEALTH_OK && a->was_bad)
		log_info("Service is healthy: %s", text);
	a->was_bad = h == CORE_HEALTH_BAD || (a->was_bad && h != CORE_HEALTH_OK);
}

static void
agent_health_done(enum handler_result result, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_HEALTH };
	enum core_health	 verdict;

	/* A crash costs one call: it says nothing about the application. */
	if (result == HANDLER_LOST && !a->health_retried) {
		log_warning("%s; calling health again", text);
		a->counters.handler_restarts++;
		a->health_retried = true;
		agent_health_ask(a);
		return;
	}
	a->health_retried = false;
	verdict = result == HANDLER_DONE ? CORE_HEALTH_OK :
	    result == HANDLER_AGAIN ? CORE_HEALTH_BUSY : CORE_HEALTH_BAD;
	a->counters.health_failures += verdict == CORE_HEALTH_BAD;
	timer_in(a->health_timer, a->health_again ? HEALTH_PAUSE :
	    a->config->health_interval);
	a->health_again = false;
	agent_say_health(a, verdict, text);
	elector_soon(a->elector);	/* it may have waited for the handler */
	agent_health_look_for_disable(a);
	files_look_sometimes(&a->files);
	agent_notice_set(a);
	registration_set_health(a->registration, verdict == CORE_HEALTH_OK,
	    text);
	ev.health.verdict = verdict;
	ev.health.text = text;
	agent_event(a, &ev);
}

void
agent_health_ask(struct agent *a)
{
	struct handler_call	call = {
		.op = OPERATION_HEALTH,
		.timeout_ms = a->config->health_deadline,
	};

	agent_role_tell(a, &call, core_state_name(a->core.state));
	if (handler_call(a->health, &call, agent_health_done, a)) {
		a->counters.health_calls++;
		a->health_asked_at = clock_ms();
	} else
		a->health_again = true;
}

void
agent_health_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	agent_health_ask(arg);
}

void
agent_health_watched(void *arg)
{
	struct agent	*a = arg;

	if (clock_ms() - a->health_asked_at < HEALTH_PAUSE)
		timer_in(a->health_timer, HEALTH_PAUSE);
	else
		agent_health_ask(a);
}

void
agent_health_handler_free(struct agent *a)
{
	if (!a->health_again)
		return;
	a->health_again = false;
	timer_in(a->health_timer, 0);
}

/* trial.c - a plugin under test: the calls to it. */
#include "trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "must.h"
#include "printable.h"
#include "timer.h"

/* Milliseconds. */
#define AGAIN_PAUSE	100	/* the agent, too, calls again after "again" */
#define SETTLE_LIMIT	10000	/* until a copy is healthy in a new role */

enum trial_verdict
trial_says(struct trial *t, enum trial_verdict v, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(t->sentence, sizeof t->sentence, fmt, ap);
	va_end(ap);
	return v;
}

enum trial_verdict
trial_not_done(struct trial *t, const char *when)
{
	static const char *const	advice[] = {
		[HANDLER_DONE] = "",
		[HANDLER_FAILED] = "",
		[HANDLER_AGAIN] = "; it answers \"again\" forever",
		[HANDLER_TIMEOUT] = "; give every connect and query a time-out "
		    "below f->time_left",
		[HANDLER_LOST] = "; a debugger or valgrind on its handler "
		    "shows where",
	};

	return trial_failed(t, "%s%s %s: %s%s", operation_name(t->op), when,
	    t->result == HANDLER_LOST ? "crashed" : t->result ==
	    HANDLER_TIMEOUT ? "hung" : handler_result_name(t->result), t->text,
	    advice[t->result]);
}

bool
trial_has(const struct trial *t, enum operation op)
{
	const struct plugin_option	*o = t->plugin->options;
	const struct plugin_option	*end = o + t->plugin->option_count;
	int64_t				 number;

	if ((t->plugin->ops & 1u << op) == 0)
		return false;
	for (; o < end; o++)
		if (strcmp(o->name, operation_name(op)) == 0)
			return t->config == NULL ||
			    plugin_option_value(o, t->config, &number) != NULL;
	return true;
}

static void
trial_answer(enum handler_result result, const char *text, void *arg)
{
	struct trial		*t = arg;
	enum operation_answer	 answer = operation_rows[t->op].answer;
	char			 nothing[64];

	t->answered = true;
	t->result = result;
	snprintf(t->text, sizeof t->text, "%s", text);
	secrets_look(&t->secrets, text, strlen(text));
	/* What the handler says for a plugin that said nothing. */
	snprintf(nothing, sizeof nothing, "%s: %s", operation_name(t->op),
	    handler_result_name(result));
	if (strcmp(text, nothing) == 0 && answer == OPERATION_ANSWER_POSITION)
		t->text[0] = '\0';
	else if (strcmp(text, nothing) == 0 &&
	    answer == OPERATION_ANSWER_SENTENCE)
		snprintf(t->mute, sizeof t->mute, "%s", nothing);
	/* It may hold anything, and is for a terminal or a command line. */
	if (answer != OPERATION_ANSWER_POSITION)
		printable(t->text);
	event_base_loopbreak(t->base);
}

static void
trial_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct trial	*t = arg;

	(void)fd, (void)what;
	event_base_loopbreak(t->base);
}

static void
trial_watch(void *arg)
{
	struct trial	*t = arg;

	t->watched = true;
	event_base_loopbreak(t->base);
}

void
trial_wait(struct trial *t, int64_t ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	if (ms >= 0)
		event_add(t->alarm, &tv);
	event_base_dispatch(t->base);
	event_del(t->alarm);
}

static void
trial_pause(struct trial *t, int64_t ms)
{
	int64_t	 until = clock_ms() + ms;

	while (ms > 0) {
		trial_wait(t, ms);
		ms = until - clock_ms();
	}
}

/* Health, and what is asked beside it, has its own handler, as in the agent. */
struct handler *
trial_call(struct trial *t, enum operation op, const char *text, int64_t ms)
{
	bool			 slave = op == OPERATION_ENSURE_SLAVE ||
				    t->is == FAILOVER_SLAVE;
	struct handler		*h = operation_rows[op].ensures ||
				    (op == OPERATION_TRACES && t->of_role) ?
				    t->role : t->health;
	struct handler_call	 call = {
		.op = op, .timeout_ms = ms,
		.what = {
			.epoch = t->terms->epoch, .node = "",
			.address = t->config->service_address,
			.reason = "consul-failover plugin test",
			.role = t->is,
			.master_host = slave ? t->terms->master_host : NULL,
			.master_port = slave ? t->terms->master_port : 0,
			.position = text,
		},
	};

	t->op = op;
	if (operation_rows[op].ensures) {
		t->made = op;
		t->demoted = false;
	}
	t->answered = false;
	t->took_ms = clock_ms();
	may_fail(handler_call(h, &call, trial_answer, t),
	    "one call follows the other");
	return h;
}

enum handler_result
trial_ask_within(struct trial *t, enum operation op, const char *text,
    int64_t ms)
{
	trial_call(t, op, text, ms);
	while (!t->answered)
		trial_wait(t, -1);
	t->took_ms = clock_ms() - t->took_ms;
	return t->result;
}

enum handler_result
trial_ask(struct trial *t, enum operation op, const char *text)
{
	return trial_ask_within(t, op, text, operation_deadline_ms(op, t->config));
}

enum handler_result
trial_ask_health(struct trial *t)
{
	int64_t	 until = clock_ms() + SETTLE_LIMIT;

	while (trial_ask(t, OPERATION_HEALTH, NULL) != HANDLER_DONE &&
	    clock_ms() < until)
		trial_pause(t, AGAIN_PAUSE);
	return t->result;
}

enum trial_verdict
trial_ask_position(struct trial *t, char text[FAILOVER_POSITION])
{
	if (trial_ask(t, OPERATION_POSITION, NULL) != HANDLER_DONE)
		return trial_not_done(t, "");
	if (t->text[0] == '\0')
		return trial_failed(t, "it is empty: return FAILOVER_FAILED, "
		    "with the reason, if the position is not known");
	if (strlen(t->text) >= FAILOVER_POSITION - 1)
		return trial_failed(t, "it fills all of its %d bytes, and "
		    "seems cut", FAILOVER_POSITION - 1);
	memcpy(text, t->text, sizeof t->text);
	return TRIAL_OK;
}

bool
trial_look(struct trial *t, bool of_role, struct trace *now)
{
	t->of_role = of_role;
	if (trial_ask(t, OPERATION_TRACES, NULL) == HANDLER_DONE &&
	    trace_parse(now, t->text))
		return true;
	trial_not_done(t, "");
	return false;
}

enum handler_result
trial_ensure_within(struct trial *t, enum operation op, int64_t one_ms,
    int64_t ms)
{
	int64_t	 begun = clock_ms(), left = ms;

	while (trial_ask_within(t, op, NULL, one_ms < left ? one_ms : left) ==
	    HANDLER_AGAIN && (left = begun + ms - clock_ms()) > AGAIN_PAUSE)
		trial_pause(t, AGAIN_PAUSE);
	t->took_ms = clock_ms() - begun;
	t->is = op == OPERATION_ENSURE_MASTER ? FAILOVER_MASTER :
	    op == OPERATION_ENSURE_SLAVE ? FAILOVER_SLAVE : FAILOVER_NO_ROLE;
	t->demoted = op == OPERATION_ENSURE_DEMOTED &&
	    t->result == HANDLER_DONE;
	return t->result;
}

enum handler_result
trial_ensure(struct trial *t, enum operation op)
{
	return trial_ensure_within(t, op, operation_deadline_ms(op, t->config),
	    op == OPERATION_ENSURE_DEMOTED ? t->config->demote_deadline :
	    t->config->promote_limit);
}

void
trial_begin(struct trial *t)
{
	setenv(TRACE_VARIABLE, TRACE_VALUE, 0);
	t->base = must(event_base_new());
	t->alarm = timer_new(t->base, trial_alarm, t);
	t->health = handler_new(t->base, "health", t->config, t->plugin,
	    trial_watch, t);
	t->role = handler_new(t->base, "role", t->config, t->plugin, NULL,
	    NULL);
}

void
trial_end(struct trial *t)
{
	handler_free(t->health);
	handler_free(t->role);
	event_free(t->alarm);
	event_base_free(t->base);
}

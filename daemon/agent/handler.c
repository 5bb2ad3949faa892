/*
 * handler.c - a child process that runs the plugin, seen from the daemon.
 *
 *	handler_call -> begin (spawns, sends) -> finish (the answer came)
 *	                                      -> lose   (the handler died)
 *	                                      -> late   (the deadline passed)
 *
 * Everything except handler_call runs from the loop, and each chain ends in the
 * caller's callback, which may free the handler: so that comes last.
 */
#include "handler.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "clock.h"
#include "handler_process.h"
#include "handler_talk.h"
#include "log.h"
#include "memory.h"
#include "must.h"
#include "timer.h"
#include "wire.h"

/* Milliseconds. */
#define PAUSE_FIRST	100	/* before the third start in a row; doubles */
#define PAUSE_MAX	5000
#define WATCH_PAUSE	100	/* a watch_fd that is never read away costs 10
				 * calls of health a second, not all our time */
#define STOP_LIMIT	500	/* for plugin_stop, or to die of SIGKILL */

static const char	*const handler_results[] = {
	[HANDLER_DONE] =	"done",
	[HANDLER_FAILED] =	"failed",
	[HANDLER_AGAIN] =	"again",
	[HANDLER_TIMEOUT] =	"timeout",
	[HANDLER_LOST] =	"lost",
};

struct handler {
	const char			*name;
	const struct config		*config;
	const struct plugin_description	*plugin;
	handler_watch_cb		 watch_cb;
	void				*watch_arg;
	struct event			*watch;
	int64_t				 watched_at;

	struct handler_talk		 talk;
	struct handler_process		 process;
	bool				 described;

	/* What was lost. */
	unsigned			 losses;	/* in a row */
	int64_t				 not_before;	/* of the next start */

	/* The call. */
	bool				 busy, sent;
	bool				 stale;		/* its process ends with it */
	enum operation			 op;
	int64_t				 timeout_ms;
	handler_cb			 cb;
	void				*arg;
	struct event			*begin, *late;
	struct wire			 call;
};

const char *
handler_result_name(enum handler_result result)
{
	return result <= HANDLER_LOST ? handler_results[result] : "?";
}

static void
handler_watch_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler	*h = arg;

	(void)fd, (void)what;
	if (!h->busy) {
		h->watched_at = clock_ms();
		h->watch_cb(h->watch_arg);
	} else if (h->op != OPERATION_HEALTH)
		timer_in(h->watch, WATCH_PAUSE);
	/* Else what happened is seen by the health call that is under way. */
}

/* Health should be asked now, or as soon as that is not too often. */
static void
handler_wants_health(struct handler *h)
{
	if (h->watch_cb != NULL && !event_pending(h->watch, EV_TIMEOUT, NULL))
		timer_in(h->watch,
		    h->watched_at + WATCH_PAUSE - clock_ms());
}

/*
 * The end of a process.
 */

static void
handler_finish(struct handler *h, enum handler_result result, const char *text)
{
	h->busy = h->sent = false;
	event_del(h->begin);
	event_del(h->late);
	if (h->stale && h->process.pid != -1)
		handler_process_bury(&h->process);
	h->stale = false;
	h->cb(result, text, h->arg);	/* may have freed h */
}

static void
handler_lose(struct handler *h, const char *why)
{
	int64_t	 pause = 0;

	if (h->process.pid != -1)
		handler_process_bury(&h->process);
	if (h->losses > 0)
		pause = h->losses > 6 ? PAUSE_MAX :
		    PAUSE_FIRST << (h->losses - 1);
	h->losses++;
	h->not_before = clock_ms() + (pause < PAUSE_MAX ? pause : PAUSE_MAX);

	if (h->busy) {
		handler_finish(h, HANDLER_LOST, why);
		return;
	}
	log_warning("plugin %s (%s): %s; the next call starts it again",
	    h->plugin->name, h->name, why);
	handler_wants_health(h);
}

/* The channel is at its end: says how that came. */
static void
handler_lose_ended(struct handler *h)
{
	const char	*op = h->busy ? operation_name(h->op) : "it";
	char		 end[64], why[128];
	int		 status;

	if (!child_ended(h->process.pid, HANDLER_END_MOMENT, &status))
		snprintf(why, sizeof why, "%s closed its handler's channel",
		    op);
	else {
		child_describe_end(end, sizeof end, status);
		snprintf(why, sizeof why, "%s %s its handler: %s", op,
		    WIFSIGNALED(status) ? "killed" : "ended", end);
	}
	handler_lose(h, why);
}

/* A handler that says what none of ours says: the plugin has got at it. */
static void
handler_lose_protocol(struct handler *h)
{
	char	 why[128];

	snprintf(why, sizeof why, "%s broke the protocol of its handler",
	    h->busy ? operation_name(h->op) : "it");
	handler_lose(h, why);
}

static void
handler_late_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler	*h = arg;
	char		 limit[32], why[128];

	(void)fd, (void)what;
	if (h->timeout_ms % 1000 == 0)
		snprintf(limit, sizeof limit, "%lld s",
		    (long long)h->timeout_ms / 1000);
	else
		snprintf(limit, sizeof limit, "%lld ms",
		    (long long)h->timeout_ms);
	if (h->sent)
		snprintf(why, sizeof why, "%s did not answer within %s; its "
		    "handler was killed", operation_name(h->op), limit);
	else
		snprintf(why, sizeof why, "%s was not started within %s: its "
		    "handler was lost %u times in a row",
		    operation_name(h->op), limit, h->losses);
	if (h->sent)
		handler_process_bury(&h->process);
	handler_finish(h, HANDLER_TIMEOUT, why);
}

/*
 * The messages of a process.
 */

static void
handler_read_result(struct handler *h, struct wire *w)
{
	uint64_t	 result = wire_number(w);
	const char	*text = wire_string(w);
	char		 line[FAILOVER_SENTENCE];

	if (!h->sent || !wire_end(w) || result > HANDLER_AGAIN ||
	    strlen(text) >= FAILOVER_POSITION) {
		handler_lose_protocol(h);
		return;
	}
	h->losses = 0;
	if (operation_rows[h->op].answer != OPERATION_ANSWER_POSITION) {
		snprintf(line, sizeof line, "%.*s",
		    (int)strcspn(text, "\r\n"), text);
		text = line;
	}
	handler_finish(h, (enum handler_result)result, text);
}

static void
handler_read_log(struct handler *h, struct wire *w)
{
	static const enum log_level	 levels[] = {
		[FAILOVER_DEBUG] =	LOG_LEVEL_DEBUG,
		[FAILOVER_INFO] =	LOG_LEVEL_INFO,
		[FAILOVER_WARNING] =	LOG_LEVEL_WARNING,
		[FAILOVER_ERROR] =	LOG_LEVEL_ERROR,
	};
	uint64_t	 level = wire_number(w);
	const char	*text = wire_string(w);

	if (!wire_end(w))
		handler_lose_protocol(h);
	else
		handler_talk_line(&h->talk, levels[level <= FAILOVER_ERROR ?
		    level : FAILOVER_ERROR], "", text);
}

/* So that it does not fail at the worst moment, as a demotion is. */
static void
handler_read_grown(struct handler *h, struct wire *w)
{
	const char	*text = wire_string(w);

	if (!h->sent || !wire_end(w)) {
		handler_lose_protocol(h);
		return;
	}
	log_warning("plugin %s (%s): its handler has grown %s, and is replaced "
	    "before the next call; \"consul-failover plugin test\" shows which "
	    "call leaks", h->plugin->name, h->name, text);
	h->stale = true;
}

static void
handler_read(struct handler *h, struct wire *w)
{
	enum wire_type	 type = wire_type(w);

	if (type == WIRE_RESULT)
		handler_read_result(h, w);
	else if (type == WIRE_LOG)
		handler_read_log(h, w);
	else if (type == WIRE_GROWN)
		handler_read_grown(h, w);
	else if (type == WIRE_WATCH && wire_end(w))
		handler_wants_health(h);
	else if (type == WIRE_REFUSED)
		handler_lose(h, wire_string(w));
	else if (type == WIRE_DESCRIPTION && !h->described)
		h->described = true;	/* plugin_describe has read it */
	else
		handler_lose_protocol(h);
}

static void
handler_channel_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler	*h = arg;
	struct wire	 w;
	int		 got = wire_receive(fd, &w, MSG_DONTWAIT);

	(void)what;
	if (got == 1)
		handler_read(h, &w);
	else if (got == 0)
		handler_lose_ended(h);
	else if (errno == EMSGSIZE)
		handler_lose_protocol(h);
	else if (errno != EAGAIN)
		handler_lose(h, strerror(errno));
}

/*
 * The start of a process, and of a call.
 */

void
handler_put_start(struct wire *w, const struct config *c,
    const struct plugin_description *d, bool watch)
{
	char		 memory[PATH_MAX];
	const char	*value;
	uint64_t	 count = 0;
	int64_t		 number;
	size_t		 i;

	for (i = 0; i < d->option_count; i++)
		count += plugin_option_value(&d->options[i], c, &number) !=
		    NULL;
	wire_begin(w, WIRE_START);
	wire_put_string(w, c->service_name);
	wire_put_number(w, (uint64_t)c->service_port);
	memory_path(c, memory);
	wire_put_string(w, memory);
	wire_put_number(w, watch && d->has_watch_fd);
	wire_put_number(w, count);
	for (i = 0; i < d->option_count; i++) {
		value = plugin_option_value(&d->options[i], c, &number);
		if (value == NULL)
			continue;
		wire_put_string(w, d->options[i].name);
		wire_put_string(w, value);
		wire_put_number(w, (uint64_t)number);
		wire_put_string(w, plugin_option_secret(&d->options[i], c));
	}
}

static CHECKED bool
handler_start(struct handler *h, struct error *err)
{
	struct wire	 w;

	if (!handler_process_start(&h->process,
	    h->op == OPERATION_ENSURE_DEMOTED ? HANDLER_DYING_MAX :
	    HANDLER_DYING_TOO_MANY, err))
		return false;
	h->described = false;
	handler_put_start(&w, h->config, h->plugin, h->watch_cb != NULL);
	/* If it has just ended, its channel tells why. */
	return wire_send(h->process.channel, &w) || errno == EPIPE ||
	    errno == ECONNRESET || error_set(err, "can't send the handler its "
	    "options: %s", strerror(errno));
}

static void
handler_begin_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handler	*h = arg;
	struct error	 err;

	(void)fd, (void)what;
	if (h->process.pid == -1 && !handler_start(h, &err)) {
		handler_lose(h, err.text);
		return;
	}
	h->sent = true;
	/* If the handler has just died, its channel tells that better. */
	if (!wire_send(h->process.channel, &h->call) && errno != EPIPE &&
	    errno != ECONNRESET) {
		error_set(&err, "can't send the call: %s", strerror(errno));
		handler_lose(h, err.text);
	}
}

bool
handler_call(struct handler *h, const struct handler_call *call,
    handler_cb cb, void *arg)
{
	int64_t		 now = clock_ms();
	struct wire_call sent = call->what;

	if (h->busy)
		return false;
	sent.op = call->op;
	sent.deadline_ms = now + call->timeout_ms;
	wire_put_call(&h->call, &sent);
	h->busy = true;
	h->op = call->op;
	h->timeout_ms = call->timeout_ms;
	h->cb = cb;
	h->arg = arg;
	timer_in(h->late, call->timeout_ms);
	timer_in(h->begin, h->process.pid != -1 ||
	    call->op == OPERATION_ENSURE_DEMOTED ? 0 : h->not_before - now);
	return true;
}

void
handler_cancel(struct handler *h)
{
	if (!h->busy)
		return;
	if (h->sent)
		handler_process_bury(&h->process);
	h->busy = h->sent = h->stale = false;
	event_del(h->begin);
	event_del(h->late);
}

/* An idle plugin may end in good order; waits for it. */
static void
handler_let_stop(struct handler *h)
{
	int64_t		 until = clock_ms() + STOP_LIMIT, left;
	struct pollfd	 p = { .fd = h->process.channel, .events = POLLIN };
	struct wire	 w;
	int		 status;

	if (h->busy || !h->plugin->has_stop)
		return;
	/* It may still tell us what it logs. */
	shutdown(h->process.channel, SHUT_WR);
	while (h->process.pid != -1 && (left = until - clock_ms()) > 0 &&
	    poll(&p, 1, (int)left) == 1 &&
	    wire_receive(h->process.channel, &w, MSG_DONTWAIT) == 1)
		if (wire_type(&w) == WIRE_LOG)
			handler_read_log(h, &w);
	if (h->process.pid != -1)
		child_ended(h->process.pid, until - clock_ms(), &status);
}

void
handler_reload(struct handler *h, const struct plugin_description *plugin)
{
	h->losses = 0;
	h->not_before = 0;
	h->stale = h->busy && h->sent;
	if (!h->stale && h->process.pid != -1)
		handler_let_stop(h);
	if (!h->stale && h->process.pid != -1)
		handler_process_bury(&h->process);
	h->plugin = h->talk.plugin = plugin;
}

void
handler_watch_process(struct handler *h, void (*cb)(pid_t, void *), void *arg)
{
	h->process.told_cb = cb;
	h->process.told_arg = arg;
}

bool
handler_busy(const struct handler *h)
{
	return h->busy;
}

pid_t
handler_pid(const struct handler *h)
{
	return h->process.pid;
}

struct handler *
handler_new(struct event_base *base, const char *name, const struct config *c,
    const struct plugin_description *plugin, handler_watch_cb watch_cb,
    void *watch_arg)
{
	struct handler	*h = must_zeroed(1, sizeof *h);

	h->name = name;
	h->config = c;
	h->plugin = plugin;
	h->watch_cb = watch_cb;
	h->watch_arg = watch_arg;
	h->talk = (struct handler_talk){
		.name = name, .config = c, .plugin = plugin,
	};
	h->watch = timer_new(base, handler_watch_timer_cb, h);
	handler_process_begin(&h->process, base, &h->talk, handler_channel_cb,
	    h);
	h->begin = timer_new(base, handler_begin_cb, h);
	h->late = timer_new(base, handler_late_cb, h);
	return h;
}

void
handler_free(struct handler *h)
{
	int64_t	 until = clock_ms() + STOP_LIMIT;

	if (h == NULL)
		return;
	if (h->process.pid != -1)
		handler_let_stop(h);
	if (h->process.pid != -1)
		handler_process_bury(&h->process);
	handler_process_end(&h->process, until);
	event_free(h->watch);
	event_free(h->begin);
	event_free(h->late);
	free(h);
}

/* guard_demote.c - demoting the copy, in a handler of our own. */
#include "guard_demote.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "clock.h"
#include "core.h"
#include "error.h"
#include "guard_file.h"
#include "guard_leave.h"
#include "guard_role.h"
#include "guard_state.h"
#include "guard_tell.h"
#include "lease.h"
#include "log.h"
#include "wire.h"

/* Milliseconds. */
#define PAUSE_FIRST	100	/* between two calls that did not do it */
#define PAUSE_MAX	500
#define LISTEN		1000	/* an agent that lives speaks up in this time */

void
guard_demote_bury(struct guard *g)
{
	if (g->handler == -1)
		return;
	child_kill(g->handler);
	close(g->handler_channel);
	g->killed = child_reap(g->handler) ? -1 : g->handler;
	g->handler = g->handler_channel = -1;
	g->calling = false;
}

static void
guard_demoted(struct guard *g)
{
	guard_demote_bury(g);
	log_warning("guard: the copy is demoted: %s", g->text);
	guard_tell(g, CORE_GUARD_DEMOTED, g->text);
	g->doing = DEMOTED;
	g->deadline_ms = clock_ms() + (g->agent ? LISTEN : 0);
}

/* Where what they print goes: nobody may hold up, or kill, a demotion because
 * he reads our log no more. */
static int
guard_output(const struct guard *g)
{
	struct pollfd	p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT ? STDERR_FILENO :
	    g->null;
}

/* All of it: without CF_NODE a hook could fence another host. */
static CHECKED bool
guard_describe_fence(const struct guard *g, struct error *err)
{
	char	epoch[32];

	snprintf(epoch, sizeof epoch, "%" PRIu64, g->epoch);
	return (setenv("CF_SERVICE", g->service, 1) == 0 &&
	    setenv("CF_NODE", g->node, 1) == 0 &&
	    setenv("CF_EPOCH", epoch, 1) == 0 &&
	    setenv("CF_REASON", g->text, 1) == 0) ||
	    error_set(err, "%s", strerror(errno));
}

static void
guard_fence(struct guard *g)
{
	char		*argv[] = { (char *)"/bin/sh", (char *)"-c",
			    (char *)g->on_fence_failure, NULL };
	struct error	 err;

	if (g->on_fence_failure[0] == '\0' || g->fenced)
		return;
	log_warning("guard: running on_fence_failure: %s", g->on_fence_failure);
	g->fenced = guard_describe_fence(g, &err) && child_spawn(&g->fence, argv, CHILD_OTHERS,
	    &(struct child_files){ .output = guard_output(g) }, &err);
	if (!g->fenced)
		log_error("guard: on_fence_failure: %s", err.text);
}

void
guard_demote_fail(struct guard *g)
{
	guard_demote_bury(g);
	log_error("guard: the copy could not be demoted and MAY STILL BE A "
	    "MASTER (%s). Stop the application, or this host, by hand; other "
	    "nodes can take the lock after its lock-delay", g->text);
	guard_tell(g, CORE_GUARD_FAILED, g->text);
	guard_fence(g);
	g->doing = FAILED;
	g->deadline_ms = clock_ms() + TRY_PAUSE;
	guard_file_save(g);
	if (!g->heard && g->left == -1)
		guard_leave(g, "unfenced");
}

static CHECKED bool
guard_start_handler(struct guard *g, struct error *err)
{
	char	 parent[16];
	char	*argv[] = { (char *)"consul-failover-handler",
		    (char *)"demote", (char *)g->plugin, parent, NULL };
	int	 channel[2];
	bool	 ok;

	snprintf(parent, sizeof parent, "%ld", (long)getpid());
	if (!wire_pair(channel, err))
		return false;
	ok = child_spawn(&g->handler, argv, CHILD_OTHERS, &(struct child_files){
	    .output = guard_output(g), .channel = channel[1],
	    .plugin = g->files[WIRE_PLUGIN],
	    .program = g->files[WIRE_HANDLER] }, err);
	close(channel[1]);
	g->handler_channel = channel[0];
	if (ok && !wire_send(g->handler_channel, &g->start)) {
		ok = error_set(err, "can't send a handler its options: %s",
		    strerror(errno));
		guard_demote_bury(g);
	} else if (!ok) {
		close(channel[0]);
		g->handler = g->handler_channel = -1;
	}
	return ok;
}

static void
guard_not_done(struct guard *g, const char *text)
{
	int64_t	pause = (int64_t)PAUSE_FIRST << (g->not_done < 3 ?
		    g->not_done : 3);

	snprintf(g->text, sizeof g->text, "%.500s", text);
	g->calling = false;
	g->not_done++;
	g->call_at_ms = clock_ms() + (pause < PAUSE_MAX ? pause : PAUSE_MAX);
}

void
guard_demote_call(struct guard *g)
{
	struct error	err;

	if (g->handler == -1 && !guard_start_handler(g, &err)) {
		guard_not_done(g, err.text);
		return;
	}
	wire_put_call(&g->out, &(struct wire_call){
	    .op = OPERATION_ENSURE_DEMOTED,
	    .epoch = g->epoch,
	    .deadline_ms = g->deadline_ms,
	    .node = g->node,
	    .reason = "the guard demotes it",
	    .role = FAILOVER_MASTER,
	});
	may_fail(wire_send(g->handler_channel, &g->out),
	    "then the handler is ending, as its channel shows");
	g->calling = true;
}

void
guard_demote(struct guard *g, int64_t deadline_ms)
{
	g->doing = DEMOTING;
	g->deadline_ms = deadline_ms;
	guard_file_save(g);
	g->not_done = 0;
	snprintf(g->text, sizeof g->text, g->can_demote ?
	    "ensure_demoted has not answered" :
	    "the plugin has no ensure_demoted");
	if (g->can_demote)
		guard_demote_call(g);
	else
		guard_demote_fail(g);
}

void
guard_demote_fire(struct guard *g, int64_t deadline_ms)
{
	const char	*why = !g->agent ?
	    "the agent is gone, and no other was started in time" :
	    clock_ms() < g->lease.until + LEASE_SLACK_MS ?
	    "the agent could not demote the copy" :
	    "the agent does not respond: it is stopped, or hangs";

	log_warning("guard: %s; demoting the copy in its place", why);
	g->fenced = g->heard = false;
	guard_tell(g, CORE_GUARD_FIRED, why);
	guard_role_stop(g);
	guard_demote(g, deadline_ms);
}

/*
 * The messages of our handler.
 */

static void
guard_handler_log(struct wire *w)
{
	static const enum log_level	levels[] = {
		[FAILOVER_DEBUG] =	LOG_LEVEL_DEBUG,
		[FAILOVER_INFO] =	LOG_LEVEL_INFO,
		[FAILOVER_WARNING] =	LOG_LEVEL_WARNING,
		[FAILOVER_ERROR] =	LOG_LEVEL_ERROR,
	};
	uint64_t			level = wire_number(w);
	const char			*text = wire_string(w);

	log_line(levels[level <= FAILOVER_ERROR ? level : FAILOVER_ERROR],
	    "guard: plugin: %s", text);
}

static void
guard_handler_result(struct guard *g, struct wire *w)
{
	uint64_t	 result = wire_number(w);
	const char	*text = wire_string(w);

	if (!wire_end(w) || !g->calling)
		return;
	if (result == FAILOVER_DONE) {
		snprintf(g->text, sizeof g->text, "%.500s", text);
		guard_demoted(g);
	} else
		guard_not_done(g, text);
}

static void
guard_handler_lost(struct guard *g)
{
	bool	calling = g->calling;
	char	end[64], text[160] = "ensure_demoted closed its handler's "
		    "channel";
	int	status;

	if (child_ended(g->handler, END_MOMENT, &status)) {
		child_describe_end(end, sizeof end, status);
		snprintf(text, sizeof text, "ensure_demoted %s its handler: "
		    "%s", WIFSIGNALED(status) ? "killed" : "ended", end);
	}
	guard_demote_bury(g);
	if (calling)
		guard_not_done(g, text);
}

void
guard_demote_read(struct guard *g)
{
	int		got = wire_receive(g->handler_channel, &g->in,
			    MSG_DONTWAIT);
	enum wire_type	type;

	if (got != 1) {
		if (got == 0 || errno != EAGAIN)
			guard_handler_lost(g);
		return;
	}
	type = wire_type(&g->in);
	if (type == WIRE_LOG)
		guard_handler_log(&g->in);
	else if (type == WIRE_RESULT)
		guard_handler_result(g, &g->in);
	else if (type == WIRE_REFUSED)
		guard_not_done(g, wire_string(&g->in));
}

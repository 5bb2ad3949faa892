/* guard.c - the process that demotes the copy if we don't. */

#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "log.h"
#include "must.h"
#include "notify.h"
#include "timer.h"
#include "wire.h"

/* Milliseconds. */
#define PAUSE_FIRST	100	/* before the second start in a row; doubles */
#define PAUSE_MAX	5000
#define SILENCE		5000	/* unanswered leases in which mean: it hangs */
#define SILENT_LEASES	3
#define QUIET		250	/* a guard that takes longer to start is news */

struct guard {
	struct event_base		*base;
	const struct config		*config;
	const struct plugin_description	*plugin;
	char *const			*leave;
	guard_cb			 cb;
	void				*arg;

	pid_t				 pid;		/* -1: none */
	int				 channel;
	struct event			*event;
	struct event			*again;		/* its next start */
	unsigned			 losses;	/* in a row */
	unsigned			 unanswered;	/* leases, */
	int64_t				 unanswered_at;	/* the first */

	/* What it must know, also if it is another one. */
	pid_t				 role;
	int64_t				 until_ms, by_ms;	/* 0: none */
	int64_t				 clean_at_ms;
	bool				 ended;		/* by our own word */
	uint64_t			 epoch;
	char				 node[256];
	char				 session[64];
	struct wire			 out;
};

static void	guard_channel_cb(evutil_socket_t, short, void *);

static CHECKED bool
guard_send(struct guard *g)
{
	return g->pid != -1 && wire_offer(g->channel, &g->out);
}

static void
guard_say(struct guard *g)
{
	may_fail(guard_send(g), "this one is ending: the next one gets it");
}

bool
guard_set_up(struct guard *g, struct error *err)
{
	const struct config	*c = g->config;
	const struct image	*handler = image_program(IMAGE_HANDLER, err);
	const struct image	*self = image_program(IMAGE_SELF, err);
	char			 path[PATH_MAX];
	uint64_t		 words = 0, i;

	if (handler == NULL || self == NULL)
		return false;
	while (g->leave[words] != NULL)
		words++;
	snprintf(path, sizeof path, "%s/%s.guard", c->run_dir, c->service_id);
	wire_begin(&g->out, WIRE_SETUP);
	wire_put_string(&g->out, VERSION);
	wire_put_string(&g->out, c->service_name);
	wire_put_number(&g->out, c->log_json);
	wire_put_number(&g->out, c->log_debug);
	wire_put_string(&g->out, path);
	wire_put_string(&g->out, g->plugin->image.path);
	wire_put_number(&g->out,
	    (g->plugin->ops & 1u << OPERATION_ENSURE_DEMOTED) != 0);
	wire_put_number(&g->out, (uint64_t)c->demote_deadline);
	wire_put_number(&g->out, (uint64_t)c->restart_wait);
	wire_put_string(&g->out, c->on_fence_failure);
	wire_put_number(&g->out, words);
	for (i = 0; i < words; i++)
		wire_put_string(&g->out, g->leave[i]);
	errno = EMSGSIZE;		/* of what does not fit */
	if (wire_send_files(g->channel, &g->out, (int[WIRE_FILES]){
	    [WIRE_HANDLER] = handler->fd, [WIRE_PLUGIN] = g->plugin->image.fd,
	    [WIRE_LEAVE] = self->fd }, MSG_DONTWAIT)) {
		handler_put_start(&g->out, c, g->plugin, false);
		if (guard_send(g))
			return true;
	}
	/* If it has just ended, its channel tells why. */
	return errno == EPIPE || errno == ECONNRESET || error_set(err, "can't send the guard its set-up: %s",
	    strerror(errno));
}

static void
guard_send_role(struct guard *g)
{
	wire_begin(&g->out, WIRE_ROLE);
	wire_put_number(&g->out, (uint64_t)g->role);
	guard_say(g);
}

/* One that stands still does not guard, and would demote a good master when it
 * goes on, because it has missed so many leases. */
static void
guard_notice_silence(struct guard *g)
{
	int64_t	now = clock_ms();

	if (g->unanswered++ == 0)
		g->unanswered_at = now;
	if (g->pid == -1 || g->unanswered <= SILENT_LEASES ||
	    now - g->unanswered_at < SILENCE)
		return;
	log_warning("The guard (pid %ld) hangs: killing it", (long)g->pid);
	g->unanswered = 0;
	child_kill(g->pid);
}

static void
guard_send_lease(struct guard *g, bool now)
{
	wire_begin(&g->out, WIRE_LEASE);
	wire_put_number(&g->out, (uint64_t)g->until_ms);
	wire_put_number(&g->out, (uint64_t)g->by_ms);
	wire_put_number(&g->out, (uint64_t)g->clean_at_ms);
	wire_put_number(&g->out, g->epoch);
	wire_put_string(&g->out, g->node);
	wire_put_string(&g->out, g->session);
	wire_put_number(&g->out, now);
	guard_say(g);
	guard_notice_silence(g);
}

/*
 * Its process.
 */

static CHECKED bool
guard_spawn(struct guard *g, struct error *err)
{
	struct image	*program = image_program(IMAGE_GUARD, err);
	int		 channel[2];
	bool		 ok;

	if (program == NULL)
		return false;
	if (!wire_pair(channel, err))
		return false;
	ok = child_spawn(&g->pid, (char *[]){ program->path,
	    g->config->service_id, NULL }, CHILD_OURS, &(struct child_files){
	    .output = STDERR_FILENO, .channel = channel[1],
	    .program = program->fd }, err);
	close(channel[1]);
	if (!ok) {
		close(channel[0]);
		g->pid = -1;
		return false;
	}
	g->channel = channel[0];
	g->event = must(event_new(g->base, g->channel, EV_READ | EV_PERSIST,
	    guard_channel_cb, g));
	event_add(g->event, NULL);
	return true;
}

static void
guard_bury(struct guard *g)
{
	int	status;

	if (g->event != NULL)
		event_free(g->event);
	g->event = NULL;
	if (g->pid == -1)
		return;
	close(g->channel);
	if (child_ended(g->pid, 10, &status))
		child_reap(g->pid);
	g->pid = g->channel = -1;
	g->unanswered = 0;
}

/* Said once: it may never end, as with a package that was upgraded. */
static void
guard_lose(struct guard *g, const char *why)
{
	int64_t		pause = g->losses == 0 ? 0 : g->losses > 6 ? PAUSE_MAX :
			    PAUSE_FIRST << (g->losses - 1);
	struct timeval	tv = { pause / 1000, pause % 1000 * 1000 };

	guard_bury(g);
	if (g->losses == 0)
		log_warning("The guard has died (%s); starting another one",
		    why);
	else if (g->losses == 1)
		log_error("No guard: %s; retrying. Until a guard runs, a "
		    "master whose agent dies stays a master", why);
	g->losses++;
	event_add(g->again, &tv);
}

static void
guard_start_again(evutil_socket_t fd, short what, void *arg)
{
	struct guard	*g = arg;
	struct error	 err;

	(void)fd;
	(void)what;
	if (!guard_spawn(g, &err) || !guard_set_up(g, &err)) {
		guard_lose(g, err.text);
		return;
	}
	if (g->role != -1)
		guard_send_role(g);
	/* It may have inherited a lease that we have ended. */
	if (g->until_ms != 0)
		guard_send_lease(g, false);
	else if (g->ended)
		guard_end(g);
}

static void
guard_read(struct guard *g, struct wire *w)
{
	enum wire_type	 type = wire_type(w);
	uint64_t	 what = wire_number(w);
	int64_t		 until = (int64_t)wire_number(w);
	const char	*text = wire_string(w);

	if (type != WIRE_GUARD || !wire_end(w) || what > CORE_GUARD_FAILED) {
		log_error("The guard sent a message that can't be read");
		return;
	}
	g->losses = g->unanswered = 0;
	g->cb((enum core_guard)what, until, text, g->arg);
}

static void
guard_channel_cb(evutil_socket_t fd, short what, void *arg)
{
	struct guard	*g = arg;
	struct wire	 w;
	int		 got = wire_receive(fd, &w, MSG_DONTWAIT);

	(void)what;
	if (got == 1)
		guard_read(g, &w);
	else if (got == 0 || errno != EAGAIN) {
		guard_lose(g, "its reason, if it logged one, is above");
		g->cb(CORE_GUARD_GONE, 0, "the guard has died", g->arg);
	}
}

/* Signals wait until the loop runs. */
static int
guard_poll(struct pollfd *p, int64_t limit)
{
	int64_t	until = clock_ms() + limit, left;
	int	got;

	do {
		left = until - clock_ms();
		got = poll(p, 1, left > 0 ? (int)left : 0);
	} while (got < 0 && errno == EINTR);
	return got;
}

/* Nothing may be decided before its first word. */
static CHECKED bool
guard_wait(const struct guard *g, struct error *err)
{
	struct pollfd	p = { .fd = g->channel, .events = POLLIN };
	int64_t		limit = GUARD_START_LIMIT_MS + g->config->demote_deadline;
	int		got = guard_poll(&p, QUIET);

	if (got == 0) {
		notify_send("EXTEND_TIMEOUT_USEC=%" PRId64, limit * 1000);
		log_info("Waiting for the guard of the previous agent: it may "
		    "be demoting the copy");
		got = guard_poll(&p, limit);
	}
	return got != 0 ||
	    error_set(err, "the guard does not start: look for a process "
	    "cf-guard of service id \"%s\" that hangs",
	    g->config->service_id);
}

bool
guard_stands(struct guard *g, int64_t *inherited_ms, struct error *err)
{
	struct wire	w;

	if (wire_receive(g->channel, &w, MSG_DONTWAIT) != 1 ||
	    wire_type(&w) != WIRE_GUARD ||
	    wire_number(&w) != CORE_GUARD_HOLDS)
		return error_set(err, "the guard ended at its start; its "
		    "reason, if it logged one, is above");
	*inherited_ms = (int64_t)wire_number(&w);
	return true;
}

bool
guard_new(struct guard **out, struct event_base *base,
    const struct config *config, const struct plugin_description *plugin,
    char *const leave[], guard_cb cb, void *arg, struct error *err)
{
	struct guard	*g = must_zeroed(1, sizeof *g);

	*out = NULL;
	g->base = base;
	g->config = config;
	g->plugin = plugin;
	g->leave = leave;
	g->cb = cb;
	g->arg = arg;
	g->pid = g->role = g->channel = -1;
	g->again = timer_new(base, guard_start_again, g);
	if (guard_spawn(g, err)) {
		*out = g;
		return true;
	}
	guard_free(g, false);
	return false;
}

bool
guard_start(struct guard *g, int64_t *inherited_ms, struct error *err)
{
	return guard_set_up(g, err) && guard_wait(g, err) &&
	    guard_stands(g, inherited_ms, err);
}

void
guard_free(struct guard *g, bool in_good_order)
{
	if (g == NULL)
		return;
	if (in_good_order) {
		wire_begin(&g->out, WIRE_BYE);
		guard_say(g);
	}
	guard_bury(g);
	event_free(g->again);
	free(g);
}

void
guard_lease(struct guard *g, int64_t until_ms, int64_t by_ms,
    int64_t clean_at_ms, uint64_t epoch, const char *node,
    const char *session, bool now)
{
	g->ended = false;
	g->until_ms = until_ms;
	g->by_ms = by_ms;
	g->clean_at_ms = clean_at_ms;
	g->epoch = epoch;
	snprintf(g->node, sizeof g->node, "%s", node);
	snprintf(g->session, sizeof g->session, "%s", session);
	guard_send_lease(g, now);
}

void
guard_end(struct guard *g)
{
	g->ended = true;
	g->until_ms = 0;
	wire_begin(&g->out, WIRE_END);
	guard_say(g);
}

void
guard_role(struct guard *g, pid_t role)
{
	g->role = role;
	guard_send_role(g);
}

void
guard_reload(struct guard *g, const struct plugin_description *plugin)
{
	struct error	err;

	g->plugin = plugin;
	/* One that is not there, or can't be told, is followed by one that can. */
	if (g->pid != -1 && !guard_set_up(g, &err))
		child_kill(g->pid);
}

pid_t
guard_pid(const struct guard *g)
{
	return g->pid;
}

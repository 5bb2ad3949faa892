/*
 * handler_main.c - the program consul-failover-handler: runs one plugin.
 *
 * It is started by the agent with the channel as descriptor 3 and the plugin as
 * 4, and has no access to Consul.  It answers one call after the other; the
 * agent keeps the time and kills it when a call takes too long.
 *
 *	handler			agent
 *	DESCRIPTION or REFUSED
 *				START	once, ahead of the first call
 *				CALL
 *	LOG ...
 *	RESULT
 *	WATCH			between calls, once after each health
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "memory.h"
#include "must.h"
#include "plugin.h"
#include "run.h"
#include "signals.h"
#include "trace.h"
#include "wire.h"

/*
 * Messages.
 */

static void
run_refuse(struct run *r, const char *why)
{
	wire_begin(&r->out, WIRE_REFUSED);
	wire_put_string(&r->out, why);
	run_send(r);
}

static bool
run_describe(struct run *r, bool whole)
{
	const struct failover_plugin_info	*info = &r->plugin.info;
	const struct failover_option		*o;
	const char				*function;
	char					 near[PLUGIN_NEAR];
	size_t					 i;

	wire_begin(&r->out, WIRE_DESCRIPTION);
	wire_put_number(&r->out, info->abi);
	wire_put_string(&r->out, info->name);
	wire_put_string(&r->out, info->version);
	wire_put_string(&r->out, info->summary);
	for (i = 0; (function = plugin_function(&r->plugin, i)) != NULL; i++)
		wire_put_string(&r->out, function);
	if (whole && plugin_find_near(&r->plugin, near, sizeof near))
		wire_put_string(&r->out, near);
	wire_put_string(&r->out, "");
	for (o = info->options; o != NULL && o->name != NULL; o++) {
		wire_put_string(&r->out, o->name);
		wire_put_number(&r->out, (uint64_t)o->type);
		wire_put_number(&r->out, o->fallback != NULL);
		wire_put_string(&r->out, o->fallback);
		wire_put_string(&r->out, o->meaning);
	}
	wire_put_string(&r->out, "");
	if (r->out.broken) {
		run_refuse(r, "the plugin's description is longer than 64 KiB");
		return false;
	}
	return wire_send(CHANNEL, &r->out);
}

static bool
run_read_start(struct run *r)
{
	struct wire		*w = &r->start;
	struct run_option	*o;
	uint64_t		 count;

	if (wire_receive(CHANNEL, w, 0) != 1 || wire_type(w) != WIRE_START)
		return false;
	r->f.service = wire_string(w);
	r->f.port = (uint16_t)wire_number(w);
	r->memory_path = wire_string(w);
	r->watching = wire_number(w) != 0 &&
	    r->plugin.functions[OPERATION_WATCH_FD] != NULL;
	count = wire_number(w);
	if (count > WIRE_MAX)
		return false;
	r->options = must_zeroed(count + 1, sizeof *r->options);
	for (r->option_count = 0; r->option_count < count; r->option_count++) {
		o = &r->options[r->option_count];
		o->name = wire_string(w);
		o->value = wire_string(w);
		o->number = (int64_t)wire_number(w);
		o->secret = wire_string(w);
	}
	return wire_end(w);
}

/*
 * Calls.
 */

static enum failover_result
run_traces(struct run *r)
{
	struct trace	 t;

	trace_take(&t);
	t.closed_watch = r->closed_watch;
	trace_print(&t, r->position, sizeof r->position);
	return FAILOVER_DONE;
}

/* What is closed tells of nothing: the agent would wait for it in vain. */
static void
run_ask_watch(struct run *r)
{
	r->watch = -1;
	if (r->watching && r->started)
		r->watch = PLUGIN_FUNCTION(&r->plugin, OPERATION_WATCH_FD,
		    watch_fd)(&r->f);
	if (r->watch < 0 || fcntl(r->watch, F_GETFD) != -1)
		return;
	if (!r->closed_watch)
		run_log(&r->f, FAILOVER_WARNING, "watch_fd returned descriptor "
		    "%d, which is closed: the application's death is noticed "
		    "only by the next health call", r->watch);
	r->closed_watch = true;
	r->watch = -1;
}

/* Ahead of the answer: the process is replaced after that. */
static void
run_tell_growth(struct run *r)
{
	struct trace	 now;
	char		 text[128];

	trace_measure(r->measured ? &now : &r->first);
	if (r->measured && trace_has_grown(&r->first, &now, text,
	    sizeof text)) {
		wire_begin(&r->out, WIRE_GROWN);
		wire_put_string(&r->out, text);
		run_send(r);
	}
	r->measured = true;
}

static enum failover_result
run_function(struct run *r, const struct wire_call *c)
{
#define CALL(name)	PLUGIN_FUNCTION(&r->plugin, c->op, name)
	struct failover	*f = &r->f;

	if (c->op == OPERATION_PLUGIN_START)
		return FAILOVER_DONE;		/* it has been run by now */
	if (c->op == OPERATION_TRACES)
		return run_traces(r);
	if (r->plugin.functions[c->op] != NULL)
		switch (c->op) {
		case OPERATION_HEALTH:
			return CALL(health)(f);
		case OPERATION_ENSURE_MASTER:
			return CALL(ensure_master)(f);
		case OPERATION_ENSURE_SLAVE:
			return CALL(ensure_slave)(f, c->master_host);
		case OPERATION_ENSURE_DEMOTED:
			return CALL(ensure_demoted)(f);
		case OPERATION_POSITION:
			return CALL(position)(f, r->position,
			    sizeof r->position);
		case OPERATION_HAS_POSITION:
			return CALL(has_position)(f, c->position);
		case OPERATION_BEHIND:
			snprintf(r->position, sizeof r->position, "%lld",
			    (long long)CALL(behind)(f, c->position));
			return FAILOVER_DONE;
		default:
			break;
		}
	return run_say(f, FAILOVER_FAILED, "the plugin has no %s",
	    operation_name(c->op));
#undef CALL
}

/* What came out of function becomes an answer that can be passed on. */
static enum failover_result
run_check_result(struct run *r, const char *function, int result)
{
	static const char	*const words[] = { "done", "failed", "again" };

	if (result < FAILOVER_DONE || result > FAILOVER_AGAIN)
		return run_say(&r->f, FAILOVER_FAILED,
		    "%s returned %d, which is not a failover_result", function,
		    result);
	if (r->sentence[0] == '\0')
		run_say(&r->f, FAILOVER_DONE, "%s: %s", function,
		    words[result]);
	return (enum failover_result)result;
}

/* Lazily, so that it is covered by the deadline of a call. */
static bool
run_plugin_start(struct run *r)
{
	__typeof__(&plugin_start)	 start = PLUGIN_FUNCTION(&r->plugin,
					    OPERATION_PLUGIN_START,
					    plugin_start);
	char				 why[FAILOVER_SENTENCE];

	if (!r->started && start != NULL &&
	    run_check_result(r, "plugin_start", (int)start(&r->f)) !=
	    FAILOVER_DONE) {
		memcpy(why, r->sentence, sizeof why);
		run_say(&r->f, FAILOVER_FAILED, "plugin_start: %s", why);
		return false;
	}
	r->started = true;
	r->sentence[0] = '\0';
	return true;
}

static void
run_tell(struct failover *f, const struct wire_call *c)
{
	f->epoch = c->epoch;
	f->deadline = c->deadline_ms;
	f->node = c->node;
	f->address = c->address;
	f->reason = c->reason;
	f->role = (enum failover_role)c->role;
	f->master_host = c->master_host;
	f->master_port = c->master_port;
	f->previous_host = c->previous_host;
	f->previous_port = c->previous_port;
	f->target = c->target;
	f->enough = c->enough;
	f->promote = c->promote;
}

/* Another handler may have changed it.  A disk that fails must not hide what is
 * known against a copy, nor cost a master its lock, nor keep it from being
 * demoted. */
static bool
run_recall(struct run *r, const struct wire_call *c)
{
	struct error	 err;

	r->f.memory = r->memory;
	/* Whose disk may hang, and nothing is to be known for it. */
	if (r->demoting)
		return true;
	if (memory_read(r->memory_path, r->memory, sizeof r->memory, &err) ||
	    c->promote || c->role == FAILOVER_MASTER ||
	    (c->op != OPERATION_HEALTH && c->op != OPERATION_ENSURE_MASTER))
		return true;
	run_say(&r->f, FAILOVER_FAILED, "%s: it may record that this copy "
	    "lacks data", err.text);
	return false;
}

static bool
run_call(struct run *r)
{
	struct wire		*w = &r->call;
	struct wire_call	 c;
	const char		*text;
	enum failover_result	 result;
	enum wire_type		 type;
	bool			 whole;

	if (wire_receive(CHANNEL, w, 0) != 1)
		return false;
	/* Read it in any case: it has overwritten the strings of the last
	 * call, and plugin_stop may look at them. */
	type = wire_type(w);
	whole = wire_read_call(w, &c);
	run_tell(&r->f, &c);
	if (!whole || type != WIRE_CALL)
		return false;

	r->sentence[0] = r->position[0] = '\0';
	r->demoting = c.op == OPERATION_ENSURE_DEMOTED;
	if (!run_recall(r, &c) || !run_plugin_start(r))
		result = FAILOVER_FAILED;
	else if (c.not_after_ms != 0 && clock_ms() >= c.not_after_ms)
		/* Our agent stood still between the decision and this. */
		result = run_say(&r->f, FAILOVER_FAILED, "%s comes too late: "
		    "the last proof of the lock is too old",
		    operation_name(c.op));
	else
		result = run_check_result(r, operation_name(c.op),
		    (int)run_function(r, &c));
	/* Ahead of the answer, so that the call's deadline covers it too. */
	if (c.op == OPERATION_HEALTH)
		run_ask_watch(r);
	fflush(stdout);

	r->position[sizeof r->position - 1] = '\0';
	if (c.op == OPERATION_POSITION && result == FAILOVER_DONE &&
	    r->position[0] == '\0')
		result = run_say(&r->f, FAILOVER_FAILED,
		    "position answered done, but its text is empty");
	run_tell_growth(r);
	text = r->position[0] != '\0' && result == FAILOVER_DONE ?
	    r->position : r->sentence;
	wire_begin(&r->out, WIRE_RESULT);
	wire_put_number(&r->out, result);
	wire_put_string(&r->out, text);
	return wire_send(CHANNEL, &r->out);
}

/* Waits until the agent says something; false where it no longer can. */
static bool
run_wait(struct run *r)
{
	struct pollfd	 p[2] = { { .fd = CHANNEL, .events = POLLIN },
			    { .events = POLLIN } };

	for (;;) {
		p[1].fd = r->watch;	/* poll passes over -1 */
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (p[0].revents != 0)
			return (p[0].revents & POLLNVAL) == 0;
		if (p[1].revents == 0)
			continue;
		r->watch = -1;
		if ((p[1].revents & POLLNVAL) != 0)
			continue;
		wire_begin(&r->out, WIRE_WATCH);
		if (!wire_send(CHANNEL, &r->out))
			return false;
	}
}

/*
 * The process.
 */

static void
run_close_channel(void)
{
	close(CHANNEL);
}

/* The agent ends us, by the channel or by SIGKILL. */
static void
run_go_on(int number)
{
	(void)number;
}

static bool
run_set_up(const char *name, const char *parent)
{
	const char	*value = getenv(TRACE_VARIABLE);
	char		 title[16];

	/* It is not for what the plugin starts. */
	if (value != NULL && strcmp(value, TRACE_VALUE) == 0)
		unsetenv(TRACE_VARIABLE);
	/* No core, and no process of the same user, shall read the passwords
	 * among the options. */
	prctl(PR_SET_DUMPABLE, 0);
	/* The kernel kills us with the agent; if that was faster, end now. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != atoi(parent))
		return false;

	/* No child of the plugin's may hold the channel open when we are
	 * gone: the agent would not see that we are. */
	close(CHILD_PROGRAM);
	if (fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(CHILD_PLUGIN, F_SETFD, FD_CLOEXEC) != 0 ||
	    pthread_atfork(NULL, NULL, run_close_channel) != 0)
		return false;

	/* Not ignored: what a plugin starts would ignore it, too. */
	signals_for_the_agent(run_go_on);
	snprintf(title, sizeof title, "cf-%s", name);
	prctl(PR_SET_NAME, title);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return true;
}

int
main(int argc, char **argv)
{
	/* All of it 0, or its messages would fill the program's file. */
	static struct run	 r;
	struct error		 err;

	run_init(&r);

	if (argc != 4) {
		fputs("consul-failover-handler is started by consul-failover; "
		    "to try a plugin: consul-failover plugin call\n", stderr);
		return EXIT_FAILURE;
	}
	if (!run_set_up(argv[1], argv[3]))
		return EXIT_FAILURE;
	if (!plugin_load(&r.plugin, argv[2], CHILD_PLUGIN, &err)) {
		run_refuse(&r, err.text);
		return EXIT_FAILURE;
	}
	/* Who only describes has time to look closely. */
	if (run_describe(&r, strcmp(argv[1], "describe") == 0) &&
	    run_wait(&r) && run_read_start(&r))
		while (run_wait(&r) && run_call(&r))
			continue;
	if (r.started && r.plugin.functions[OPERATION_PLUGIN_STOP] != NULL)
		PLUGIN_FUNCTION(&r.plugin, OPERATION_PLUGIN_STOP,
		    plugin_stop)(&r.f);
	free(r.options);
	return EXIT_SUCCESS;
}

/*
 * handler_main.c - the program consul-failover-handler: runs one plugin.
 *
 * It is started by the agent with the channel as descriptor 3, and knows
 * nothing of Consul.  It answers one call after the other; the agent keeps the
 * time and kills it when a call takes too long.
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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "plugin.h"
#include "wire.h"

#define CHANNEL	3

struct run_option {
	const char	*name;
	const char	*value;
	int64_t		 number;
};

struct run {
	struct failover	 f;		/* first: the plugin gives it back */
	struct plugin	 plugin;
	bool		 started;	/* plugin_start has answered done */
	bool		 watching;	/* this handler reports watch_fd */
	int		 watch;		/* -1: none, or reported already */
	char		 sentence[FAILOVER_SENTENCE];
	char		 position[FAILOVER_POSITION];
	struct run_option *options;
	size_t		 option_count;
	struct wire	 start;		/* holds the options' strings */
	struct wire	 call;		/* holds the call's strings */
	struct wire	 out;
};

/*
 * What the plugin finds in struct failover.
 */

static const struct run_option *
run_find(const struct failover *f, const char *name)
{
	const struct run	*r = (const struct run *)f;
	size_t			 i;

	for (i = 0; i < r->option_count; i++)
		if (strcmp(r->options[i].name, name) == 0)
			return &r->options[i];
	return NULL;
}

static const char *
run_option(const struct failover *f, const char *name)
{
	const struct run_option	*o = run_find(f, name);

	return o == NULL ? NULL : o->value;
}

static int64_t
run_number(const struct failover *f, const char *name)
{
	const struct run_option	*o = run_find(f, name);

	return o == NULL ? 0 : o->number;
}

static int64_t
run_time_left(const struct failover *f)
{
	int64_t	 now = clock_ms();

	return f->deadline > now ? f->deadline - now : 0;
}

__attribute__((format(printf, 3, 4))) static enum failover_result
run_say(struct failover *f, enum failover_result result, const char *fmt, ...)
{
	struct run	*r = (struct run *)f;
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(r->sentence, sizeof(r->sentence), fmt, ap);
	va_end(ap);
	return result;
}

__attribute__((format(printf, 3, 4))) static void
run_log(struct failover *f, enum failover_level level, const char *fmt, ...)
{
	struct run	*r = (struct run *)f;
	char		 line[FAILOVER_SENTENCE];
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	wire_begin(&r->out, WIRE_LOG);
	wire_put_number(&r->out, (uint64_t)level);
	wire_put_string(&r->out, line);
	wire_send(CHANNEL, &r->out);
}

static enum failover_result
run_secret(struct failover *f, const char *option, char *text, size_t size)
{
	const char		*path = run_option(f, option);
	enum failover_result	 result = FAILOVER_DONE;
	struct stat		 st;
	FILE			*file;

	text[0] = '\0';
	if (path == NULL || path[0] == '\0')
		return FAILOVER_DONE;
	file = fopen(path, "re");
	if (file == NULL || fstat(fileno(file), &st) != 0 ||
	    (fgets(text, (int)size, file) == NULL && ferror(file)))
		result = run_say(f, FAILOVER_FAILED, "%s: %s: %s", option,
		    path, strerror(errno));
	else if ((st.st_mode & S_IROTH) != 0)
		result = run_say(f, FAILOVER_FAILED, "%s: %s can be read by "
		    "everybody: chmod o-r it", option, path);
	else if (strlen(text) == size - 1 && text[size - 2] != '\n')
		result = run_say(f, FAILOVER_FAILED, "%s: the first line of %s "
		    "is longer than %zu bytes", option, path, size - 2);
	if (file != NULL)
		fclose(file);
	text[result == FAILOVER_DONE ? strcspn(text, "\r\n") : 0] = '\0';
	return result;
}

/*
 * Messages.
 */

static void
run_refuse(struct run *r, const char *why)
{
	wire_begin(&r->out, WIRE_REFUSED);
	wire_put_string(&r->out, why);
	wire_send(CHANNEL, &r->out);
}

static bool
run_describe(struct run *r)
{
	const struct failover_plugin_info	*info = &r->plugin.info;
	const struct failover_option		*o;
	const char				*function;
	size_t					 i;

	wire_begin(&r->out, WIRE_DESCRIPTION);
	wire_put_number(&r->out, info->abi);
	wire_put_string(&r->out, info->name);
	wire_put_string(&r->out, info->version);
	wire_put_string(&r->out, info->summary);
	for (i = 0; (function = plugin_function(&r->plugin, i)) != NULL; i++)
		wire_put_string(&r->out, function);
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
	r->watching = wire_number(w) != 0 && r->plugin.watch_fd != NULL;
	count = wire_number(w);
	if (count > WIRE_MAX)
		return false;
	r->options = calloc(count + 1, sizeof(*r->options));
	if (r->options == NULL)
		return false;
	for (r->option_count = 0; r->option_count < count; r->option_count++) {
		o = &r->options[r->option_count];
		o->name = wire_string(w);
		o->value = wire_string(w);
		o->number = (int64_t)wire_number(w);
	}
	return wire_end(w);
}

/*
 * Calls.
 */

static enum failover_result
run_function(struct run *r, const char *op, const char *master_host,
    const char *other)
{
	const struct plugin	*p = &r->plugin;
	struct failover		*f = &r->f;

	if (strcmp(op, "health") == 0)
		return p->health(f);
	if (strcmp(op, "ensure_master") == 0)
		return p->ensure_master(f);
	if (strcmp(op, "ensure_slave") == 0)
		return p->ensure_slave(f, master_host);
	if (strcmp(op, "ensure_demoted") == 0 && p->ensure_demoted != NULL)
		return p->ensure_demoted(f);
	if (strcmp(op, "position") == 0 && p->position != NULL)
		return p->position(f, r->position, sizeof(r->position));
	if (strcmp(op, "has_position") == 0 && p->has_position != NULL)
		return p->has_position(f, other);
	if (strcmp(op, "behind") == 0 && p->behind != NULL) {
		snprintf(r->position, sizeof(r->position), "%lld",
		    (long long)p->behind(f, other));
		return FAILOVER_DONE;
	}
	return run_say(f, FAILOVER_FAILED, "the plugin has no %s", op);
}

/* What came out of function becomes an answer that can be passed on. */
static enum failover_result
run_check_result(struct run *r, const char *function, int result)
{
	static const char	*const words[] = { "done", "failed", "again" };

	if (result < FAILOVER_DONE || result > FAILOVER_AGAIN)
		return run_say(&r->f, FAILOVER_FAILED,
		    "%s answered %d, which is no failover_result", function,
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
	char	 why[FAILOVER_SENTENCE];

	if (!r->started && r->plugin.plugin_start != NULL &&
	    run_check_result(r, "plugin_start",
	    (int)r->plugin.plugin_start(&r->f)) != FAILOVER_DONE) {
		memcpy(why, r->sentence, sizeof(why));
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
	f->deadline = c->deadline;
	f->node = c->node;
	f->reason = c->reason;
	f->role = (enum failover_role)c->role;
	f->master_host = c->master_host;
	f->master_port = c->master_port;
	f->previous_host = c->previous_host;
	f->previous_port = c->previous_port;
	f->target = c->target;
	f->enough = c->enough;
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
	if (!run_plugin_start(r))
		result = FAILOVER_FAILED;
	else if (c.not_after != 0 && clock_ms() >= c.not_after)
		/* Our agent stood still between the decision and this. */
		result = run_say(&r->f, FAILOVER_FAILED, "%s comes too late: "
		    "the lock was proved too long ago", c.op);
	else
		result = run_check_result(r, c.op,
		    (int)run_function(r, c.op, c.master_host, c.position));
	/* Ahead of the answer, so that the call's deadline covers it too. */
	if (strcmp(c.op, "health") == 0)
		r->watch = r->watching && r->started ?
		    r->plugin.watch_fd(&r->f) : -1;
	fflush(stdout);

	r->position[sizeof(r->position) - 1] = '\0';
	if (strcmp(c.op, "position") == 0 && result == FAILOVER_DONE &&
	    r->position[0] == '\0')
		result = run_say(&r->f, FAILOVER_FAILED,
		    "position answered done, but its text is empty");
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

static bool
run_set_up(const char *name, const char *parent)
{
	char	 title[16];

	/* The kernel kills us with the agent; if that was faster, end now. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != atoi(parent))
		return false;

	/* No child of the plugin's may hold the channel open when we are
	 * gone: the agent would not see that we are. */
	if (fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) != 0 ||
	    pthread_atfork(NULL, NULL, run_close_channel) != 0)
		return false;

	snprintf(title, sizeof(title), "cf-%s", name);
	prctl(PR_SET_NAME, title);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return true;
}

int
main(int argc, char **argv)
{
	static struct run	 r = {
		.f = { .size = sizeof(r.f), .option = run_option,
		    .number = run_number, .time_left = run_time_left,
		    .say = run_say, .log = run_log,
		    .secret = run_secret },
		.watch = -1,
	};
	struct error		 err;

	if (argc != 4) {
		fputs("consul-failover-handler is started by consul-failover; "
		    "to try a plugin: consul-failover plugin call\n", stderr);
		return EXIT_FAILURE;
	}
	if (!run_set_up(argv[1], argv[3]))
		return EXIT_FAILURE;
	if (!plugin_load(&r.plugin, argv[2], &err)) {
		run_refuse(&r, err.text);
		return EXIT_FAILURE;
	}
	if (run_describe(&r) && run_wait(&r) && run_read_start(&r))
		while (run_wait(&r) && run_call(&r))
			continue;
	if (r.started && r.plugin.plugin_stop != NULL)
		r.plugin.plugin_stop(&r.f);
	free(r.options);
	return EXIT_SUCCESS;
}

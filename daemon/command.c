/* command.c - the subcommands of consul-failover. */

#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <consul-failover/plugin.h>
#include <curl/curl.h>
#include <event2/event.h>

#include "agent.h"
#include "child.h"
#include "config.h"
#include "conform.h"
#include "consul.h"
#include "core.h"
#include "error.h"
#include "handler.h"
#include "lease.h"
#include "leave.h"
#include "log.h"
#include "runfile.h"
#include "status.h"
#include "value.h"

#define LEAVE_PINS	3
#define FLAGS_MAX	(64 + LEAVE_PINS)
#define EXIT_USAGE	64	/* as sysexits.h has it */
#define EXIT_CONFIG	78
#define EXIT_AGAIN	75

/* What stands behind the command's name. */
struct options {
	const char	*config_file;
	char		*flags[FLAGS_MAX];	/* "section.key=value", owned */
	size_t		 flag_count;
	bool		 json, watch, example, dot, yes, help;
	bool		 running;	/* an agent: errors go to its log */
	const char	*master_host;
	int		 master_port;
	char		 master[256];		/* the host of --master */
	const char	*target;
	uint64_t	 epoch;
	int		 guard;			/* our parent, that one */
	char		**rest;			/* words that are no options */
	int		 rest_count;
};

struct command {
	const char	*name;
	int		(*run)(struct options *);
	bool		 wants_config;		/* -c FILE */
	const char	*usage;
	const char	*meaning;
};

enum { OPT_JSON = 256, OPT_WATCH, OPT_EXAMPLE, OPT_DOT, OPT_HOST, OPT_PORT,
	OPT_MASTER, OPT_EPOCH, OPT_TARGET, OPT_YES, OPT_GUARD, OPT_HELP,
	OPT_CONFIG_FLAG };

static int	fail(int status, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

static int
fail(int status, const char *fmt, ...)
{
	va_list	ap;

	fputs("consul-failover: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

/*
 * Loading.
 */

/* Lines of "file:line: what"; frees them. */
static void
report(const struct options *o, char *errors)
{
	char	*line, *rest = errors;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0' && o->running)
			log_error("%s", line);
		else if (line[0] != '\0')
			fprintf(stderr, "%s\n", line);
	free(errors);
}

static bool
load(struct options *o, struct config **config)
{
	char	*errors = NULL;

	*config = NULL;
	if (config_load(config, o->config_file, o->flags, o->flag_count,
	    &errors))
		return true;
	report(o, errors);
	return false;
}

static bool
load_plugin(const struct options *o, const struct config *config,
    struct plugin_description **plugin, int64_t limit)
{
	struct error	 err;
	char		*errors = NULL;

	if (!plugin_describe(plugin, config->plugin_path, limit, &err)) {
		if (asprintf(&errors, "%s: [plugin] path: %s", config->file,
		    err.text) >= 0)
			report(o, errors);
		return false;
	}
	if (plugin_check_options(*plugin, config, &errors))
		return true;
	report(o, errors);
	plugin_description_free(*plugin);
	*plugin = NULL;
	return false;
}

/* Gives 0, or the exit status. */
static int
load_both(struct options *o, struct config **config,
    struct plugin_description **plugin)
{
	if (!load(o, config))
		return EXIT_CONFIG;
	if (load_plugin(o, *config, plugin, PLUGIN_LOAD_LIMIT))
		return 0;
	config_free(*config);
	return EXIT_CONFIG;
}

static void
open_log(const struct config *c)
{
	log_open(c->service_name, c->log_json ? LOG_JSON : LOG_PLAIN,
	    c->log_debug);
}

/*
 * agent
 */

/* What an agent runs with. */
struct setup {
	struct options			*options;
	struct config			*config;
	struct plugin_description	*plugin;
	struct agent			*agent;
};

static bool
same(const char *what, const char *old, const char *new)
{
	if (strcmp(old, new) == 0)
		return true;
	log_error("%s can't change from \"%s\" to \"%s\" while the agent runs: "
	    "restart it", what, old, new);
	return false;
}

static bool
same_number(const char *what, int64_t old, int64_t new)
{
	char	a[32], b[32];

	snprintf(a, sizeof a, "%" PRId64, old);
	snprintf(b, sizeof b, "%" PRId64, new);
	return same(what, a, b);
}

/* Who we are to Consul and to others stays: it stands in the lock's key.  So do
 * the terms of the session, which Consul does not change, and what others rely
 * on while they wait for a master that is lost. */
static bool
may_follow(const struct config *old, const struct config *new)
{
	return same("[service] name", old->service_name, new->service_name) &&
	    same("[service] id", old->service_id, new->service_id) &&
	    same("[agent] run_dir", old->run_dir, new->run_dir) &&
	    same_number("[service] port", old->service_port,
	    new->service_port) &&
	    same("[service] address", old->service_address,
	    new->service_address) &&
	    same("[api] listen", old->api_listen, new->api_listen) &&
	    same_number("[lock] fuse", old->fuse, new->fuse) &&
	    same_number("[plugin] demote_deadline", old->demote_deadline,
	    new->demote_deadline) &&
	    same_number("[lock] lock_delay", old->lock_delay,
	    new->lock_delay) &&
	    same_number("[lock] session_ttl", old->session_ttl,
	    new->session_ttl) &&
	    same_number("[lock] bind_node", old->bind_node, new->bind_node);
}

/* All parts borrow the one struct, so it is what is in it that changes. */
static void
swap(struct config *a, struct config *b)
{
	struct config	c = *a;

	*a = *b;
	*b = c;
}

static const char *
can_demote(const struct plugin_description *p)
{
	return (p->ops & 1u << HANDLER_ENSURE_DEMOTED) != 0 ? "yes" : "no";
}

static bool
take_over(struct setup *s, struct config *config,
    struct plugin_description **plugin)
{
	struct plugin_description	*old = s->plugin;
	struct error			 err;

	if (!same("whether the plugin has ensure_demoted",
	    can_demote(old), can_demote(*plugin)))
		return false;
	swap(s->config, config);
	if (!agent_reload(s->agent, *plugin, &err)) {
		log_error("%s", err.text);
		swap(s->config, config);
		return false;
	}
	s->plugin = *plugin;
	*plugin = old;
	return true;
}

/* What came of a call that was made on a loop of its own. */
struct call_answer {
	struct event_base	*base;
	enum handler_result	 result;
	char			 text[FAILOVER_POSITION];
};

static void
keep_answer(enum handler_result result, const char *text, void *arg)
{
	struct call_answer	*a = arg;

	a->result = result;
	snprintf(a->text, sizeof a->text, "%s", text);
	event_base_loopbreak(a->base);
}

/* Blocks until the plugin has answered, or its time is over. */
static void
call_once(const struct config *c, const struct plugin_description *p,
    const struct handler_call *call, struct call_answer *a)
{
	struct handler	*h;

	a->result = HANDLER_LOST;
	a->base = event_base_new();
	h = handler_new(a->base, "call", c, p, NULL, NULL);
	handler_call(h, call, keep_answer, a);
	event_base_dispatch(a->base);
	handler_free(h);
	event_base_free(a->base);
}

/* An option or a password that the plugin can't use would cost a healthy master
 * its lock, and then even its demotion. */
static bool
is_no_worse(const struct setup *s, const struct config *c,
    const struct plugin_description *p, int64_t limit)
{
	struct call_answer	 a;
	struct handler_call	 call = { .op = HANDLER_HEALTH,
				    .timeout_ms = limit,
				    .what = { .node = "",
				    .reason = "a new configuration" } };

	if (!agent_is_well(s->agent))
		return true;
	if (c->health_deadline < limit)
		call.timeout_ms = c->health_deadline;
	call_once(c, p, &call, &a);
	if (a.result == HANDLER_DONE || a.result == HANDLER_AGAIN)
		return true;
	log_error("With the new %s the plugin says: %s", c->file, a.text);
	return false;
}

/* At SIGHUP.  A bad config changes nothing. */
static void
reload(void *arg)
{
	struct setup			*s = arg;
	struct config			*config = NULL;
	struct plugin_description	*plugin = NULL;
	int64_t				 limit = agent_time_left(s->agent) / 2;
	bool				 ok;

	/* The loop stands still meanwhile. */
	if (limit > PLUGIN_LOAD_LIMIT)
		limit = PLUGIN_LOAD_LIMIT;
	log_info("Reading %s again", s->config->file);
	ok = load(s->options, &config) && may_follow(s->config, config) &&
	    load_plugin(s->options, config, &plugin, limit) &&
	    is_no_worse(s, config, plugin, limit) &&
	    take_over(s, config, &plugin);
	config_free(config);
	plugin_description_free(plugin);
	open_log(s->config);
	if (ok)
		log_info("Running with the new %s", s->config->file);
	else
		log_error("%s is not taken over: the old configuration stays",
		    s->config->file);
}

/* What the guard runs: our own config and flags, and this copy, whatever the
 * file says by then.  A file that is broken by then leaves the lock to the
 * lock-delay. */
static void
make_leave(const struct options *o, const struct config *c, char *program,
    char **words)
{
	static char	 pins[LEAVE_PINS][PATH_MAX];
	size_t		 i, n = 0;

	child_find_self(program);
	words[n++] = program;
	words[n++] = (char *)"leave";
	words[n++] = (char *)"-c";
	words[n++] = (char *)o->config_file;
	for (i = 0; i < o->flag_count; i++) {
		words[n++] = (char *)"-o";
		words[n++] = o->flags[i];
	}
	snprintf(pins[0], PATH_MAX, "service.name=%s", c->service_name);
	snprintf(pins[1], PATH_MAX, "service.id=%s", c->service_id);
	snprintf(pins[2], PATH_MAX, "agent.run_dir=%s", c->run_dir);
	for (i = 0; i < LEAVE_PINS; i++) {
		words[n++] = (char *)"-o";
		words[n++] = pins[i];
	}
	words[n] = NULL;
}

static int
command_agent(struct options *o)
{
	struct setup	 s = { .options = o };
	struct runfile	*runfile = NULL;
	char		 program[PATH_MAX], *leave[2 * FLAGS_MAX + 5];
	struct error	 err;
	int		 status;

	if ((status = load_both(o, &s.config, &s.plugin)) != 0)
		return status;
	open_log(s.config);
	o->running = true;
	status = EXIT_FAILURE;
	make_leave(o, s.config, program, leave);
	if (!runfile_open(&runfile, s.config, true, &err) ||
	    !agent_new(&s.agent, s.config, s.plugin, runfile, leave, &err))
		log_error("%s", err.text);
	else if (agent_run(s.agent, reload, &s) == AGENT_STOPPED)
		status = EXIT_SUCCESS;
	agent_free(s.agent);
	runfile_close(runfile);
	plugin_description_free(s.plugin);
	config_free(s.config);
	return status;
}

/*
 * check
 */

static double
seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* One line of what happens so many seconds after a fault. */
static void __attribute__((format(printf, 2, 3)))
at(double when, const char *fmt, ...)
{
	va_list	ap;

	printf("    %6.1f  ", when);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
print_agent_faults(const struct config *c, double F, double D, double L)
{
	double	W = seconds(c->restart_wait), S = seconds(LEASE_SLACK);
	double	poll = seconds(c->check_interval * (c->check_failures - 1));

	puts("  the agent is stopped (SIGTERM)");
	at(D, "the copy is demoted, the lock given back; another node has it "
	    "at once");
	printf("  the agent is killed, and started again within %g s\n", W);
	at(0, "it goes on where it was: no demotion, no failover");
	puts("  the agent is killed, and not started again");
	at(W, "its guard demotes the copy");
	at(W + D, "demoted, the lock given back; another node has it at once,");
	printf("            or after lock_delay, if Consul's check of /health "
	    "has failed by\n            then (after %g s or more)\n", poll);
	puts("  the agent stands still (SIGSTOP) or hangs");
	at(F + S, "its guard demotes the copy");
	at(F + S + D, "demoted; the lock is given back 1 s later, or free after "
	    "lock_delay,\n            if Consul has noticed first");
	puts("  the guard is killed");
	at(0, "the agent starts another one");
	puts("  agent and guard are killed together, and not started again");
	at(poll + L, "another node can have the lock.  THE COPY STAYS A MASTER");
	puts("  ensure_demoted fails or hangs, or there is none");
	at(F + S + D, c->on_fence_failure[0] != '\0' ?
	    "on_fence_failure is run; the copy may still be a master" :
	    "the copy may still be a master; no on_fence_failure is given");
	at(L, "not before this can another node have the lock");
}

static void
print_election(const struct config *c, const struct plugin_description *p)
{
	if (c->never_master)
		puts("\nThis copy never takes the lock ([election] never_master).");
	else if ((p->ops & 1u << HANDLER_HAS_POSITION) != 0)
		printf("\nBefore one takes the lock the candidates compare their "
		    "data: where these differ,\nthat can take %g s more "
		    "([election] wait).  A new master that lacks what the one\n"
		    "before left waits up to %g s for it ([election] "
		    "catch_up).\n", seconds(c->election_wait),
		    seconds(c->catch_up));
}

static void
print_time_line(const struct config *c, const struct plugin_description *p)
{
	bool	can_demote = (p->ops & 1u << HANDLER_ENSURE_DEMOTED) != 0;
	double	F = seconds(c->fuse), D = seconds(c->demote_deadline);
	double	L = seconds(c->lock_delay), P = seconds(c->verify_interval);
	double	To = seconds(c->request_timeout);
	double	I = seconds(c->health_interval);
	double	H = seconds(c->health_deadline);
	double	T = 2 * seconds(c->session_ttl);
	double	dead = c->bind_node ? 6.5 : T;

	printf("\nSafety: fuse %g s + demote_deadline %g s + 1 s <= lock_delay "
	    "%g s.\nA master that Consul no longer confirms is demoted before "
	    "any other node can\nhave the lock.%s\n\nWhat happens, and when, at "
	    "the latest (seconds after the fault):\n\n", F, D, L,
	    can_demote ? "" : "  BUT THIS PLUGIN HAS NO ensure_demoted:\na "
	    "master that loses the lock takes writes until it has become a "
	    "slave.");
	puts("  the application fails");
	at(I, "noticed by the next health call (at once with watch_fd)");
	at(I + H, "noticed if the health call hangs");
	at(I + H + D, "demoted, the lock given back; another node has it at "
	    "once");
	print_agent_faults(c, F, D, L);
	puts("  this host is cut off from Consul, or Consul has no leader");
	at(F, "the last proof is too old: the demotion begins");
	at(F + D, "the copy is demoted");
	at(L, "not before this can another node have the lock");
	puts("  the agent alone is cut off from Consul");
	at(F + D, "the copy is demoted");
	at(T + L, "the session has ended by its TTL; another node has the lock");
	puts("  this host dies");
	at(dead, "Consul notices (%s)", c->bind_node ?
	    "serfHealth, usual settings" : "2 x session_ttl");
	at(dead + L + 0.3, "another node has the lock");
	printf("\nA consistent read proves the lock every %g s; one may take "
	    "%g s, so %d can fail\nin a row before the fuse has burnt down.\n",
	    P, To, (int)((F - To) / (P > To ? P : To)));
	print_election(c, p);
}

/* What only the machine can tell: the token, the certificates, the address. */
static bool
check_consul(const struct config *c)
{
	struct event_base	*base = event_base_new();
	struct consul		*consul;
	struct error		 err;
	bool			 ok = consul_new(&consul, base, c, &err);

	if (!ok)
		fprintf(stderr, "%s: %s\n", c->file, err.text);
	consul_free(consul);
	event_base_free(base);
	return ok;
}

static int
command_check(struct options *o)
{
	struct config			*c;
	struct plugin_description	*p;
	int				 status;

	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	if (!check_consul(c)) {
		status = EXIT_CONFIG;
	} else {
		printf("%s is good: service %s, plugin %s %s (%s)\n", c->file,
		    c->service_name, p->name, p->version, p->path);
		print_time_line(c, p);
	}
	plugin_description_free(p);
	config_free(c);
	return status;
}

/*
 * config, states, version, status
 */

static int
command_config(struct options *o)
{
	if (!o->example)
		return fail(EXIT_USAGE, "config: say --example to print every "
		    "key with its meaning and default");
	config_print_example(stdout);
	return EXIT_SUCCESS;
}

static int
command_states(struct options *o)
{
	if (!o->dot)
		return fail(EXIT_USAGE, "states: say --dot to print the graph "
		    "of states in Graphviz' language");
	core_print_dot(stdout);
	return EXIT_SUCCESS;
}

static int
command_version(struct options *o)
{
	(void)o;
	printf("consul-failover %s, plugin ABI %d\n%s\nlibevent %s\n", VERSION,
	    FAILOVER_PLUGIN_ABI, curl_version(), event_get_version());
	return EXIT_SUCCESS;
}

static int
command_status(struct options *o)
{
	struct config		*c;
	enum status_answer	 answer;

	if (!load(o, &c))
		return 2;
	answer = status_show(c, o->json, o->watch);
	config_free(c);
	return answer == STATUS_GOOD ? 0 : answer == STATUS_BAD ? 1 : 2;
}

/*
 * leave
 */

/* The guard's run ends with the guard: the next one must find nobody at work. */
static bool
ends_with(long parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static int
command_promote(struct options *o)
{
	struct config	*c;
	char		 path[PATH_MAX];
	int		 fd;

	if (o->rest_count > 0)
		return fail(EXIT_USAGE, "promote: what is \"%s\"?",
		    o->rest[0]);
	if (!load(o, &c))
		return EXIT_CONFIG;
	if (c->never_master || c->max_behind < 0) {
		fail(EXIT_FAILURE, "promote: %s", c->never_master ?
		    "this copy is [election] never_master: change that" :
		    "[election] max_behind is \"any\", so nothing keeps this "
		    "copy from being promoted");
		config_free(c);
		return EXIT_FAILURE;
	}
	if (!runfile_is_held(c)) {
		fail(EXIT_FAILURE, "promote: no agent of service id %s runs "
		    "with the run_dir %s; if it has another one, say -o "
		    "agent.run_dir=FOLDER", c->service_id, c->run_dir);
		config_free(c);
		return EXIT_FAILURE;
	}
	runfile_promote_file(c, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		fail(EXIT_FAILURE, "%s: %s: run this as the agent's user, "
		    "while it runs", path, strerror(errno));
		config_free(c);
		return EXIT_FAILURE;
	}
	close(fd);
	printf("The agent of service id %s takes the lock the next time that "
	    "it is free, even if its copy is further behind than [election] "
	    "max_behind; to take that back: rm %s\n",
	    c->service_id, path);
	config_free(c);
	return EXIT_SUCCESS;
}

static int
command_leave(struct options *o)
{
	static const char *const	 names[] = {
		[LEAVE_RELEASED] = "released",
		[LEAVE_DROPPED] = "dropped",
		[LEAVE_UNFENCED] = "unfenced",
	};
	const char			*as = o->rest_count > 0 ? o->rest[0] :
					    names[LEAVE_DROPPED];
	struct config			*c;
	size_t				 i;
	bool				 ok;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(as, names[i]) == 0)
			break;
	if (i == sizeof names / sizeof names[0])
		return fail(EXIT_USAGE, "leave: say released, dropped (that is "
		    "the default) or unfenced, not \"%s\"", as);
	if (o->guard != 0 && !ends_with(o->guard))
		return EXIT_FAILURE;
	if (!load(o, &c))
		return EXIT_CONFIG;
	open_log(c);
	ok = leave_run(c, (enum leave_as)i, o->guard != 0,
	    o->rest_count > 1 ? o->rest[1] : "");
	config_free(c);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * plugin info, plugin call, plugin test
 */

static const char *
option_type_name(int type)
{
	switch (type & ~FAILOVER_REQUIRED) {
	case FAILOVER_STRING:
		return "string";
	case FAILOVER_INTEGER:
		return "integer";
	case FAILOVER_BOOLEAN:
		return "boolean";
	case FAILOVER_DURATION:
		return "duration";
	}
	return "unknown type";
}

static void
print_plugin(const struct plugin_description *p)
{
	size_t	i;
	int	op;

	printf("%s %s: %s\nfile: %s\nABI: %" PRIu32 "\nfunctions:", p->name,
	    p->version, p->summary, p->path, p->abi);
	for (op = 0; op < HANDLER_OPS; op++)
		if ((p->ops & 1u << op) != 0)
			printf(" %s", handler_op_name((enum handler_op)op));
	printf("%s%s%s\n", p->has_watch_fd ? " watch_fd" : "",
	    p->has_start ? " plugin_start" : "",
	    p->has_stop ? " plugin_stop" : "");
	if (p->option_count > 0)
		puts("options:");
	for (i = 0; i < p->option_count; i++) {
		const struct plugin_option	*q = &p->options[i];

		printf("  %s (%s, %s%s): %s\n", q->name,
		    option_type_name(q->type),
		    (q->type & FAILOVER_REQUIRED) != 0 ? "required" :
		    q->fallback != NULL ? "default " : "no default",
		    (q->type & FAILOVER_REQUIRED) == 0 && q->fallback != NULL ?
		    q->fallback : "", q->meaning);
	}
}

static int
plugin_info_command(struct options *o)
{
	struct plugin_description	*p;
	struct error			 err;

	if (o->rest_count != 2)
		return fail(EXIT_USAGE, "usage: consul-failover plugin info "
		    "NAME|FILE.so");
	if (!plugin_describe(&p, o->rest[1], PLUGIN_LOAD_LIMIT, &err))
		return fail(EXIT_CONFIG, "%s", err.text);
	print_plugin(p);
	plugin_description_free(p);
	return EXIT_SUCCESS;
}

/* What a plugin says may hold anything, and this may be a terminal. */
static void
print_line(const char *text)
{
	for (; *text != '\0'; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' :
		    *text);
	putchar('\n');
}

static int
call_plugin(const struct config *c, const struct plugin_description *p,
    const struct handler_call *call)
{
	struct call_answer	 a;

	if ((p->ops & 1u << call->op) == 0)
		return fail(EXIT_FAILURE, "%s has no %s", p->path,
		    handler_op_name(call->op));
	call_once(c, p, call, &a);
	printf("%s: ", handler_result_name(a.result));
	print_line(a.text);
	return a.result == HANDLER_DONE ? EXIT_SUCCESS :
	    a.result == HANDLER_AGAIN ? EXIT_AGAIN : EXIT_FAILURE;
}

static int
plugin_call_command(struct options *o)
{
	struct handler_call		 call = { .what = { .node = "",
					    .reason = "called by hand" } };
	struct config			*c = NULL;
	struct plugin_description	*p = NULL;
	int				 status;

	if (o->rest_count < 2 || !handler_op_find(o->rest[1], &call.op))
		return fail(EXIT_USAGE, "usage: consul-failover plugin call -c "
		    "FILE health|ensure_master|ensure_slave|ensure_demoted|"
		    "position|has_position|behind [POSITION]");
	if (call.op == HANDLER_ENSURE_SLAVE && o->master_host == NULL)
		return fail(EXIT_USAGE, "ensure_slave needs --master-host HOST "
		    "(and --master-port PORT)");
	if ((call.op == HANDLER_HAS_POSITION || call.op == HANDLER_BEHIND) &&
	    o->rest_count < 3)
		return fail(EXIT_USAGE, "%s needs a position", o->rest[1]);
	if (o->config_file == NULL)
		return fail(EXIT_USAGE, "which config? Give it with -c FILE");
	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	open_log(c);
	call.what.epoch = o->epoch;
	call.timeout_ms = conform_deadline(c, call.op);
	if (call.op == HANDLER_ENSURE_SLAVE) {
		call.what.master_host = o->master_host;
		call.what.master_port = (uint16_t)(o->master_port > 0 ?
		    o->master_port : c->service_port);
	}
	if (call.op == HANDLER_ENSURE_MASTER)
		call.what.target = o->target;
	if (call.op == HANDLER_HAS_POSITION || call.op == HANDLER_BEHIND)
		call.what.position = o->rest[2];
	status = call_plugin(c, p, &call);
	plugin_description_free(p);
	config_free(c);
	return status;
}

/* What a plugin says of itself needs no config. */
static int
test_file(const char *name, const struct conform_terms *terms)
{
	struct plugin_description	*p;
	struct error			 err;
	bool				 ok;

	if (!plugin_describe(&p, name, PLUGIN_LOAD_LIMIT, &err)) {
		printf("FAILED   load: %s\n", err.text);
		return EXIT_FAILURE;
	}
	ok = conform_test(p, NULL, terms, &err);
	plugin_description_free(p);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
plugin_test_command(struct options *o)
{
	struct conform_terms		 terms = {
		.may_change = o->yes, .master_host = o->master_host,
		.epoch = o->epoch != 0 ? o->epoch : 1,
	};
	struct config			*c;
	struct plugin_description	*p;
	struct error			 err;
	int				 status;

	if (o->rest_count != (o->config_file == NULL ? 2 : 1))
		return fail(EXIT_USAGE, "usage: consul-failover plugin test "
		    "NAME|FILE.so, or plugin test -c FILE [--yes] "
		    "[--master HOST:PORT]");
	if (o->config_file == NULL)
		return test_file(o->rest[1], &terms);
	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	open_log(c);
	terms.master_port = (uint16_t)(o->master_port > 0 ? o->master_port :
	    c->service_port);
	if (!conform_test(p, c, &terms, &err))
		status = err.text[0] != '\0' ? fail(EXIT_FAILURE, "%s",
		    err.text) : EXIT_FAILURE;
	plugin_description_free(p);
	config_free(c);
	return status;
}

static int
command_plugin(struct options *o)
{
	if (o->rest_count > 0 && strcmp(o->rest[0], "info") == 0)
		return plugin_info_command(o);
	if (o->rest_count > 0 && strcmp(o->rest[0], "call") == 0)
		return plugin_call_command(o);
	if (o->rest_count > 0 && strcmp(o->rest[0], "test") == 0)
		return plugin_test_command(o);
	return fail(EXIT_USAGE, "plugin: say info, call or test");
}

/*
 * The command line.
 */

static const struct command commands[] = {
	{ "agent", command_agent, true, "-c FILE", "run beside the application" },
	{ "check", command_check, true, "-c FILE",
	    "check config and plugin, and print the safety time line" },
	{ "status", command_status, true, "-c FILE [--json] [--watch]",
	    "every node of the service, as Consul sees it" },
	{ "promote", command_promote, true, "-c FILE",
	    "once, make a copy master that max_behind is against" },
	{ "leave", command_leave, true, "-c FILE [released|dropped]",
	    "take a copy without an agent out of the service" },
	{ "config", command_config, false, "--example",
	    "print every key with its meaning and default" },
	{ "plugin", command_plugin, false, "info NAME|FILE.so",
	    "what a plugin is, has and wants" },
	{ "plugin", command_plugin, false, "call -c FILE OPERATION",
	    "call a plugin once, by hand" },
	{ "plugin", command_plugin, false, "test NAME|FILE.so|-c FILE",
	    "see whether a plugin keeps its promises" },
	{ "states", command_states, false, "--dot", "the states, as a graph" },
	{ "version", command_version, false, "", "this program's version" },
};

static int
print_usage(FILE *f, int status)
{
	size_t		 i;
	const char	*name;

	fputs("usage: consul-failover COMMAND [OPTIONS]\n\n", f);
	for (i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(f, "  %-8s %-27s %s\n", commands[i].name,
		    commands[i].usage, commands[i].meaning);
	fputs("\nWith -c FILE go also  -o SECTION.KEY=VALUE  and", f);
	for (i = 0; (name = config_flag_name(i)) != NULL; i++)
		fprintf(f, "  --%s", name);
	fputs("\nSee consul-failover(8).\n", f);
	return status;
}

static bool
add_flag(struct options *o, const char *key, const char *value)
{
	char	*flag;

	if (o->flag_count == FLAGS_MAX ||
	    asprintf(&flag, "%s%s%s", key, value != NULL ? "=" : "",
	    value != NULL ? value : "") < 0)
		return false;
	o->flags[o->flag_count++] = flag;
	return true;
}

/* Our own options, then Consul's, as the table of config keys names them. */
static void
long_options(struct option *list, size_t size)
{
	static const struct option	own[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "option", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "watch", no_argument, NULL, OPT_WATCH },
		{ "example", no_argument, NULL, OPT_EXAMPLE },
		{ "dot", no_argument, NULL, OPT_DOT },
		{ "master-host", required_argument, NULL, OPT_HOST },
		{ "master-port", required_argument, NULL, OPT_PORT },
		{ "master", required_argument, NULL, OPT_MASTER },
		{ "epoch", required_argument, NULL, OPT_EPOCH },
		{ "yes", no_argument, NULL, OPT_YES },
		{ "target", required_argument, NULL, OPT_TARGET },
		{ "guard", required_argument, NULL, OPT_GUARD },
		{ "help", no_argument, NULL, 'h' },
	};
	size_t		 n = sizeof own / sizeof own[0], i;
	const char	*name;

	memset(list, 0, size * sizeof *list);
	memcpy(list, own, sizeof own);
	for (i = 0; (name = config_flag_name(i)) != NULL && n + 1 < size; i++)
		list[n++] = (struct option){ name, required_argument, NULL,
		    OPT_CONFIG_FLAG };
}

static bool
refuse(const char *name, const char *wanted)
{
	fail(EXIT_USAGE, "--%s wants %s, not \"%s\"", name, wanted, optarg);
	return false;
}

/* A whole number of at least least. */
static bool
take_number(const char *name, uint64_t least, uint64_t most, uint64_t *number)
{
	char	 wanted[64], *end;

	errno = 0;
	*number = strtoull(optarg, &end, 10);
	if (isdigit((unsigned char)optarg[0]) && *end == '\0' && errno == 0 &&
	    *number >= least && *number <= most)
		return true;
	snprintf(wanted, sizeof wanted, "a number from %" PRIu64 " to %" PRIu64,
	    least, most);
	return refuse(name, wanted);
}

static bool
take_master(struct options *o)
{
	struct error	err;
	int		port;

	if (!value_split_address(optarg, o->master, sizeof o->master, &port,
	    &err) || o->master[0] == '\0')
		return refuse("master", "HOST:PORT");
	o->master_host = o->master;
	o->master_port = port;
	return true;
}

static bool
take_option(struct options *o, int c, const char *name)
{
	uint64_t	number;

	switch (c) {
	case 'c':
		o->config_file = optarg;
		return true;
	case 'o':
		return add_flag(o, optarg, NULL);
	case 'h':
		o->help = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_WATCH:
		o->watch = true;
		return true;
	case OPT_EXAMPLE:
		o->example = true;
		return true;
	case OPT_DOT:
		o->dot = true;
		return true;
	case OPT_HOST:
		o->master_host = optarg;
		return true;
	case OPT_PORT:
		if (!take_number(name, 1, 65535, &number))
			return false;
		o->master_port = (int)number;
		return true;
	case OPT_MASTER:
		return take_master(o);
	case OPT_YES:
		o->yes = true;
		return true;
	case OPT_EPOCH:
		return take_number(name, 0, UINT64_MAX, &o->epoch);
	case OPT_TARGET:
		o->target = optarg;
		return true;
	case OPT_GUARD:
		if (!take_number(name, 1, INT_MAX, &number))
			return false;
		o->guard = (int)number;
		return true;
	case OPT_CONFIG_FLAG:
		return add_flag(o, config_flag_key(name), optarg);
	}
	return false;
}

static bool
parse_options(struct options *o, int argc, char **argv)
{
	struct option	list[FLAGS_MAX];
	int		c, i = 0;

	long_options(list, FLAGS_MAX);
	while ((c = getopt_long(argc, argv, "c:o:h", list, &i)) != -1)
		if (!take_option(o, c, list[i].name))
			return false;
	o->rest = argv + optind;
	o->rest_count = argc - optind;
	return true;
}

int
command_run(int argc, char **argv)
{
	struct options	 o = { 0 };
	size_t		 i;
	int		 status;

	if (argc < 2)
		return print_usage(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "--version") == 0)
		return command_version(&o);
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return print_usage(stdout, EXIT_SUCCESS);
	for (i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			break;
	if (i == sizeof commands / sizeof commands[0])
		return fail(EXIT_USAGE, "there is no command \"%s\"; see "
		    "consul-failover help", argv[1]);
	if (!parse_options(&o, argc - 1, argv + 1))
		status = fail(EXIT_USAGE, "see consul-failover help");
	else if (o.help)
		status = print_usage(stdout, EXIT_SUCCESS);
	else if (o.config_file == NULL && commands[i].wants_config)
		status = fail(EXIT_USAGE, "which config? Give it with -c FILE");
	else
		status = commands[i].run(&o);
	while (o.flag_count > 0)
		free(o.flags[--o.flag_count]);
	return status;
}

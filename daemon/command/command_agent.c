/* command_agent.c - agent: what runs beside the application. */
#include "command.h"

#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "call.h"
#include "child.h"
#include "exposed.h"
#include "load.h"
#include "log.h"
#include "memory.h"
#include "runfile.h"
#include "signals.h"

static int	command_agent_run(struct options *);

const struct command command_agent = {
	.name = "agent",
	.arguments = "-c FILE",
	.summary = "run beside the application",
	.help = "Runs beside a copy of the application, until it is stopped: "
	    "registers the copy in Consul, competes for the lock, and gives "
	    "the copy its role.  SIGTERM demotes the copy and releases the "
	    "lock; SIGHUP reads the config again.",
	.exits = COMMAND_EXITS(
		{ 0, "stopped as requested, and the copy is not a master" },
		{ 1, "it could not start, or did not stop properly; the log "
		    "has the reason" },
		{ 78, "the config or the plugin is bad" }),
	.example = "agent -c /etc/consul-failover/db.ini",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_agent_run,
};

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
	    same("[agent] state_dir", old->state_dir, new->state_dir) &&
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
	return (p->ops & 1u << OPERATION_ENSURE_DEMOTED) != 0 ? "yes" : "no";
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

/* An option or a password that the plugin can't use would cost a healthy master
 * its lock, and then even its demotion. */
static bool
is_no_worse(const struct setup *s, const struct config *c,
    const struct plugin_description *p, int64_t limit)
{
	struct call_answer	 a;
	struct handler_call	 call = { .op = OPERATION_HEALTH,
				    .timeout_ms = limit,
				    .what = { .node = "",
				    .reason = "a new configuration",
				    .promote = runfile_is_promoted(c) } };

	if (!agent_is_well(s->agent))
		return true;
	if (c->health_deadline < limit)
		call.timeout_ms = c->health_deadline;
	call_once(c, p, &call, &a);
	if (a.result == HANDLER_DONE || a.result == HANDLER_AGAIN)
		return true;
	log_error("With the new %s the plugin reports: %s", c->file, a.text);
	return false;
}

static void
log_exposed(const char *text)
{
	log_warning("%s", text);
}

/* At SIGHUP.  A bad config changes nothing. */
static void
reload(void *arg)
{
	struct setup			*s = arg;
	struct config			*config = NULL;
	struct plugin_description	*plugin = NULL;
	int64_t				 ms = agent_time_left_ms(s->agent) / 2;
	bool				 ok;

	/* The loop stands still meanwhile. */
	if (ms > PLUGIN_LOAD_LIMIT_MS)
		ms = PLUGIN_LOAD_LIMIT_MS;
	log_info("Reading %s again", s->config->file);
	ok = load_config(s->options, &config) &&
	    may_follow(s->config, config) &&
	    load_plugin(s->options, config, &plugin, ms) &&
	    is_no_worse(s, config, plugin, ms) &&
	    take_over(s, config, &plugin);
	config_free(config);
	plugin_description_free(plugin);
	load_log(s->config);
	if (ok) {
		exposed_look(s->config, s->plugin, log_exposed);
		log_info("Running with the new %s", s->config->file);
	} else
		log_error("%s is rejected: the old configuration stays",
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

/* A reload that is wanted while we start is made when we run: by default it
 * would end us, and systemd would take that for a good end. */
static void
set_up_signals(void)
{
	sigset_t	held;

	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, NULL);
	signals_without_meaning(SIG_IGN);
}

/* Where a huge answer was, glibc keeps as much for the next one: not if its
 * threshold is set, even to the default. */
static void
give_memory_back(void)
{
#ifdef M_TRIM_THRESHOLD
	may_fail(mallopt(M_TRIM_THRESHOLD, 128 * 1024),
	    "then this process is larger for some time");
#endif
}

static int
command_agent_run(struct options *o)
{
	struct setup	 s = { .options = o };
	struct runfile	*runfile = NULL;
	char		 program[PATH_MAX], *leave[2 * FLAGS_LEAVE + 5];
	struct error	 err;
	int		 status;

	give_memory_back();
	set_up_signals();
	if ((status = load_both(o, &s.config, &s.plugin)) != 0)
		return status;
	load_log(s.config);
	exposed_look(s.config, s.plugin, log_exposed);
	o->running = true;
	status = EXIT_FAILURE;
	if (load_near(s.plugin, &err))
		log_warning("%s", err.text);
	make_leave(o, s.config, program, leave);
	if (!memory_check(s.config, &err) ||
	    !runfile_open(&runfile, s.config, true, &err) ||
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

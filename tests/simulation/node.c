/*
 * node.c - one machine: its application, and the life of our agent there, which
 * is the daemon's own (daemon/agent/agent.c).
 */

#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "host_files.h"

#define NOTICED		100	/* ms; the plugin's watch_fd, at the latest */

static void	node_wakes(struct node *);

/*
 * The application.
 */

void
act(struct node *n, bool yes)
{
	if (n->acting == yes)
		return;
	n->acting = yes;
	n->said = n->half_said = false;
	/* A call of before a pause may make it one as its machine wakes up. */
	if (!yes)
		n->woken_until = 0;
	say(n, yes ? "ACTS AS MASTER" : "does not act as master any more");
	if (yes)
		check_masters(n);
	else
		copy_closes(n);
}

static void
health_watched(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	n->health.watched(n->health.arg);
}

void
application_dies(struct node *n)
{
	if (n->dead++ > 0)
		return;
	n->alive = false;
	copy_disturbed(n);
	say(n, "the application dies");
	act(n, false);
	if (n->watched && n->running)
		world_in(node_delay(n, between(1, NOTICED)), OF_AGENT, n,
		    health_watched, NULL, 0, &n->life);
}

void
application_starts(struct node *n)
{
	if (--n->dead > 0)
		return;
	n->alive = true;
	copy_disturbed(n);
	say(n, "the application runs again");
}

void
application_repaired(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	application_starts(n);
}

/* That the copy may still be a master: while a guard is there in time, it must
 * not be believed before that has tried all it can. */
void
node_said(struct node *n, bool tried)
{
	n->half_said = n->acting && n->asked;
	if (!n->half_said || (!tried && world.fences && node_is_guarded(n) &&
	    n->woken_until == 0))
		return;
	world.counts.warned += !n->said;
	n->said = true;
}

/*
 * The agent's life.
 */

void
agent_starts(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->down == 0)
		agent_start(n);
}

static CHECKED bool
agent_takes_run_file(struct node *n, struct error *err)
{
	bool	foreign = host_run_file_is_foreign(n);

	world.current = n;
	n->pid = host_new_pid();
	if (!runfile_open(&n->runfile, &n->config, true, err))
		return false;
	if (foreign && runfile_session(n->runfile)[0] != '\0')
		world_fail("%s continues with a run file that was written on "
		    "another machine, or before its last boot", n->name);
	if (!host_run_file_is_ours(n))
		world_fail("%s runs with a run file that belongs to another "
		    "user", n->name);
	return true;
}

void
agent_start(struct node *n)
{
	struct error	err;

	if (n->running || n->starting)
		return;
	if (!agent_takes_run_file(n, &err)) {
		say(n, "the agent does not start: %s", err.text);
		world_in(SEC, OF_WORLD, n, agent_starts, NULL, 0, NULL);
		return;
	}
	n->starting = true;
	n->stopping = n->ends = n->unsettled = false;
	n->yielding = false;
	n->aside_epoch = 0;
	n->rest.count = 0;
	say(n, "the agent starts");
	client_start(n);
}

/* Its guard stands, which agent_new waits for, and nobody else is at work on the
 * copy. */
void
agent_started(struct node *n, int64_t inherited)
{
	struct error	err;

	n->starting = false;
	n->running = true;
	n->inherited = inherited;
	copy_disturbed(n);
	n->copy.election_epoch = UINT64_MAX;
	if (!agent_new(&n->agent, &n->config, &n->plugin, n->runfile, NULL,
	    &err))
		abort();
	agent_begins(n);
	if (n->stopping)
		world_signal(n, SIGTERM);
}

void
agent_not_started(struct node *n)
{
	say(n, "the agent ends: it has no guard");
	agent_kill(n);
	world_in(SEC, OF_WORLD, n, agent_starts, NULL, 0, NULL);
}

/* In the demotion that is forgiven: its guard begins a new one. */
static void
agent_interrupted(struct node *n)
{
	if (n->acting && world.now <= n->woken_until)
		node_wakes(n);
}

/* It may stand still as it is killed. */
void
agent_kill(struct node *n)
{
	if (!n->running && !n->starting)
		return;
	plugin_leaves_call(n);
	n->running = n->starting = n->stopping = n->ends = false;
	n->life++;
	n->registration.stamp++;
	copy_disturbed(n);
	agent_interrupted(n);
	if (n->agent != NULL) {
		n->last_core = *n->core;
		n->core = &n->last_core;
		agent_free(n->agent);
		n->agent = NULL;
	} else
		client_stop(n);
	runfile_close(n->runfile);
	n->runfile = NULL;
	host_process_ends(n, n->pid);
	if (n->stopped > 0) {
		n->stopped = 0;
		if (n->suspended == 0)
			world_resume(n);
	}
	node_helpless_changed(n);
}

/* In good order the guard goes with it; else that takes over. */
void
agent_exits(struct node *n)
{
	say(n, "the agent ends%s", n->agent->in_good_order ? "" :
	    ", in a hurry");
	handler_cancel(&n->role_handler);	/* as handler_free does */
	if (n->guard != NULL)
		n->guard->dismissed = n->agent->in_good_order;
	agent_kill(n);
}

void
agent_stop(struct node *n)
{
	if ((!n->running && !n->starting) || n->stopping)
		return;
	n->stopping = true;
	say(n, "the agent is told to stop");
	if (n->starting)
		return;
	world.current = n;
	if (world.bug == BUG_DESTROY_FIRST)
		agent_leave(n->agent, true, true);
	else
		world_signal(n, SIGTERM);
}

void
agent_pause(struct node *n, bool yes)
{
	n->stopped += yes ? 1 : -1;
	copy_disturbed(n);
	if (yes)
		agent_interrupted(n);
	if (n->stopped == 0 && n->suspended == 0)
		world_resume(n);
	node_helpless_changed(n);
}

/* Its first act must be to demote; that is all that is forgiven: see acts() */
static void
node_woken(struct node *n, void *arg, int64_t again)
{
	(void)arg;
	n->woken_until = world.now - 1;
	if (again && ((n->running && n->stopped == 0 &&
	    n->core->state == CORE_STATE_DEMOTING) ||
	    node_guard_demotes(n))) {
		n->woken_until += node_delay(n, n->config.demote_deadline) +
		    400 * MS;
		world_in(n->woken_until - world.now, OF_HOST, n, node_woken,
		    NULL, false, &n->woken_stamp);
	} else if (again && node_guard_fires_soon(n)) {
		n->woken_until = world.now + 100 * MS;
		world_in(100 * MS, OF_HOST, n, node_woken, NULL, true,
		    &n->woken_stamp);
	}
	check_masters(n);
}

static void
node_wakes(struct node *n)
{
	world.counts.woken += n->acting;
	n->woken_until = world.now + 100 * MS;
	n->woken_stamp++;
	world_in(100 * MS, OF_HOST, n, node_woken, NULL, true,
	    &n->woken_stamp);
}

/* With agent and guard gone or still, nobody can end a mastership, nor with the
 * guard still that fires for an agent whose plugin has failed to; whoever
 * comes back ends it at once, if the lease has run out meanwhile. */
void
node_helpless_changed(struct node *n)
{
	bool	was = n->helpless, had_guard = n->had_guard;

	n->had_guard = node_is_guarded(n);
	n->helpless = (!n->running || n->stopped > 0 || n->half_said) &&
	    !node_is_guarded(n);
	if (!was && n->helpless)
		n->interrupted = n->acting && world.now <= n->woken_until;
	/* The guard was at it, and has left it to an agent that came to later. */
	if (!was && !n->helpless && had_guard && !n->had_guard &&
	    n->acting && world.now <= n->woken_until)
		node_wakes(n);
	if (!was || n->helpless)
		return;
	/* Or it was in the demotion that is forgiven, under a lease of moments. */
	if (n->lease_until != 0 && (n->interrupted ||
	    node_clock(n) >= n->lease_until + LEASE_SLACK_MS))
		node_wakes(n);
	check_masters(n);
}

void
host_suspend(struct node *n, bool yes)
{
	if (yes && n->suspended++ == 0) {
		n->suspended_at = node_boottime(n);
		n->woken_stamp++;
	} else if (!yes && --n->suspended == 0) {
		n->slept += node_boottime(n) - n->suspended_at;
		node_wakes(n);
		world_resume(n);
	}
	consul_path_changed(n);
}

void
node_begin(struct node *n, int id, const struct config *config)
{
	n->id = id;
	snprintf(n->name, sizeof n->name, "n%d", id + 1);
	snprintf(n->host, sizeof n->host, "10.0.0.%d", id + 1);
	n->config = *config;
	n->ppm = between(-10000, 10000);
	n->boot_zero = between(1000, 100000000);
	n->alive = n->serf = true;
	n->watched = chance(50);
	copy_begin(n);
	n->base.node = n;
	n->core = &n->last_core;
	n->plugin = (struct plugin_description){
		.name = "plugin", .version = "1", .image.copied = true,
		.ops = 1u << OPERATION_ENSURE_DEMOTED | (!world.tells ? 0 :
		    1u << OPERATION_POSITION | 1u << OPERATION_HAS_POSITION) |
		    (world.limited ? 1u << OPERATION_BEHIND : 0),
	};
	n->consul = (struct consul){ .node = n, .life = &n->life,
	    .whose = OF_AGENT, .registration = &n->registration };
	n->helpless = true;
	world_in(between(0, config->check_interval * MS), OF_HOST, n,
	    parts_poll_health, NULL, 0, NULL);
}

void
node_end(struct node *n)
{
	agent_kill(n);
}

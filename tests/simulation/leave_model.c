/*
 * leave_model.c - the run of `consul-failover leave` that a guard starts, a
 * process of its own: the daemon's leave.c, which begins late, and may be
 * killed at any moment.
 */

#include "guards.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "guard_state.h"
#include "host_files.h"
#include "leave.h"

static void
leave_ended(void *arg)
{
	struct guard_process	*p = arg;

	say(p->node, "leave: it ends");
	leave_dies(p);
	p->left = true;
	guard_signal_comes(p, SIGCHLD, 0);
}

/* What it has asked for may still come, and late. */
static void
leave_is_killed(struct node *n, void *arg, int64_t unused)
{
	(void)unused;
	say(n, "leave: it is killed");
	leave_ended(arg);
}

static void
leave_begins(struct node *n, void *arg, int64_t unused)
{
	/* Not in the world: see guard_state(). */
	static struct leave	 runs[NODES_MAX * GUARDS];
	struct guard_process	*p = arg;
	struct leave		*l = &runs[guard_number(p)];
	bool			 begun;

	(void)unused;
	*l = (struct leave){
		.config = &n->config, .base = &n->base,
		.consul = &p->leave.consul,
		.as = strcmp(p->leave.as, "released") == 0 ? LEAVE_RELEASED :
		    strcmp(p->leave.as, "dropped") == 0 ? LEAVE_DROPPED :
		    LEAVE_UNFENCED,
		.for_the_guard = true, .done = leave_ended, .arg = p,
	};
	memcpy(l->session, p->leave.session, sizeof l->session);
	leave_running = &p->leave;
	begun = leave_begin(l);
	leave_running = NULL;
	if (!begun) {
		leave_ended(p);
		return;
	}
	/* Where nothing is slow, most often with its release under way. */
	if (!world.quiet && chance(20))
		world_in(chance(75) ? between(0, 10 * MS) :
		    between(0, 4 * SEC), OF_HOST, n, leave_is_killed, p, 0,
		    &p->leave.life);
}

void
leave_starts(struct guard_process *p, const char *as, const char *session)
{
	say(p->node, "leave: as %s", as);
	world.counts.left++;
	p->leave.as = as;
	snprintf(p->leave.session, sizeof p->leave.session, "%s",
	    session != NULL ? session : "");
	p->left = false;
	p->leave.life++;
	/* The config may be on a disk that hangs. */
	world_in(between(3 * MS, chance(25) ? LEAVE_LIMIT * MS : 60 * MS),
	    OF_HOST, p->node, leave_begins, p, 0, &p->leave.life);
}

void
leave_dies(struct guard_process *p)
{
	p->leave.life++;
	registration_free(&p->leave.registration);
	host_process_ends(p->node, p->leave.pid);
}

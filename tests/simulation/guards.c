/*
 * guards.c - the guards: the program's own objects, from their start on.
 *
 * A guard is a process of its own, and a fiber here: what was sent to it can be
 * read after the sender's death, it may hang or die at any time, and the next
 * one waits until it has ended.
 */

#include "guards.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fiber.h"
#include "guard_agent.h"
#include "guard_file.h"
#include "guard_loop.h"
#include "guard_state.h"
#include "guard_turn.h"
#include "host_files.h"

#define CALLS_AGAIN	1000	/* ms, at the latest */

struct guard_process	*guard_running;
struct leave_process	*leave_running;

/* Not in the world, which is wiped for each schedule. */
struct guard *
guard_state(const struct guard_process *p)
{
	static struct guard	states[NODES_MAX * GUARDS];

	return &states[guard_number(p)];
}

int
guard_number(const struct guard_process *p)
{
	return p->node->id * GUARDS + (int)(p - p->node->guards);
}

struct guard_process *
guard_numbered(int number)
{
	return &world.nodes[number / GUARDS].guards[number % GUARDS];
}

int64_t
guard_clock(const struct guard_process *p)
{
	return node_clock(p->node) +
	    (world.bug == BUG_GUARD_WALL_CLOCK ? p->node->wall_step : 0);
}

int64_t
guard_time(void)
{
	return guard_running != NULL ? guard_clock(guard_running) :
	    node_clock(world.current);
}

int64_t
turn(void)
{
	return chance(2) && !world.quiet ? between(MS, 100 * MS) :
	    between(20, MS);
}

void
guard_wake_up(struct guard_process *p)
{
	world_in(turn(), OF_HOST, p->node, guard_wakes, p, 0, &p->life);
}

/*
 * Its end.
 */

void
guard_ends(struct guard_process *p)
{
	struct node	*n = p->node;
	int		 i;

	p->alive = false;
	p->life++;
	leave_dies(p);
	handler_dies(p);
	channel_close(p);
	host_process_ends(n, p->pid);
	if (n->file_owner == p) {
		n->file_owner = NULL;
		if (n->half_said)
			node_said(n, true);
	}
	for (i = 0; i < GUARDS; i++)
		if (n->guards[i].alive && n->guards[i].kernel.awaited == p->pid)
			guard_wake_up(&n->guards[i]);
	node_helpless_changed(n);
}

/*
 * Its turns.
 */

/* What the world must know of what it has done. */
static void
guard_has_done(struct guard_process *p)
{
	int	was = p->did, is = (int)guard_state(p)->doing;

	p->did = is;
	if (was == WATCHING && is == DEMOTING) {
		world.counts.fired++;
		faults_moment(p->node, MOMENT_OF_FIRING);
	}
	if (was == DEMOTING && is == FAILED && !world.fences)
		node_said(p->node, true);
}

void
guard_turn_ends(struct guard_process *p)
{
	const struct guard	*g = guard_state(p);

	guard_has_done(p);
	if (p->dismissed && p->in.count == 0)
		world_fail("the guard of %s goes on after its agent's end in "
		    "good order", p->node->name);
	/* However much time it has left for all of them. */
	if (g->doing == DEMOTING && !g->calling &&
	    guard_turn_wake(g) - guard_clock(p) > CALLS_AGAIN)
		world_fail("the guard of %s does not call again",
		    p->node->name);
}

_Noreturn void	__wrap__exit(int);
_Noreturn void	__real__exit(int);

/* A signal may come from anybody, but only the next guard takes over. */
_Noreturn void
__wrap__exit(int status)
{
	struct guard_process	*p = guard_running;

	if (p == NULL)
		__real__exit(status);
	if (guard_state(p)->handing_over && !p->asked)
		world_fail("the guard of %s goes, and no other comes",
		    p->node->name);
	guard_has_done(p);
	guard_running = NULL;
	guard_ends(p);
	fiber_wait();
	abort();
}

static void
guard_stands_there(struct guard_process *p)
{
	struct node	*n = p->node;

	n->file_owner = p;
	say(n, "guard: it stands%s", n->lease_until == 0 ? "" :
	    ", with the lease of the one before");
	node_helpless_changed(n);
}

/* As guard_main.c, which does no more than this. */
static _Noreturn void
guard_main(void)
{
	struct guard_process	*p = guard_running;
	struct guard		*g = guard_state(p);

	if (!guard_prepare(g) || !guard_agent_set_up(g))
		world_fail("the guard can't read its set-up");
	else if (guard_file_take_over(g)) {
		guard_turn_begin(g);
		guard_stands_there(p);
		guard_run(g);
	}
	__wrap__exit(EXIT_FAILURE);
}

void
guard_wakes(struct node *n, void *arg, int64_t unused)
{
	struct guard_process	*p = arg;
	int			 number = guard_number(p);

	(void)n;
	(void)unused;
	if (!p->alive)
		return;
	p->woken = guard_is_still(p);
	if (p->woken || (p->begun && !guard_has_waited(p)))
		return;
	guard_running = p;
	if (p->begun)
		fiber_resume(number);
	else {
		p->begun = true;
		fiber_begin(number, guard_main);
	}
	guard_running = NULL;
}

/*
 * Its life.
 */

void
guard_starts(struct guard_process *p)
{
	static int64_t		 number;
	struct node		*n = world.current;
	struct guard_process	 was = *p;

	memset(p, 0, sizeof *p);
	p->node = n;
	p->number = ++number;
	p->alive = true;
	p->life = was.life;
	p->timer = was.timer + 1;
	p->call_stamp = was.call_stamp;
	p->kernel.polls = was.kernel.polls + 1;
	p->leave.life = was.leave.life;
	p->leave.registration.stamp = was.leave.registration.stamp;
	p->leave.consul = (struct consul){ .node = n, .life = &p->leave.life,
	    .whose = OF_HOST, .registration = &p->leave.registration };
	channel_open(p);
	/* Not the 64 KiB of each message. */
	memset(guard_state(p), 0, offsetof(struct guard, setup));
	n->guard = p;
	world_in(between(MS, 20 * MS), OF_HOST, n, guard_wakes, p, 0, &p->life);
}

void
guard_kill(struct guard_process *p)
{
	if (p == NULL || !p->alive)
		return;
	say(p->node, "the guard is killed");
	p->node->unguarded = true;
	guard_ends(p);
}

bool
guard_is_still(const struct guard_process *p)
{
	return p->stopped > 0 || p->hanging > 0;
}

static void
guard_still_changed(struct guard_process *p)
{
	if (!guard_is_still(p) && p->woken) {
		p->woken = false;
		guard_wake_up(p);
	}
	node_helpless_changed(p->node);
}

void
guard_pause(struct guard_process *p, bool yes, bool all)
{
	p->stopped = all ? 0 : p->stopped + (yes ? 1 : -1);
	guard_still_changed(p);
}

void
guard_hang(struct guard_process *p, bool yes)
{
	p->hanging += yes ? 1 : -1;
	guard_still_changed(p);
}

void
guards_die(struct node *n)
{
	int	i;

	for (i = 0; i < GUARDS; i++)
		guard_kill(&n->guards[i]);
	n->lease_until = 0;
}

/*
 * What the invariants forgive: see acts().
 */

/* Somebody is there who can end a mastership. */
bool
node_is_guarded(const struct node *n)
{
	return n->file_owner != NULL && !guard_is_still(n->file_owner);
}

bool
node_guard_demotes(const struct node *n)
{
	const struct guard	*g;

	if (!node_is_guarded(n))
		return false;
	g = guard_state(n->file_owner);
	return g->doing == DEMOTING || (g->doing == FAILED && world.fences);
}

/* The agent has begun to demote, and been lost at it. */
bool
node_guard_fires_soon(const struct node *n)
{
	const struct guard	*g;

	if (!node_is_guarded(n))
		return false;
	g = guard_state(n->file_owner);
	return g->lease.until != 0 && g->doing == WATCHING &&
	    g->lease.until < guard_clock(n->file_owner) + 300;
}

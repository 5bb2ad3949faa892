/*
 * guards.c - the guards: the program's own objects, a turn of their loop at a
 * time.
 *
 * A guard is a process of its own: what was sent to it can be read after the
 * sender's death, it may hang or die at any time, and the next one waits
 * until it has ended.
 */

#include "guards.h"

#include <setjmp.h>
#include <string.h>

#include "guard_agent.h"
#include "guard_record.h"
#include "guard_state.h"
#include "guard_turn.h"
#include "host_files.h"

#define CALLS_AGAIN	1000	/* ms, at the latest */

struct guard_process	*guard_running;
struct leave_process	*leave_running;

static jmp_buf	 ended;

static void	guard_wakes(struct node *, void *, int64_t);

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
 * Its turns.
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
		for (i = 0; i < GUARDS; i++)
			if (n->guards[i].alive && !n->guards[i].ready)
				guard_wake_up(&n->guards[i]);
	}
	node_helpless_changed(n);
}

_Noreturn void	__wrap__exit(int);
_Noreturn void	__real__exit(int);

_Noreturn void
__wrap__exit(int status)
{
	if (guard_running != NULL)
		longjmp(ended, 1);
	__real__exit(status);
}

/* What the world must know of what it has done. */
static void
guard_has_done(struct guard_process *p, enum doing was)
{
	enum doing	is = guard_state(p)->doing;

	if (was == WATCHING && is == DEMOTING) {
		world.counts.fired++;
		faults_moment(p->node, MOMENT_OF_FIRING);
	}
	if (was == DEMOTING && is == FAILED && !world.fences)
		node_said(p->node, true);
}

static void
guard_runs(struct guard_process *p, void (*part)(struct guard_process *))
{
	enum doing	was = guard_state(p)->doing;
	bool		goes_on = false;

	guard_running = p;
	if (setjmp(ended) == 0) {
		part(p);
		goes_on = true;
	}
	guard_running = NULL;
	guard_has_done(p, was);
	if (!goes_on)
		guard_ends(p);
	else if (p->dismissed && p->in.count == 0)
		world_fail("the guard of %s goes on after its agent's end in "
		    "good order", p->node->name);
}

static void
guard_begins(struct guard_process *p)
{
	p->begun = true;
	if (!guard_agent_set_up(guard_state(p)))
		world_fail("the guard could not read its set-up");
}

static void
guard_has_place(struct guard_process *p)
{
	guard_turn_begin(guard_state(p));
}

static void
guard_set_timer(struct guard_process *p)
{
	const struct guard	*g = guard_state(p);
	int64_t			 wake = guard_turn_wake(g);
	int64_t			 left = wake - guard_clock(p);

	/* However much time it has left for all of them. */
	if (g->doing == DEMOTING && !g->calling && left > CALLS_AGAIN)
		world_fail("the guard of %s does not call again",
		    p->node->name);
	p->timer++;
	if (wake != INT64_MAX)
		world_in(left > 0 ? node_delay(p->node, left) : 1, OF_HOST,
		    p->node, guard_wakes, p, 0, &p->timer);
}

static void
guard_takes_turn(struct guard_process *p)
{
	struct guard		*g = guard_state(p);
	struct guard_news	 news = {
		.agent = g->agent && (p->in.count > 0 || p->in.closed),
		.handler = p->answered ? g->handler_channel : -1,
		.children = p->left || p->fenced,
	};

	guard_turn(g, &news);
	p->left = p->fenced = false;
	guard_set_timer(p);
}

/*
 * From one to the next: as guard_file_take_over, which stands still meanwhile.
 */

/* Too long: the one before does not end, nor is it at something that it says
 * must be finished. */
static void
guard_insists(struct node *n, void *arg, int64_t asked)
{
	struct guard_process	*p = arg;
	int64_t			 until = p->asked_at +
				    guard_record_limit_ms(guard_state(p));

	if (n->file_owner == NULL || p->ready || p->asked != asked)
		return;
	p->patient = guard_record_wait_ms(n->file.text, p->patient);
	if (p->patient < until)
		until = p->patient;
	if (guard_clock(p) < until) {
		world_in(node_delay(n, until - guard_clock(p)), OF_HOST, n,
		    guard_insists, p, asked, &p->life);
		return;
	}
	say(n, "guard: the one before does not end: it is killed");
	guard_ends(n->file_owner);
}

static void
guard_takes_over(struct guard_process *p)
{
	struct node		*n = p->node;
	struct guard_process	*old = n->file_owner;

	if (old != NULL && world.bug != BUG_GUARD_NOT_AWAITED) {
		if (p->asked == old->number)
			return;
		if (n->guard != p) {	/* its agent is gone */
			guard_ends(p);
			return;
		}
		p->asked = old->number;
		p->asked_at = guard_clock(p);
		p->patient = p->asked_at + GUARD_HAND_OVER;
		guard_state(old)->handing_over = true;
		guard_wake_up(old);
		if (old->stopped > 0)
			guard_pause(old, false, true);
		guard_insists(n, p, old->number);
		return;
	}
	n->file_owner = p;
	p->ready = true;
	guard_runs(p, guard_has_place);
	say(n, "guard: it stands%s", n->file.until == 0 ? "" :
	    ", with the lease of the one before");
	node_helpless_changed(n);
}

static void
guard_wakes(struct node *n, void *arg, int64_t unused)
{
	struct guard_process	*p = arg;

	(void)n;
	(void)unused;
	if (!p->alive)
		return;
	if (p->stopped > 0) {
		p->woken = true;
		return;
	}
	if (!p->begun)
		guard_runs(p, guard_begins);
	if (!p->ready)
		guard_takes_over(p);
	if (p->ready)
		guard_runs(p, guard_takes_turn);
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
	p->leave.life = was.leave.life;
	p->leave.consul = (struct consul){ .node = n, .life = &p->leave.life,
	    .whose = OF_HOST };
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

void
guard_pause(struct guard_process *p, bool yes, bool all)
{
	p->stopped = all ? 0 : p->stopped + (yes ? 1 : -1);
	if (p->stopped == 0 && p->woken) {
		p->woken = false;
		guard_wake_up(p);
	}
	node_helpless_changed(p->node);
}

void
guards_die(struct node *n)
{
	int	i;

	for (i = 0; i < GUARDS; i++)
		guard_kill(&n->guards[i]);
	memset(&n->file, 0, sizeof n->file);
}

/*
 * What the invariants forgive: see acts().
 */

/* Somebody is there who can end a mastership. */
bool
node_is_guarded(const struct node *n)
{
	return n->file_owner != NULL && n->file_owner->stopped == 0;
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

/* world.c - virtual time, chance, what is to come, and the invariants. */

#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_files.h"

struct waiting {
	int64_t		 at;
	uint64_t	 order;		/* among those of one moment */
	struct node	*node;
	happening	 happens;
	void		*arg;
	int64_t		 number;
	uint32_t	*stamp, was;
	enum whose	 whose;
};

struct world		world;

static struct waiting	*heap;
static size_t		 heap_count, heap_room;
static uint64_t		 heap_order;
static uint64_t		 random_state;

/*
 * Chance: splitmix64, one stream from one seed, and one for what came later.
 */

uint64_t
random_next(void)
{
	uint64_t	z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
random_begin(uint64_t seed)
{
	uint64_t	before = random_state;

	random_state = seed * UINT64_C(0xd1342543de82ef95) + 1;
	return before;
}

void
random_back(uint64_t before)
{
	random_state = before;
}

int64_t
between(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next() % (uint64_t)(high - low + 1));
}

bool
chance(int percent)
{
	return between(0, 99) < percent;
}

/* The daemon's jitter must come from the seed too. */
int
rand(void)
{
	return (int)(random_next() >> 33);
}

/*
 * What is to come: a heap, the nearest on top.
 */

static bool
sooner(const struct waiting *a, const struct waiting *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
heap_put(struct waiting w)
{
	size_t	i;

	if (heap_count == heap_room) {
		heap_room = heap_room == 0 ? 256 : 2 * heap_room;
		heap = realloc(heap, heap_room * sizeof *heap);
		if (heap == NULL)
			abort();
	}
	w.order = heap_order++;
	for (i = heap_count++; i > 0 && sooner(&w, &heap[(i - 1) / 2]);
	    i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = w;
}

static struct waiting
heap_take(void)
{
	struct waiting	 top = heap[0], last = heap[--heap_count];
	size_t		 i = 0, child;

	while ((child = 2 * i + 1) < heap_count) {
		if (child + 1 < heap_count &&
		    sooner(&heap[child + 1], &heap[child]))
			child++;
		if (!sooner(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

void
world_in(int64_t delay, enum whose whose, struct node *n, happening happens,
    void *arg, int64_t number, uint32_t *stamp)
{
	struct waiting	w = {
		.at = world.now + delay, .node = n, .happens = happens,
		.arg = arg, .number = number, .stamp = stamp, .whose = whose,
	};

	if (stamp != NULL)
		w.was = *stamp;
	heap_put(w);
}

static bool
must_wait(const struct waiting *w)
{
	return (w->whose >= OF_HOST && w->node->suspended) ||
	    (w->whose == OF_AGENT && w->node->stopped);
}

static void
put_aside(const struct waiting *w)
{
	struct node	*n = w->node;

	if (n->waiting_count == n->waiting_room) {
		n->waiting_room = n->waiting_room == 0 ? 16 :
		    2 * n->waiting_room;
		n->waiting = realloc(n->waiting,
		    n->waiting_room * sizeof *n->waiting);
		if (n->waiting == NULL)
			abort();
	}
	n->waiting[n->waiting_count++] = *w;
}

void
world_resume(struct node *n)
{
	size_t	count = n->waiting_count, i;

	n->waiting_count = 0;
	for (; count > 0; count--) {
		struct waiting	w;

		i = (size_t)between(0, (int64_t)count - 1);
		w = n->waiting[i];
		n->waiting[i] = n->waiting[count - 1];
		w.at = world.now;
		heap_put(w);
	}
}

bool
world_step(int64_t until)
{
	struct waiting	w;

	if (heap_count == 0 || heap[0].at > until) {
		world.now = until;
		return false;
	}
	w = heap_take();
	world.now = w.at;
	world.current = w.node;
	if (w.whose == OF_AGENT && !must_wait(&w))
		agent_goes_on(w.node);
	if (w.stamp != NULL && *w.stamp != w.was)
		return true;
	if (must_wait(&w)) {
		put_aside(&w);
		return true;
	}
	world.counts.events++;
	w.happens(w.node, w.arg, w.number);
	if (w.node != NULL && w.node->ends)
		agent_exits(w.node);
	return true;
}

/*
 * A node's clocks.
 */

int64_t
node_boottime(const struct node *n)
{
	return n->boot_zero + (world.now + world.now / 1000 * n->ppm / 1000) /
	    MS;
}

int64_t
node_monotonic(const struct node *n)
{
	return (n->suspended ? n->suspended_at : node_boottime(n)) - n->slept;
}

int64_t
node_clock(const struct node *n)
{
	if (world.bug == BUG_WALL_CLOCK)
		return node_boottime(n) + n->wall_step;
	if (world.bug == BUG_SLEEPING_CLOCK)
		return node_monotonic(n);
	return node_boottime(n);
}

int64_t
node_delay(const struct node *n, int64_t ms)
{
	return ms * MS - ms * n->ppm / 1000 + 1;
}

/*
 * What a person reads.
 */

void
say(const struct node *n, const char *fmt, ...)
{
	va_list	ap;

	if (!world.trace)
		return;
	printf("%4lld.%06lld  %-7s", (long long)(world.now / SEC),
	    (long long)(world.now % SEC), n == NULL ? "" : n->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
world_fail(const char *fmt, ...)
{
	va_list	ap;

	if (world.failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(world.failure, sizeof world.failure, fmt, ap);
	va_end(ap);
	say(NULL, "*** %s", world.failure);
}

/*
 * The invariants.
 */

/* A machine that stands still writes nothing.  One that has just woken up is
 * forgiven the moment until it is demoted; one whose agent and guard stand
 * still, or are dead, both, nobody can demote; and one whose plugin could not
 * demote in time has said so to its operator. */
static bool
acts(const struct node *n)
{
	return n->acting && !n->suspended && !n->said &&
	    !(n->helpless && n->guarded) && world.now > n->woken_until;
}

void
check_masters(const struct node *newest)
{
	int	i;

	if (!acts(newest))
		return;
	for (i = 0; i < world.count; i++)
		if (&world.nodes[i] != newest && acts(&world.nodes[i]))
			world_fail("two masters: %s and %s", newest->name,
			    world.nodes[i].name);
}

void
check_epoch(const struct node *n, uint64_t epoch)
{
	if (epoch < world.epoch ||
	    (epoch == world.epoch && n->id != world.epoch_node))
		world_fail("the epoch fell: %s is made master with %llu, "
		    "%s was with %llu", n->name, (unsigned long long)epoch,
		    world.nodes[world.epoch_node].name,
		    (unsigned long long)world.epoch);
	world.epoch = epoch;
	world.epoch_node = n->id;
}

/* One master, and all others know: of the nodes whose agents run.  Those that
 * must never be it have none, if there is nobody else, nor have those that lack
 * too much. */
bool
check_settled(void)
{
	int	i, masters = 0, slaves = 0, running = 0, able = 0, refused = 0;

	for (i = 0; i < world.count; i++) {
		struct node	*n = &world.nodes[i];

		if (n->down > 0 || n->stopped > 0)
			continue;
		running++;
		able += !n->config.never_master;
		refused += !n->config.never_master && copy_is_refused(n);
		masters += n->running && core_is_master(n->core) && n->acting;
		slaves += n->running && n->core->state == CORE_STATE_SLAVE &&
		    !n->acting;
	}
	if (refused > 0 && refused == able) {
		world.counts.limited++;
		return true;
	}
	return able == 0 || (masters == 1 && slaves == running - 1);
}

void
world_begin(uint64_t seed)
{
	struct counts	counts = world.counts;
	enum bug	bug = world.bug;
	bool		trace = world.trace;

	memset(&world, 0, sizeof world);
	world.counts = counts;
	world.bug = bug;
	world.trace = trace;
	world.seed = seed;
	world.master = -1;
	random_begin(seed);
	heap_count = 0;
	heap_order = 0;
	host_files_begin();
}

void
world_end(void)
{
	int	i;

	heap_count = 0;
	for (i = 0; i < world.count; i++)
		free(world.nodes[i].waiting);
	events_end();
}

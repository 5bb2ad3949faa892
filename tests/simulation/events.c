/*
 * events.c - libevent, as the agent uses it: the world is its loop.  The timers
 * go by the clock that stands still while the machine is suspended.
 *
 * A second loop of an agent is one that blocks, adopt.c's.  The world stands
 * still meanwhile: Consul answers at once, or not before the loop's limit.
 */

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#define TIMERS		(NODES_MAX * 40)

struct event {
	bool			 used, pending, active;
	int			 signal, fd;	/* or -1 */
	uint32_t		 stamp;
	struct event_base	*base;
	struct node		*node;
	event_callback_fn	 cb;
	void			*arg;
};

static struct event	 timers[TIMERS];

struct event_base *
event_base_new(void)
{
	struct node		*n = world.current;
	struct event_base	*base = n->base.used ? &n->blocking : &n->base;

	*base = (struct event_base){ .node = n, .used = true,
	    .blocks = base == &n->blocking };
	return base;
}

void
event_base_free(struct event_base *base)
{
	base->used = false;
}

int
event_base_loopbreak(struct event_base *base)
{
	if (base->blocks)
		base->over = true;
	else
		base->node->ends = true;
	return 0;
}

/* Its limit is when nothing happens any more. */
int
event_base_loopexit(struct event_base *base, const struct timeval *tv)
{
	(void)base, (void)tv;
	return 0;
}

static bool
base_has_active(struct event_base *base)
{
	size_t	i;

	for (i = 0; i < TIMERS; i++)
		if (timers[i].used && timers[i].base == base &&
		    timers[i].active) {
			timers[i].active = false;
			timers[i].cb(-1, EV_TIMEOUT, timers[i].arg);
			return true;
		}
	return false;
}

int
event_base_dispatch(struct event_base *base)
{
	if (!base->blocks)
		abort();
	while (!base->over && (base_has_active(base) ||
	    consul_answers_at_once(base)))
		;
	return 0;
}

struct event *
event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn cb, void *arg)
{
	size_t	i;

	for (i = 0; i < TIMERS; i++)
		if (!timers[i].used) {
			timers[i].used = true;
			timers[i].signal = (what & EV_SIGNAL) != 0 ? fd : -1;
			timers[i].fd = (what & EV_SIGNAL) != 0 ? -1 : fd;
			timers[i].base = base;
			timers[i].node = base->node;
			timers[i].cb = cb;
			timers[i].arg = arg;
			return &timers[i];
		}
	abort();
}

void
world_signal(struct node *n, int number)
{
	size_t	i;

	world.current = n;
	for (i = 0; i < TIMERS; i++)
		if (timers[i].used && timers[i].node == n &&
		    timers[i].signal == number)
			timers[i].cb(number, EV_SIGNAL, timers[i].arg);
}

void
world_readable(int fd)
{
	size_t	i;

	for (i = 0; i < TIMERS; i++)
		if (timers[i].used && timers[i].fd == fd) {
			timers[i].cb(fd, EV_READ, timers[i].arg);
			return;
		}
}

static void
timer_rings(struct node *n, void *arg, int64_t due)
{
	struct event	*ev = arg;
	int64_t		 left = due - node_monotonic(n);

	if (left > 0) {		/* the machine has slept meanwhile */
		world_in(node_delay(n, left), OF_AGENT, n, timer_rings, ev,
		    due, &ev->stamp);
		return;
	}
	ev->stamp++;
	ev->pending = false;
	ev->cb(-1, EV_TIMEOUT, ev->arg);
}

int
event_add(struct event *ev, const struct timeval *tv)
{
	int64_t	ms;

	/* A signal, or a socket. */
	if (tv == NULL || ev->base->blocks)
		return 0;
	ms = (int64_t)tv->tv_sec * 1000 + tv->tv_usec / 1000;
	ev->stamp++;
	ev->pending = true;
	world_in(node_delay(ev->node, ms), OF_AGENT, ev->node, timer_rings, ev,
	    node_monotonic(ev->node) + ms, &ev->stamp);
	return 0;
}

void
event_active(struct event *ev, int what, short calls)
{
	(void)what, (void)calls;
	ev->active = true;
}

int
event_del(struct event *ev)
{
	ev->stamp++;
	ev->pending = false;
	return 0;
}

int
event_pending(const struct event *ev, short what, struct timeval *tv)
{
	(void)what;
	(void)tv;
	return ev->pending;
}

void
event_free(struct event *ev)
{
	ev->stamp++;
	ev->used = ev->pending = ev->active = false;
}

void
events_end(void)
{
	memset(timers, 0, sizeof timers);
}

/*
 * guard_poll.c - the timer of a guard's process, and poll, in which it waits for
 * the world.
 *
 * As in guard_signals.c, only what runs as a guard is answered here.
 */

#include "guards.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fiber.h"
#include "guard_state.h"

#define SPINS		1000	/* so often nothing waits in one moment */

int	__real_poll(struct pollfd *, nfds_t, int);
int	__wrap_poll(struct pollfd *, nfds_t, int);
int	__real_timerfd_create(clockid_t, int);
int	__wrap_timerfd_create(clockid_t, int);
int	__real_timerfd_settime(int, int, const struct itimerspec *,
	    struct itimerspec *);
int	__wrap_timerfd_settime(int, int, const struct itimerspec *,
	    struct itimerspec *);

/*
 * Its timer.
 */

static int64_t
timer_now(const struct guard_process *p)
{
	return p->kernel.clock == CLOCK_BOOTTIME ? guard_clock(p) :
	    node_monotonic(p->node);
}

static bool
timer_has_rung(const struct guard_process *p)
{
	return p->kernel.due != 0 && timer_now(p) >= p->kernel.due;
}

/* A clock may have stood still meanwhile. */
static void
timer_rings(struct node *n, void *arg, int64_t unused)
{
	struct guard_process	*p = arg;
	struct guard_kernel	*k = &p->kernel;
	int64_t			 left = k->due - timer_now(p);

	(void)unused;
	k->set = left > 0;
	if (k->set)
		world_in(node_delay(n, left), OF_HOST, n, timer_rings, p, 0,
		    &p->timer);
	else
		guard_wakes(n, p, 0);
}

int
__wrap_timerfd_create(clockid_t clock, int flags)
{
	if (guard_running == NULL)
		return __real_timerfd_create(clock, flags);
	guard_running->kernel.clock = clock;
	return TIMER_FD;
}

/* Begins again, if that is another moment. */
int
__wrap_timerfd_settime(int fd, int flags, const struct itimerspec *t,
    struct itimerspec *old)
{
	struct guard_process	*p = guard_running;
	struct guard_kernel	*k;
	int64_t			 due, left;

	if (p == NULL)
		return __real_timerfd_settime(fd, flags, t, old);
	k = &p->kernel;
	due = t->it_value.tv_sec * 1000 + t->it_value.tv_nsec / 1000000;
	if (due != 0 && (flags & TFD_TIMER_ABSTIME) == 0)
		due += timer_now(p);
	if (k->set && due == k->due)
		return 0;
	k->due = due;
	k->set = due != 0;
	p->timer++;
	left = due - timer_now(p);
	if (k->set)
		world_in(left > 0 ? node_delay(p->node, left) : 1, OF_HOST,
		    p->node, timer_rings, p, 0, &p->timer);
	return 0;
}

/*
 * poll, in which all its waiting is.
 */

static short
what_is_there(const struct guard_process *p, int fd)
{
	const struct guard_kernel	*k = &p->kernel;

	switch (fd) {
	case STDERR_FILENO:
		return POLLOUT;
	case CHANNEL:
		return (short)((p->in.count > 0 || p->in.closed ? POLLIN : 0) |
		    (p->in.closed ? POLLHUP : 0));
	case TIMER_FD:
		return timer_has_rung(p) ? POLLIN : 0;
	case SIGNAL_FD:
		return (k->pending & k->read) != 0 ? POLLIN : 0;
	case PROCESS_FD:
		return guard_of_pid(p->node, k->awaited) == NULL ? POLLIN : 0;
	default:
		return fd == guard_state(p)->handler_channel && p->answered ?
		    POLLIN : 0;
	}
}

static int
look(const struct guard_process *p)
{
	const struct guard_kernel	*k = &p->kernel;
	struct pollfd			*f;
	int				 got = 0;

	for (f = k->polled; f < k->polled + k->count; f++) {
		f->revents = f->fd < 0 ? 0 : (short)(what_is_there(p, f->fd) &
		    (f->events | POLLHUP));
		got += f->revents != 0;
	}
	return got;
}

bool
guard_has_waited(struct guard_process *p)
{
	p->kernel.got = look(p);
	return p->kernel.got > 0 ||
	    node_monotonic(p->node) >= p->kernel.until;
}

static void
poll_is_over(struct node *n, void *arg, int64_t unused)
{
	struct guard_process	*p = arg;
	int64_t			 left = p->kernel.until - node_monotonic(n);

	(void)unused;
	if (left > 0)
		world_in(node_delay(n, left), OF_HOST, n, poll_is_over, p, 0,
		    &p->kernel.polls);
	else
		guard_wakes(n, p, 0);
}

/* What is there at once costs no time; but it must not always be there. */
static bool
spins(struct guard_process *p)
{
	struct guard_kernel	*k = &p->kernel;

	if (k->spun_at != world.now)
		k->spins = 0;
	k->spun_at = world.now;
	if (++k->spins < SPINS)
		return false;
	world_fail("the guard of %s does not wait", p->node->name);
	return true;
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int limit)
{
	struct guard_process	*p = guard_running;
	struct guard_kernel	*k;

	if (p == NULL)
		return __real_poll(fds, count, limit);
	if (limit < 0)
		guard_turn_ends(p);
	k = &p->kernel;
	k->polled = fds;
	k->count = count;
	k->got = look(p);
	if (limit == 0 || (k->got > 0 && !spins(p)))
		return k->got;
	k->until = limit < 0 ? INT64_MAX : node_monotonic(p->node) + limit;
	k->polls++;
	if (limit > 0)
		world_in(node_delay(p->node, limit), OF_HOST, p->node,
		    poll_is_over, p, 0, &k->polls);
	fiber_wait();
	return k->got;
}

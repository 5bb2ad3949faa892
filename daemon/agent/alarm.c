/* alarm.c - needed because libevent's timers stop while the machine is
 * suspended. */
#include "alarm.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "must.h"

struct alarm {
	int		 fd;
	struct event	*event;
	void		(*ring)(void *arg);
	void		*arg;
};

static void
alarm_rings(evutil_socket_t fd, short what, void *arg)
{
	struct alarm	*a = arg;
	uint64_t	 rings;

	(void)what;
	if (read(fd, &rings, sizeof rings) < 0)
		return;
	a->ring(a->arg);
}

struct alarm *
alarm_new(struct event_base *base, void (*ring)(void *arg), void *arg)
{
	int		 fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK |
			    TFD_CLOEXEC);
	struct alarm	*a;

	if (fd < 0)
		return NULL;
	a = must_zeroed(1, sizeof *a);
	a->fd = fd;
	a->ring = ring;
	a->arg = arg;
	a->event = must(event_new(base, fd, EV_READ | EV_PERSIST, alarm_rings,
	    a));
	event_add(a->event, NULL);
	return a;
}

void
alarm_free(struct alarm *a)
{
	if (a == NULL)
		return;
	event_free(a->event);
	close(a->fd);
	free(a);
}

void
alarm_set(struct alarm *a, int64_t at_ms)
{
	struct itimerspec	t = { 0 };

	if (at_ms != INT64_MAX) {
		t.it_value.tv_sec = at_ms / 1000;
		t.it_value.tv_nsec = at_ms % 1000 * 1000000;
	}
	timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &t, NULL);
}

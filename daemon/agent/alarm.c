/* alarm.c - libevent's timers stand still while the machine is suspended. */
#include "alarm.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

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
	struct alarm	*a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->ring = ring;
	a->arg = arg;
	a->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->fd >= 0)
		a->event = event_new(base, a->fd, EV_READ | EV_PERSIST,
		    alarm_rings, a);
	if (a->event != NULL && event_add(a->event, NULL) == 0)
		return a;
	alarm_free(a);
	return NULL;
}

void
alarm_free(struct alarm *a)
{
	if (a == NULL)
		return;
	if (a->event != NULL)
		event_free(a->event);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

void
alarm_set(struct alarm *a, int64_t at)
{
	struct itimerspec	t = { 0 };

	if (at != INT64_MAX) {
		t.it_value.tv_sec = at / 1000;
		t.it_value.tv_nsec = at % 1000 * 1000000;
	}
	timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &t, NULL);
}

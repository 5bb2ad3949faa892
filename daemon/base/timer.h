/* timer.h - one of libevent's timers, by milliseconds. */
#ifndef TIMER_H
#define TIMER_H

#include <stdint.h>

#include <event2/event.h>

#include "must.h"

static inline struct event *
timer_new(struct event_base *base, event_callback_fn cb, void *arg)
{
	return must(evtimer_new(base, cb, arg));
}

/* Rings after that number of ms; at once if it is not above 0. */
static inline void
timer_in(struct event *timer, int64_t ms)
{
	struct timeval	tv = { 0 };

	if (ms > 0) {
		tv.tv_sec = ms / 1000;
		tv.tv_usec = ms % 1000 * 1000;
	}
	event_add(timer, &tv);
}

#endif

/*
 * alarm.h - rings at a moment of clock_ms(), not after a while: an alarm that
 * was due while the machine was suspended rings when it wakes up.
 */
#ifndef ALARM_H
#define ALARM_H

#include <stdint.h>

#include <event2/event.h>

struct alarm;

/* NULL: no descriptor is left for it.  Borrows all. */
struct alarm	*alarm_new(struct event_base *, void (*ring)(void *arg),
		    void *arg);
void		 alarm_free(struct alarm *);	/* NULL is fine */

/* Rings only then, from now on; INT64_MAX: never. */
void		 alarm_set(struct alarm *, int64_t at_ms);

#endif

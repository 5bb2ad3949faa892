/*
 * alarm.h - rings at a moment of clock_ms(), not after a while: one that should
 * have rung in a suspended machine rings as that wakes up.
 */
#ifndef ALARM_H
#define ALARM_H

#include <stdint.h>

#include <event2/event.h>

struct alarm;

/* NULL: it can't be made.  Borrows all. */
struct alarm	*alarm_new(struct event_base *, void (*ring)(void *arg),
		    void *arg);
void		 alarm_free(struct alarm *);	/* NULL is fine */

/* From now on only then; INT64_MAX: never. */
void		 alarm_set(struct alarm *, int64_t at);

#endif

/*
 * deadline.h - what is left of a call.
 *
 * All times are milliseconds, and of CLOCK_BOOTTIME, like f->deadline: it goes
 * on while the machine is suspended, and nobody can set it.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <consul-failover/plugin.h>

#define MARGIN	50	/* ms before the deadline: time to say what happened */

int64_t	deadline_now(void);

/* How long the call may wait: no longer than most, and MARGIN less than it has;
 * 0 where nothing is left. */
int64_t	deadline_left(const struct failover *, int64_t most);

#endif

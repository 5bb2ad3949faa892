/*
 * deadline.h - the remaining time of a call.
 *
 * All times are milliseconds, and of CLOCK_BOOTTIME, like f->deadline: it
 * counts while the machine is suspended, and can't be set.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <consul-failover/plugin.h>

#define MARGIN	50	/* ms before the deadline: time to report the result */

int64_t	deadline_now(void);

/* How long the call may wait: at most `most`, and MARGIN less than its
 * remaining time; 0 if nothing is left. */
int64_t	deadline_left(const struct failover *, int64_t most);

#endif

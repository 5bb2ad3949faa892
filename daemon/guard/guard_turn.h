/*
 * guard_turn.h - one turn of the guard's loop: notes what has happened, and
 * does what is due.
 */
#ifndef GUARD_TURN_H
#define GUARD_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct guard;

/* Continues with the previous guard's lease, and reports that. */
void	guard_turn_begin(struct guard *);

/* When the next turn is due (ms of clock_ms), if nothing happens before. */
int64_t	guard_turn_wake(const struct guard *);

struct guard_news {
	bool	agent;		/* has sent something, or is gone */
	int	handler;	/* the channel on which ours has; -1: none */
	bool	children;	/* one may have ended */
};

/* Ends the process if nothing is left to do. */
void	guard_turn(struct guard *, const struct guard_news *);

#endif

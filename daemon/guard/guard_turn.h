/*
 * guard_turn.h - one turn of the guard's loop: what has happened is taken note
 * of, and what it is time for is done.
 */
#ifndef GUARD_TURN_H
#define GUARD_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct guard;

/* In the place of the guard before: goes on with its lease, and says so. */
void	guard_turn_begin(struct guard *);

/* When the next turn is due (ms of clock_ms), if nothing happens before. */
int64_t	guard_turn_wake(const struct guard *);

struct guard_news {
	bool	agent;		/* has spoken, or is gone */
	int	handler;	/* the channel in which ours has; -1: none */
	bool	children;	/* one may have ended */
};

/* Ends the process where nothing is left to do. */
void	guard_turn(struct guard *, const struct guard_news *);

#endif

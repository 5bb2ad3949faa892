/*
 * turn.h - one action at a time, for all handlers and guards on this host.
 */
#ifndef TURN_H
#define TURN_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <stdint.h>

#define LOCK_DIR	"/run/consul-failover"

/* Checks that the option lock_dir can be used; false with the sentence set.
 * Call it before the first turn, and after agent_start, which sets the
 * instance. */
bool	turn_check(struct failover *);

/* Runs work in its turn, for which it waits that many milliseconds; with must,
 * it then runs it out of turn.  Returns the result of work; or, with the
 * sentence set, FAILOVER_AGAIN if another action is running, and
 * FAILOVER_FAILED if the lock can't be taken. */
enum failover_result	turn_run(struct failover *, int64_t limit, bool must,
			    enum failover_result (*work)(struct failover *));

#endif

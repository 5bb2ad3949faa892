/*
 * turn.h - one action at a time, of all handlers and guards on this host.
 */
#ifndef TURN_H
#define TURN_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <stdint.h>

#define LOCK_DIR	"/run/consul-failover"

/* Can the option lock_dir be used?  False with the sentence set.  Before the
 * first turn, and after agent_start, which names the instance. */
bool	turn_check(struct failover *);

/* Does the work of a call in its turn, for which it waits so many milliseconds;
 * where it must, it does it out of turn then.  Gives what work gives; or, with
 * the sentence set, FAILOVER_AGAIN, where another action is under way, and
 * FAILOVER_FAILED, where the lock can't be had. */
enum failover_result	turn_run(struct failover *, int64_t limit, bool must,
			    enum failover_result (*work)(struct failover *));

#endif

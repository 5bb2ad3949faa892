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

/* What an ensure_ does in its turn, for which it waits so many milliseconds;
 * where it must, it does it out of turn then.  Gives what work gives, or
 * FAILOVER_AGAIN: another action is under way. */
enum failover_result	turn_run(struct failover *, int64_t limit, bool must,
			    enum failover_result (*work)(struct failover *));

#endif

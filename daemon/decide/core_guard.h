/* core_guard.h - messages to and from the guard. */
#ifndef CORE_GUARD_H
#define CORE_GUARD_H

#include "core_types.h"

/* At the agent's start; a guard may have a lease from the previous guard. */
void	core_guard_init(struct core *);
/* Takes a message of the guard. */
void	core_guard_learn(struct core *, const struct core_event *);
/* Asks it to demote the copy, once; guard.busy_until is its limit. */
void	core_guard_ask(struct core *);
/* Sends how long the copy may be a master without a message from us, if that
 * has changed. */
void	core_guard_work(struct core *);
/* The demotion during which it may have fired is over. */
void	core_guard_end_demotion(struct core *);

#endif

/* core_guard.h - what the guard is told, and what it says. */
#ifndef CORE_GUARD_H
#define CORE_GUARD_H

#include "core_types.h"

/* As the agent starts; a guard may have a lease from the one before it. */
void	core_guard_init(struct core *);
/* Something is heard from it. */
void	core_guard_learn(struct core *, const struct core_event *);
/* Asks it to demote the copy, once; guard.busy_until is how long it may take. */
void	core_guard_ask(struct core *);
/* Tells it how long the copy may be a master without a word from us, if
 * that is news. */
void	core_guard_work(struct core *);
/* The demotion is over that it may have fired in. */
void	core_guard_end_demotion(struct core *);

#endif

/* core_guard.h - what the guard is told, and what it says. */
#ifndef CORE_GUARD_H
#define CORE_GUARD_H

#include "core_types.h"

/* Something is heard from it. */
void	core_guard_learn(struct core *, const struct core_event *);
/* Asks it to demote the copy, once; guard_until is how long it may take. */
void	core_guard_ask(struct core *);
/* Tells it how long the copy may be a master without a word from us, if
 * that is news. */
void	core_guard_hold_lease(struct core *);

#endif

/* core_demotion.h - the copy is demoted, and then the lock is released. */
#ifndef CORE_DEMOTION_H
#define CORE_DEMOTION_H

#include "core_types.h"

/* Begins it: the state is entered. */
void	core_demotion_enter(struct core *, bool was_master);
/* Deadlines of the demotion. */
void	core_demotion_pass_time(struct core *);
/* The lock is released, or that is unknown; or a call of CORE_OP_POSITION has
 * ended. */
void	core_demotion_learn(struct core *, const struct core_event *);
/* The work during the demotion. */
void	core_demotion_work(struct core *);
/* May the state be left?  Then it must be, by core_demotion_leave. */
bool	core_demotion_is_over(const struct core *);
void	core_demotion_leave(struct core *);

#endif

/* core_demotion.h - stepping down: the copy is demoted, the lock given back. */
#ifndef CORE_DEMOTION_H
#define CORE_DEMOTION_H

#include "core_types.h"

/* It begins: the state is entered. */
void	core_demotion_enter(struct core *, bool was_master);
/* What only time makes true. */
void	core_demotion_pass_time(struct core *);
/* The lock is given back, or that can't be told; or a call of
 * CORE_OP_POSITION has ended. */
void	core_demotion_learn(struct core *, const struct core_event *);
/* What is done while it lasts. */
void	core_demotion_work(struct core *);
/* The state may be left; then it must be, by core_demotion_leave. */
bool	core_demotion_is_over(const struct core *);
void	core_demotion_leave(struct core *);

#endif

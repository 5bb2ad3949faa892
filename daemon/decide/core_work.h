/* core_work.h - what a state does while it lasts, and what came of it. */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include "core_types.h"

/* Asks for what the state has to do now. */
void	core_work(struct core *);
/* A call has ended. */
void	core_work_done(struct core *, const struct core_event *);

#endif

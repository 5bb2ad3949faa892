/* core_work.h - the work of each state, and its results. */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include "core_types.h"

/* Asks for the state's work. */
void	core_work(struct core *);
/* A call has ended. */
void	core_work_done(struct core *, const struct core_event *);

#endif

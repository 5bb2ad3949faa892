/* core_adopt.h - takes over a master that was there before us, as it is. */
#ifndef CORE_ADOPT_H
#define CORE_ADOPT_H

#include "core_types.h"

/* The lock was never taken, and there is no other copy. */
bool	core_adopt_alone(struct core *);
/* The same, and nothing forbids a master here. */
bool	core_adopt_may(struct core *);
/* The work while we start. */
void	core_adopt_work(struct core *);

#endif

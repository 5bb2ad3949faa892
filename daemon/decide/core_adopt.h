/* core_adopt.h - a master that was there before us, taken over as it is. */
#ifndef CORE_ADOPT_H
#define CORE_ADOPT_H

#include "core_types.h"

/* Nobody has ever had the lock, and no other copy is there. */
bool	core_adopt_alone(struct core *);
/* The same, and nothing speaks against a master here. */
bool	core_adopt_may(struct core *);
/* What is done while we start. */
void	core_adopt_work(struct core *);

#endif

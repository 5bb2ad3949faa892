/* core_due.h - when the core must look again. */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include "core_types.h"

/* True from t on; before that, makes the next tick come at t or earlier. */
static inline bool
core_due(struct core *c, int64_t t)
{
	if (c->now >= t)
		return true;
	if (t < c->wake)
		c->wake = t;
	return false;
}

#endif

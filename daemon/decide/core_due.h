/* core_due.h - when the core must look again. */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include "core_types.h"

/* True at t and after it; before it, the next tick comes at t or earlier. */
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

/* core_check.h - the core's invariants between two events. */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "core_types.h"

/* The invariant that does not hold, to follow "it is not true that"; NULL if
 * all hold. */
const char	*core_check(const struct core *);

#endif

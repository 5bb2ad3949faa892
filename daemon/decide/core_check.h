/* core_check.h - what is always true of the core between two events. */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "core_types.h"

/* What should be true and is not, to be said after "it is not true that"; NULL
 * if all is well. */
const char	*core_check(const struct core *);

#endif

/* guard_tell.h - what the guard reports to its agent. */
#ifndef GUARD_TELL_H
#define GUARD_TELL_H

#include "core.h"

struct guard;

/* Its state, with its lease and a text for people, or "".  Never waits; an
 * agent that is gone is fine. */
void	guard_tell(struct guard *, enum core_guard, const char *text);

#endif

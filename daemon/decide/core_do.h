/* core_do.h - the list of actions, in order. */
#ifndef CORE_DO_H
#define CORE_DO_H

#include "core_types.h"

/* Adds an action that is zero except its type; the caller fills in the rest. */
struct core_action	*core_do(struct core *, enum core_action_type);
/* Adds one that logs a sentence, as an error. */
void			 core_do_say(struct core *, const char *fmt, ...)
			    __attribute__((format(printf, 2, 3)));

#endif

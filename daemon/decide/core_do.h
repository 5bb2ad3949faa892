/* core_do.h - what is to be done, in the order in which it is asked for. */
#ifndef CORE_DO_H
#define CORE_DO_H

#include "core_types.h"

/* One more action, all zero but for its type: the caller fills in the rest. */
struct core_action	*core_do(struct core *, enum core_action_type);
/* One that logs a sentence, as an error. */
void			 core_do_say(struct core *, const char *fmt, ...)
			    __attribute__((format(printf, 2, 3)));

#endif

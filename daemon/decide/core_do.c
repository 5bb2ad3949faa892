/* core_do.c - the list of actions, in order. */

#include "core_do.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct core_action *
core_do(struct core *c, enum core_action_type type)
{
	struct core_action	*a;

	/* The tests show that this can't happen; if it does, dying is safe
	 * (the session ends) and losing an action is not. */
	if (c->out->count == CORE_ACTIONS)
		abort();
	a = &c->out->list[c->out->count++];
	memset(a, 0, sizeof *a);
	a->type = type;
	return a;
}

void
core_do_say(struct core *c, const char *fmt, ...)
{
	struct core_action	*a = core_do(c, CORE_DO_SAY);
	va_list			 ap;

	va_start(ap, fmt);
	vsnprintf(a->say.text, sizeof a->say.text, fmt, ap);
	va_end(ap);
}

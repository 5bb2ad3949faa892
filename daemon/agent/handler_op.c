/* handler_op.c - what a handler can be asked to do, and what that is called. */
#include "handler_op.h"

#include <string.h>

static const char	*const handler_ops[HANDLER_TRACES + 1] = {
	[HANDLER_HEALTH] =		"health",
	[HANDLER_ENSURE_MASTER] =	"ensure_master",
	[HANDLER_ENSURE_SLAVE] =	"ensure_slave",
	[HANDLER_ENSURE_DEMOTED] =	"ensure_demoted",
	[HANDLER_POSITION] =		"position",
	[HANDLER_HAS_POSITION] =	"has_position",
	[HANDLER_BEHIND] =		"behind",
	[HANDLER_START] =		"plugin_start",
	[HANDLER_TRACES] =		"traces",
};

const char *
handler_op_name(enum handler_op op)
{
	return op <= HANDLER_TRACES ? handler_ops[op] : "?";
}

bool
handler_op_find(const char *name, enum handler_op *op)
{
	int	 i;

	for (i = 0; i < HANDLER_OPS; i++)
		if (strcmp(handler_ops[i], name) == 0) {
			*op = (enum handler_op)i;
			return true;
		}
	return false;
}

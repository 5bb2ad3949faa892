/* handler_op.h - what a handler can be asked to do, and what that is called. */
#ifndef HANDLER_OP_H
#define HANDLER_OP_H

#include <stdbool.h>

#include "error.h"

enum handler_op {
	HANDLER_HEALTH,
	HANDLER_ENSURE_MASTER,
	HANDLER_ENSURE_SLAVE,
	HANDLER_ENSURE_DEMOTED,
	HANDLER_POSITION,
	HANDLER_HAS_POSITION,
	HANDLER_BEHIND,		/* the answer's text is the number */
	HANDLER_OPS,
	HANDLER_START = HANDLER_OPS,	/* plugin_start, and nothing else */
	HANDLER_TRACES			/* what its calls have left: trace.h */
};

const char	*handler_op_name(enum handler_op);	/* "ensure_master" */
bool		 handler_op_find(const char *name, enum handler_op *) CHECKED;

#endif

/*
 * adopt.h - may an agent go on with the session of the run before it?  Only if
 * Consul shows that it is of this node: a run file can be copied.
 */
#ifndef ADOPT_H
#define ADOPT_H

#include <stdbool.h>

#include "config.h"
#include "error.h"

/* Blocks for [consul] request_timeout at most.  False: why tells. */
bool	adopt_may(const struct config *, const char *session, struct error *why)
	    CHECKED;

#endif

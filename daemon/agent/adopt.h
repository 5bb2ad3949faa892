/*
 * adopt.h - may an agent continue with the session of its previous run?  Only
 * if Consul shows that the session belongs to this node: a run file can be
 * copied.
 */
#ifndef ADOPT_H
#define ADOPT_H

#include <stdbool.h>

#include "config.h"
#include "error.h"

/* Blocks for [consul] request_timeout at most.  False: why has the reason. */
bool	adopt_may(const struct config *, const char *session, struct error *why)
	    CHECKED;

#endif

/*
 * live.h - what a file can't tell, for `check`: does Consul, as it runs, take this
 * agent?
 *
 * It is asked what an agent asks first, and nothing is written.  A right to write
 * that the token lacks, or one without which Consul leaves something out, is found
 * by the agent only.
 */
#ifndef LIVE_H
#define LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum live {
	LIVE_GOOD,
	LIVE_SILENT,		/* no answer, or one that Consul can't give now */
	LIVE_BAD,		/* an answer that an agent can't work with */
};

/* Blocks, for five requests' time at most; text says why where it is not good. */
enum live	 live_ask_consul(const struct config *, char *text, size_t);
/* Does anything listen at the service's address and port, or, if it has none, at
 * 127.0.0.1?  Blocks for the health_deadline at most. */
bool		 live_is_served(const struct config *);

#endif

/*
 * live.h - what `check` can't learn from files: does the running Consul accept
 * this agent?
 *
 * Sends the requests that an agent sends first, and writes nothing.  If the
 * token lacks a right to write, or one without which Consul leaves something
 * out of its answers, only the agent finds that.
 */
#ifndef LIVE_H
#define LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum live {
	LIVE_GOOD,
	LIVE_SILENT,		/* no answer, or one that Consul can't give now */
	LIVE_BAD,		/* an answer that an agent can't use */
};

/* Blocks for the time of five requests at most; text has the reason if the
 * result is not good. */
enum live	 live_ask_consul(const struct config *, char *text, size_t);
/* Does anything listen at the service's address and port, or, if it has none, at
 * 127.0.0.1?  Blocks for the health_deadline at most. */
bool		 live_is_served(const struct config *);

#endif

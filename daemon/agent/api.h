/*
 * api.h - the agent's own HTTP server: /health, /status, /master, /slave,
 * /metrics.  It answers from what is already known, and makes no calls.
 */
#ifndef API_H
#define API_H

#include <stdbool.h>

#include <event2/event.h>

#include "api_status.h"
#include "error.h"

typedef void (*api_status_cb)(struct api_status *, void *arg);

struct api;

/* Listens on "host:port".  The reason names the address and what to do. */
bool	api_new(struct api **, struct event_base *, const char *listen,
	    api_status_cb, void *arg, struct error *) CHECKED;
void	api_free(struct api *);		/* NULL is fine */
int	api_port(const struct api *);	/* the one that was bound */

#endif

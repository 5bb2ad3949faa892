/*
 * agent.h - joins the parts: their callbacks become the core's events, and the
 * core's actions become calls of theirs.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "handler.h"
#include "runfile.h"

enum agent_end {
	AGENT_STOPPED,		/* in good order: the copy is not a master */
	AGENT_FAILED,		/* stopped, but the copy may be a master, or
				 * Consul has not been told */
	AGENT_RELOAD,		/* told to read the config again, and it is good:
				 * lock, session and registration are as before */
};

struct agent;

/* Starts everything; borrows all.  Says READY to the init system. */
bool		 agent_new(struct agent **, const struct config *,
		    const struct plugin_description *, struct runfile *,
		    struct error *);
void		 agent_free(struct agent *);	/* NULL is fine */

/* Called at SIGHUP: true when there is a good new config to go on with. */
typedef bool	(*agent_reload_cb)(void *arg);

enum agent_end	 agent_run(struct agent *, agent_reload_cb, void *arg);

#endif

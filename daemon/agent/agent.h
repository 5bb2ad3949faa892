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
				 * Consul has not been told, or by a bug */
};

struct agent;

/* Starts everything; borrows all.  Leave is what the guard runs when this agent
 * is gone.  Says READY to the init system. */
bool		 agent_new(struct agent **, const struct config *,
		    const struct plugin_description *, struct runfile *,
		    char *const leave[], struct error *) CHECKED;
void		 agent_free(struct agent *);	/* NULL is fine */

/* At SIGHUP reload runs, and may change what the borrowed config holds;
 * agent_reload makes the parts follow, with this plugin (borrowed) from now on.
 * It fails, and has changed nothing, where Consul's address, token or
 * certificates are bad. */
enum agent_end	 agent_run(struct agent *, void (*reload)(void *), void *arg);
bool		 agent_reload(struct agent *,
		    const struct plugin_description *, struct error *) CHECKED;
/* Milliseconds that the loop may stand still before a master must be demoted;
 * INT64_MAX where we are none. */
int64_t		 agent_time_left_ms(const struct agent *);

/* Its copy is healthy, by what the plugin said last. */
bool		 agent_is_well(const struct agent *);

#endif

/*
 * agent.h - joins the parts: their callbacks become the core's events, and the
 * core's actions become calls to them.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "handler.h"
#include "runfile.h"

enum agent_end {
	AGENT_STOPPED,		/* stopped properly: the copy is not a master */
	AGENT_FAILED,		/* stopped, but the copy may be a master, Consul
				 * was not informed, or there is a bug */
};

struct agent;

/* Starts everything; borrows all.  The guard runs leave when this agent is
 * gone.  Sends READY to the init system. */
bool		 agent_new(struct agent **, const struct config *,
		    const struct plugin_description *, struct runfile *,
		    char *const leave[], struct error *) CHECKED;
void		 agent_free(struct agent *);	/* NULL is fine */

/* On SIGHUP reload runs, and may change the content of the borrowed config;
 * agent_reload makes the parts follow, with this plugin (borrowed) from then
 * on.  It fails, and changes nothing, if Consul's address, token or
 * certificates are bad. */
enum agent_end	 agent_run(struct agent *, void (*reload)(void *), void *arg);
bool		 agent_reload(struct agent *,
		    const struct plugin_description *, struct error *) CHECKED;
/* Milliseconds that the loop may block before a master must be demoted;
 * INT64_MAX if we are not the master. */
int64_t		 agent_time_left_ms(const struct agent *);

/* Is its copy healthy, by the plugin's last verdict? */
bool		 agent_is_well(const struct agent *);

#endif

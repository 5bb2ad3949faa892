/*
 * restart.h - roles by core.properties and a restart.
 */
#ifndef SOLR_RESTART_H
#define SOLR_RESTART_H

#include "server.h"

bool	restart_is_method(struct failover *);	/* the option method */

/* Sets this role of all cores in core.properties, and restarts those with
 * another one; leader: for followers.  FAILOVER_AGAIN: it is restarting. */
enum failover_result	restart_as(struct failover *, bool master,
			    const char *leader);

/* Is our last restart so recent that Solr may still be down?  False if this
 * handler has seen it up again. */
bool	restart_is_young(struct failover *);

/* Takes the state of the cores from a Solr that is up. */
void	restart_note(struct failover *, const struct answer *status);

/* Takes the end of our last restart's command, and kills it if it is over its
 * limit; false, with the sentence set, if it has failed. */
bool	restart_look(struct failover *);

/* Can its role be changed?  FAILOVER_AGAIN while it restarts; else with the
 * sentence set. */
enum failover_result	restart_server_fit(struct failover *);

#endif

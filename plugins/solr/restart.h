/*
 * restart.h - roles by core.properties and a restart.
 */
#ifndef SOLR_RESTART_H
#define SOLR_RESTART_H

#include "server.h"

bool	restart_is_method(struct failover *);	/* the option method */

/* Gives all cores these roles in core.properties, and restarts what has another
 * one; leader: of the followers.  FAILOVER_AGAIN: it restarts. */
enum failover_result	restart_as(struct failover *, bool master,
			    const char *leader);

/* Is a restart of ours so young that Solr may still be down?  Not if this
 * handler has seen it up again. */
bool	restart_is_young(struct failover *);

/* What a Solr that is up tells of its cores. */
void	restart_note(struct failover *, const struct answer *status);

/* Can it be made something?  Not while it restarts, but soon; else with the
 * sentence set. */
enum failover_result	restart_server_fit(struct failover *);

#endif

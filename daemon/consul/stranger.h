/*
 * stranger.h - another agent with our service id in our Consul agent.
 *
 * Two agents that register one id overwrite each other, and each ends the
 * other's session.  So each identifies itself in its registration.  An agent
 * that finds a living agent's registration does not start; one whose own is
 * overwritten by a living agent ends, and changes nothing of that
 * (registration_round.c).
 *
 * An agent is alive if its check in Consul is not critical, or its /health
 * answers.  If neither is known yet, we wait: Consul takes a while to report a
 * dead one as critical.
 */
#ifndef STRANGER_H
#define STRANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "error.h"

#define STRANGER_MARK	500	/* Consul limits a meta value to 512 */

/* Makes our mark: one unique word, and words for people. */
void	stranger_make_mark(const struct config *, char mark[STRANGER_MARK]);
/* Was own_service written by an agent with another mark?  An agent that has
 * moved its run file is the same if it listens at the same address. */
bool	stranger_wrote(const struct consul_reply *own_service,
	    const char *mark, const char *check_url);
/* May the other agent be alive, according to own_check? */
bool	stranger_may_live(const struct consul_reply *own_check);
/* Is it dead?  Then logs the agent that we take over from. */
bool	stranger_is_dead(const struct consul_reply *own_check, const char *who);
/* In ms: when a dead agent's check must be critical, according to
 * own_service. */
int64_t	stranger_patience_ms(const struct consul_reply *own_service);
/* Names both agents, for people, and what to do. */
void	stranger_explain(const struct consul_reply *own_service,
	    const struct config *, const char *mark, char *text, size_t size);

/* May we start?  Asked before anything is done to the copy.  While Consul does
 * not answer that is unknown, and the registration decides later. */
bool	stranger_lets_us_start(const struct config *, const char *check_url,
	    struct error *) CHECKED;

#endif

/*
 * stranger.h - another agent that has our service id in our Consul agent.
 *
 * Two agents that register one id overwrite each other, and each ends the
 * other's session.  So each says in its registration who it is.  Who comes to
 * the registration of another one that lives does not start; who finds his own
 * overwritten by such a one ends, and touches nothing of it
 * (registration_round.c).
 *
 * He lives if Consul's check of him is not critical, or his /health answers.  A
 * check that says neither yet is waited for: Consul believes in a dead one for
 * as long as it may fail.
 */
#ifndef STRANGER_H
#define STRANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "error.h"

#define STRANGER_MARK	500	/* Consul takes 512 characters of a meta value */

/* Who we are: one word that no other agent has, and words for people. */
void	stranger_make_mark(const struct config *, char mark[STRANGER_MARK]);
/* Was what own_service shows written by the agent of that mark, or by nobody of
 * ours?  Who has moved his run file is he if he listens where he did. */
bool	stranger_wrote(const struct consul_reply *own_service,
	    const char *mark, const char *check_url);
/* As own_check shows it. */
bool	stranger_may_live(const struct consul_reply *own_check);
/* The other way round; says then whom we take over from. */
bool	stranger_is_dead(const struct consul_reply *own_check, const char *who);
/* ms after which a dead one's check has said so, by what own_service shows. */
int64_t	stranger_patience_ms(const struct consul_reply *own_service);
/* Both sides, for people, and what to do. */
void	stranger_explain(const struct consul_reply *own_service,
	    const struct config *, const char *mark, char *text, size_t size);

/* Before anything is done to the copy: may we start?  As long as Consul does
 * not answer nobody can tell, and the registration will. */
bool	stranger_lets_us_start(const struct config *, const char *check_url,
	    struct error *) CHECKED;

#endif

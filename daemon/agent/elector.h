/*
 * elector.h - runs the elections: takes the steps that election.h asks for,
 * with the candidates' records in Consul, and with a plugin that answers one
 * question at a time, and often late.
 *
 * It knows no process and no socket: its user asks the plugin.
 */
#ifndef ELECTOR_H
#define ELECTOR_H

#include <stdbool.h>

#include <event2/event.h>

#include "candidates.h"
#include "config.h"
#include "consul.h"
#include "core.h"
#include "election.h"
#include "lock.h"

struct elector_events {
	/* Ask the plugin what this step needs, and report it by elector_answer.
	 * False: the plugin is busy; call elector_soon once it is not, to try
	 * again. */
	bool	(*ask)(const struct election_step *, void *arg);
	/* ELECTION_TAKE or ELECTION_REFUSE: this election is over. */
	void	(*elected)(const struct election_step *, void *arg);
	/* The decision is void: see election_is_void. */
	void	(*voided)(void *arg);
	/* The records have changed; called last, after all consequences. */
	void	(*records)(void *arg);
	/* What is wrong with them now; "" when it has ended. */
	void	(*trouble)(const char *text, void *arg);
};

struct elector;

/* Copies our part of an election, and borrows all else; it reads the core's
 * lock, and whether we stand aside. */
struct elector		*elector_new(struct event_base *, struct consul *,
			    const struct config *,
			    const struct election_config *,
			    const struct core *,
			    const struct elector_events *, void *arg);
/* NULL is fine. */
void			 elector_free(struct elector *);

/* begin: starts an election for the free lock; before is its last holder.  Else
 * ends it. */
void			 elector_elect(struct elector *, bool begin,
			    const struct lock_before *before);
/* Looks at once for the next step, if an election runs. */
void			 elector_soon(struct elector *);
/* The answer to the last `ask`; text is the position, the number, or the reason
 * for having none. */
void			 elector_answer(struct elector *, enum election_answer,
			    const char *text);

/* We, or our config, have changed; node is "" while ours is not known. */
void			 elector_rank(struct elector *,
			    const struct election_config *, const char *node);
/* A copy that stands aside publishes that, or the others would wait for it. */
void			 elector_stand_aside(struct elector *);

bool			 elector_runs(const struct elector *);
/* As election_reason. */
const char		*elector_reason(const struct elector *);
/* The records; the elector frees them. */
struct candidates	*elector_candidates(struct elector *);

#endif

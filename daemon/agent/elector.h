/*
 * elector.h - holds the elections: does what election.h wants done, with the
 * candidates' records in Consul, and with a plugin that answers one question at
 * a time, and often late.
 *
 * Knows no process and no socket: who uses it asks the plugin.
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
	/* Ask the plugin what this step wants to know, and tell it by
	 * elector_answer.  False: it is busy; elector_soon, once it is not, has
	 * it tried again. */
	bool	(*ask)(const struct election_step *, void *arg);
	/* ELECTION_TAKE or ELECTION_REFUSE: this election is over. */
	void	(*elected)(const struct election_step *, void *arg);
	/* What was decided counts no more: see election_is_void. */
	void	(*voided)(void *arg);
	/* The records have changed; the last of what comes of it. */
	void	(*records)(void *arg);
	/* What goes wrong now with them; "" when it ended. */
	void	(*trouble)(const char *text, void *arg);
};

struct elector;

/* What is ours in an election is copied, all else borrowed; of the core it
 * reads the lock, and whether we stand aside. */
struct elector		*elector_new(struct event_base *, struct consul *,
			    const struct config *,
			    const struct election_config *,
			    const struct core *,
			    const struct elector_events *, void *arg);
/* NULL is fine. */
void			 elector_free(struct elector *);

/* begin: who takes the free lock?  Before is who had it.  Else that is over. */
void			 elector_elect(struct elector *, bool begin,
			    const struct lock_before *before);
/* Looks at once for the next step, if an election runs. */
void			 elector_soon(struct elector *);
/* To what `ask` asked last; text is the position, the number, or why not. */
void			 elector_answer(struct elector *, enum election_answer,
			    const char *text);

/* We, or our config, have changed; node is "" while we don't know ours. */
void			 elector_rank(struct elector *,
			    const struct election_config *, const char *node);
/* A copy that stands aside says so, or the others would wait for it. */
void			 elector_stand_aside(struct elector *);

bool			 elector_runs(const struct elector *);
/* As election_reason. */
const char		*elector_reason(const struct elector *);
/* The records; they go with it. */
struct candidates	*elector_candidates(struct elector *);

#endif

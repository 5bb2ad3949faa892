/*
 * fit.h - known problems of a copy's data.
 *
 * A slave that lacks data of its master is unfit to become master, and stays so
 * when that master can't be asked any more: the agent remembers the problem
 * until the copy has streamed again.
 */
#ifndef FIT_H
#define FIT_H

#include "server.h"

/* Called before this copy follows that master: remembers if it lacks data that
 * it can't get by continuing from its position, or has had no link for longer
 * than max_silence. */
void	fit_compare(struct failover *, const struct state *,
	    const struct server *master, const struct state *of_master);

/* That master rejects the login that this copy uses. */
void	fit_refused(struct failover *, const struct server *master);

/* DONE; or FAILED, with the sentence, for a copy that is known to lack data,
 * unless the operator has run "promote" for it. */
enum failover_result	fit_lacks(struct failover *);

/* Called at each look at it: do its master's commands fail here? */
void	fit_note(const struct state *);

/* Does it hold other data at an equal position? */
enum failover_result	fit_differs(struct failover *, const struct state *,
			    bool ignores_maxmemory);

#endif

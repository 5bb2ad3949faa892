/*
 * fit.h - what is known against the data of a copy.
 *
 * A slave that lacks what its master has is unfit to be one, and stays so when
 * that master can't be asked any more: what was found out while it could is
 * kept by the agent, until the copy has streamed again.
 */
#ifndef FIT_H
#define FIT_H

#include "server.h"

/* Before this copy follows that master, of that state: keeps it in mind if it
 * lacks what it can't get by going on where it is, or has had no link to it for
 * longer than max_silence. */
void	fit_compare(struct failover *, const struct state *,
	    const struct server *master, const struct state *of_master);

/* That master lets nobody in who asks as this copy does. */
void	fit_refused(struct failover *, const struct server *master);

/* DONE; or FAILED, with the sentence, for a copy that is known to lack data and
 * that nobody has run "promote" for. */
enum failover_result	fit_lacks(struct failover *);

/* At each look at it: do its master's commands fail here? */
void	fit_note(const struct state *);

/* Its position would be equal, and its data are others. */
enum failover_result	fit_differs(struct failover *, const struct state *,
			    bool ignores_maxmemory);

#endif

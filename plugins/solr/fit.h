/*
 * fit.h - known problems of this copy, which remain when its master is gone.
 */
#ifndef SOLR_FIT_H
#define SOLR_FIT_H

#include "server.h"

/* Does a core lack data of its master that it could not get, as remembered?
 * False once the operator has run "promote"; the sentence is set. */
bool	fit_lacks(struct failover *);

/* Remembers that our core n lacks data of the master's, with the reason. */
void	fit_note_lacking(struct failover *, size_t n, const char *base,
	    struct place ours, struct place theirs, const char *why);

/* Checks whether core n lacks data of the master at base, and remembers that;
 * result: of the fetch. */
void	fit_note_stale(struct failover *, size_t n, const char *base,
	    const struct replication *, struct place theirs,
	    enum failover_result);
/* Core n has got the data that it needs. */
void	fit_note_fresh(size_t n);

/* The master has answered our request with this status. */
void	fit_note_refused(struct failover *, const char *base, long status);
/* True until it accepts our login again, and reports its data. */
bool	fit_was_refused(const struct failover *);

/* Core n has reached the data that it was known to lack. */
void	fit_forget_reached(struct failover *, size_t n, struct place ours,
	    struct place theirs);

#endif

/*
 * fit.h - what is known against this copy, and outlives its master.
 */
#ifndef SOLR_FIT_H
#define SOLR_FIT_H

#include "server.h"

/* Is there a core of which it is remembered that its master has what it could
 * not get?  Not once the operator has run "promote"; the sentence is set. */
bool	fit_lacks(struct failover *);

/* Core n of ours lacks what that of the master has: keeps it in mind, with the
 * reason. */
void	fit_note_lacking(struct failover *, size_t n, const char *base,
	    struct place ours, struct place theirs, const char *why);

/* Looks whether core n lacks what the master at base has, and keeps that in
 * mind; result: of the fetch. */
void	fit_note_stale(struct failover *, size_t n, const char *base,
	    const struct replication *, struct place theirs,
	    enum failover_result);
/* Core n has got what it has to. */
void	fit_note_fresh(size_t n);

/* The master has answered so to a question of ours. */
void	fit_note_refused(struct failover *, const char *base, long status);
/* Until it lets us in again, and tells what it has. */
bool	fit_was_refused(const struct failover *);

/* Core n has reached what it was known to lack. */
void	fit_forget_reached(struct failover *, size_t n, struct place ours,
	    struct place theirs);

#endif

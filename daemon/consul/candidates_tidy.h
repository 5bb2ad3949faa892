/*
 * candidates_tidy.h - deletes the records of candidates that are gone.
 *
 * The candidate of a record without a session is gone, and no other agent
 * deletes the record.  The holder of the lock does, because no election runs
 * then.  If there are too many records to read, it uses their names.
 */
#ifndef CANDIDATES_TIDY_H
#define CANDIDATES_TIDY_H

#include <stdbool.h>
#include <stddef.h>

#include "consul.h"

struct candidates_tidy {
	struct consul			*consul;
	const char			*prefix;	/* of all records */
	bool				 holds;		/* the lock is ours */
	struct consul_request		*request;
	char				**dead;		/* dead, as it seems */
	size_t				 dead_count;
	char				*looked_at;	/* being checked */
};

/* The records as they were read; copies key. */
void	candidates_tidy_forget(struct candidates_tidy *);
void	candidates_tidy_add(struct candidates_tidy *, const char *key);
/* Continues, if the lock is ours. */
void	candidates_tidy_next(struct candidates_tidy *);
/* There are too many to read. */
void	candidates_tidy_too_many(struct candidates_tidy *);
void	candidates_tidy_free(struct candidates_tidy *);	/* what it owns */

#endif

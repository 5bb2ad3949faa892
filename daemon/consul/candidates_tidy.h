/*
 * candidates_tidy.h - clears away the records of those who are gone.
 *
 * A record without a session is of somebody who is gone, and nobody else takes
 * it away.  Who holds the lock does, because no election runs then.  Where
 * there are so many that they can't be read any more it goes by their names.
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
	char				**dead;		/* keys, as it seems */
	size_t				 dead_count;
	char				*looked_at;	/* the one of them */
};

/* What we know of them; copies key. */
void	candidates_tidy_forget(struct candidates_tidy *);
void	candidates_tidy_add(struct candidates_tidy *, const char *key);
/* Goes on, if the lock is ours. */
void	candidates_tidy_next(struct candidates_tidy *);
/* They can't be read. */
void	candidates_tidy_too_many(struct candidates_tidy *);
void	candidates_tidy_free(struct candidates_tidy *);	/* what it owns */

#endif

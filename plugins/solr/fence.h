/*
 * fence.h - what makes a core refuse writes, at once, and after a restart.
 */
#ifndef SOLR_FENCE_H
#define SOLR_FENCE_H

#include "http.h"

#include <limits.h>
#include <sys/types.h>

enum fence {
	FENCE_UNKNOWN,		/* could not be asked; the sentence is set */
	FENCE_OPEN,
	FENCE_CLOSED,
};

/* How is it on the core at this Solr? */
enum fence	fence_ask(struct failover *, const char *base,
		    const char *core);

/* Makes it so on our core; does nothing if it is.  False, with the sentence
 * set, where it could not. */
bool		fence_set(struct failover *, const char *core, enum fence);

/* Closes it for sure: an opening of ours that was given up may be under way in
 * Solr still, which shows it only when it is done. */
bool		fence_close(struct failover *, const char *core);

/* The same for a Solr that does not run: in the file params.json that it will
 * read, where fence_set had opened it. */
bool		fence_close_file(struct failover *, const char *home,
		    const char *core);

/* The process that has an index of this core open, which Solr locks from the
 * moment that it loads the core; 0: nobody has.  INDEX_UNKNOWN: no lock of one is
 * to be read in where, by errno; that proves nothing. */
#define INDEX_HIDDEN	(-1)	/* in another PID namespace */
#define INDEX_UNKNOWN	(-2)
pid_t		fence_index_user(const char *home, const char *core,
		    char where[static PATH_MAX]);

/* The number of updates that are being written just now, or 0; false, with the
 * sentence set: can't be told. */
bool		fence_writing(struct failover *, const char *core,
		    int64_t *writing);

/* Gives the text of a params.json, closed where it was opened; NULL: it is no
 * JSON, or no memory. */
char		*fence_closed_text(const char *json);

#endif

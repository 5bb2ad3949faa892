/*
 * fence.h - makes a core reject writes, at once and after a restart.
 */
#ifndef SOLR_FENCE_H
#define SOLR_FENCE_H

#include "http.h"

#include <limits.h>
#include <sys/types.h>

enum fence {
	FENCE_UNKNOWN,		/* no answer; the sentence is set */
	FENCE_OPEN,
	FENCE_CLOSED,
};

/* The state of the core at this Solr. */
enum fence	fence_ask(struct failover *, const char *base,
		    const char *core);

/* Sets it on our core, unless it is set already.  False, with the sentence set,
 * if it could not. */
bool		fence_set(struct failover *, const char *core, enum fence);

/* Closes it for certain: an opening that we gave up may still be running in
 * Solr, which shows it only when it is done. */
bool		fence_close(struct failover *, const char *core);

/* The same for a Solr that does not run: in its file params.json, if fence_set
 * had opened it there. */
bool		fence_close_file(struct failover *, const char *home,
		    const char *core);

/* The process that has an index of this core open: Solr locks it while the core
 * is loaded; 0: none.  INDEX_UNKNOWN: no lock can be read in where, with errno;
 * that proves nothing. */
#define INDEX_HIDDEN	(-1)	/* in another PID namespace */
#define INDEX_UNKNOWN	(-2)
pid_t		fence_index_user(const char *home, const char *core,
		    char where[static PATH_MAX]);

/* The number of running updates, or 0; false, with the sentence set, if that is
 * unknown. */
bool		fence_writing(struct failover *, const char *core,
		    int64_t *writing);

/* Returns the text of a params.json, closed if it was open; NULL: it is not
 * JSON, or memory is out. */
char		*fence_closed_text(const char *json);

#endif

/*
 * journal.h - RUN_DIR/SERVICE_ID.history: what this node's agents have been, a
 * line of JSON for each change of state, oldest first.  It outlives restarts of
 * the agent; a full file becomes SERVICE_ID.history.1.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <limits.h>
#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "json.h"

void	journal_path(const struct config *, char path[PATH_MAX]);
/* Appends whole lines, or nothing. */
bool	journal_append(const struct config *, const char *lines,
	    struct error *) CHECKED;
/* Calls each with every line that can be parsed, oldest first, which frees the
 * value.  False: there is no file that we may read. */
bool	journal_read(const struct config *, void (*each)(yajl_val, void *arg),
	    void *arg, struct error *) CHECKED;

#endif

/*
 * runfile.h - allows one agent for each service id on this host, and keeps what
 * the next one must know.  RUN_DIR/SERVICE_ID.run is locked while an agent
 * runs, and names the session and epoch with which the copy was last promoted.
 * Its folder is emptied by a reboot, because a reboot ends the application too.
 * If the file was written on another machine or before the last boot, it is not
 * trusted, nor are the files beside it.
 */
#ifndef RUNFILE_H
#define RUNFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"

struct runfile;

/* Creates the folder if only its last part is missing.  With lock it fails if
 * another agent has the file, and names its pid; without lock it is for a
 * process that acts in place of an agent that hangs. */
bool	runfile_open(struct runfile **, const struct config *, bool lock,
	    struct error *) CHECKED;
/* Reads the file, which may change until the guard is ours. */
void	runfile_load(struct runfile *);
void	runfile_close(struct runfile *);	/* NULL is fine; the file stays */

/* "" and 0 if there is nothing to continue with. */
const char	*runfile_session(const struct runfile *);
uint64_t	 runfile_epoch(const struct runfile *);
bool		 runfile_save(struct runfile *, const char *session,
		    uint64_t epoch, struct error *) CHECKED;

/* A word that is unique to this file: it identifies the running kernel, and the
 * file on it.  A copy of the file has another one. */
void	runfile_mark(const struct config *, char *word, size_t size);

/* RUN_DIR/SERVICE_ID.promote: while it is there the agent takes a free lock
 * even if [election] max_behind, or what the plugin remembers, forbids it; the
 * agent then removes the file. */
void		 runfile_promote_file(const struct config *,
		    char path[PATH_MAX]);
bool		 runfile_promote(const struct config *, struct error *) CHECKED;
bool		 runfile_is_promoted(const struct config *);
bool		 runfile_end_promote(const struct config *);	/* it was there */

/* Does an agent, or a process in its place, hold the lock on the file? */
bool		 runfile_is_held(const struct config *);
/* The living guard that holds RUN_DIR/SERVICE_ID.guard; 0: none. */
pid_t		 runfile_guard(const struct config *);

#endif

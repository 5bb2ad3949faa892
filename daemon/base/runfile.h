/*
 * runfile.h - one agent a service id on this host, and what the next one must
 * know: RUN_DIR/SERVICE_ID.run is locked as long as an agent runs, and names
 * the session and epoch of which the copy was last made master.  It stands in
 * a folder that a reboot empties, because a reboot ends the application too.
 * What was written on another machine or before the last boot is not believed,
 * nor what stands beside it.
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

/* Makes the folder if only its last part is missing.  To lock it fails when
 * another agent has the file, and names its pid; not to lock it is for who acts
 * in place of an agent that stands still. */
bool	runfile_open(struct runfile **, const struct config *, bool lock,
	    struct error *) CHECKED;
/* Reads what it says, which may change until the guard is ours. */
void	runfile_load(struct runfile *);
void	runfile_close(struct runfile *);	/* NULL is fine; the file stays */

/* "" and 0 where there is nothing to go on with. */
const char	*runfile_session(const struct runfile *);
uint64_t	 runfile_epoch(const struct runfile *);
bool		 runfile_save(struct runfile *, const char *session,
		    uint64_t epoch, struct error *) CHECKED;

/* A word that is this file's alone among all that exist: of which running kernel
 * it is, and which file there.  A copy has another one. */
void	runfile_mark(const struct config *, char *word, size_t size);

/* RUN_DIR/SERVICE_ID.promote: while it is there the agent takes a free lock
 * even if [election] max_behind, or what the plugin remembers, is against it;
 * it then removes the file. */
void		 runfile_promote_file(const struct config *,
		    char path[PATH_MAX]);
bool		 runfile_promote(const struct config *, struct error *) CHECKED;
bool		 runfile_is_promoted(const struct config *);
bool		 runfile_end_promote(const struct config *);	/* it was there */

/* An agent, or who acts in its place, has the lock on the file. */
bool		 runfile_is_held(const struct config *);
/* Who has RUN_DIR/SERVICE_ID.guard: a guard that lives; 0: none does. */
pid_t		 runfile_guard(const struct config *);

#endif

/*
 * guard_file.h - RUN_DIR/SERVICE_ID.guard, which one guard hands to the next.
 *
 * Who has locked it is the guard, and writes there what the next one must know:
 * the lease above all.
 */
#ifndef GUARD_FILE_H
#define GUARD_FILE_H

#include <stdbool.h>

#include "error.h"

struct guard;

/* Opens and locks the file.  Asks the guard before to go, blocks while that is
 * at something, and kills one that hangs.  False: the log says why, or else the
 * agent is gone. */
bool	guard_file_take_over(struct guard *) CHECKED;
/* Goes on with what the guard before has saved; with nothing where it can't be
 * read. */
void	guard_file_inherit(struct guard *);
void	guard_file_save(struct guard *);	/* a failure is logged */
/* Ends the process for the one that asks, unless it is at something that must
 * not be cut short. */
void	guard_file_hand_over(struct guard *);

#endif

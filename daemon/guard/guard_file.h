/*
 * guard_file.h - RUN_DIR/SERVICE_ID.guard, which one guard hands to the next.
 *
 * The process that has locked it is the guard, and writes there what the next
 * one must know: the lease above all.
 */
#ifndef GUARD_FILE_H
#define GUARD_FILE_H

#include <stdbool.h>

#include "error.h"

struct guard;

/* Opens and locks the file.  Asks the previous guard to go, blocks while that
 * is busy, and kills one that hangs.  False: the reason is logged, or else the
 * agent is gone. */
bool	guard_file_take_over(struct guard *) CHECKED;
void	guard_file_inherit(struct guard *);	/* see guard_record.h */
void	guard_file_save(struct guard *);	/* a failure is logged */

#endif

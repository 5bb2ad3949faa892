/* guard_loop.h - the guard's start as a process, and its loop. */
#ifndef GUARD_LOOP_H
#define GUARD_LOOP_H

#include <stdbool.h>

#include "error.h"

struct guard;

/* Signals, timer and the process's name.  False: the reason is logged. */
bool	guard_prepare(struct guard *) CHECKED;

/* A turn whenever something is to be read or due, until one ends the
 * process. */
_Noreturn void	guard_run(struct guard *);

#endif

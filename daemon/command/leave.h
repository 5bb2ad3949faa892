/*
 * leave.h - takes a copy out of the service when its agent can't: what the guard
 * runs, once, after it has demoted the copy; and an operator after a mishap.
 */
#ifndef LEAVE_H
#define LEAVE_H

#include <stdbool.h>

#include "config.h"
#include "error.h"

enum leave_as {
	LEAVE_RELEASED,	/* no copy is a master: the next one need not wait */
	LEAVE_DROPPED,	/* this copy is none, but another one may be */
	LEAVE_UNFENCED,	/* this copy may be one: keep the lock, warn people */
};

/* Blocks until Consul has answered all of it, or has not.  Logs what it did,
 * and what it could not do.  Only the lock of this session is released; "": of
 * the one that the run file names. */
bool	leave_run(const struct config *, enum leave_as, bool for_the_guard,
	    const char *session) CHECKED;

/* False while a guard is at work on this copy. */
bool	leave_may(const struct config *, struct error *) CHECKED;

#endif

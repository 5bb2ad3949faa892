/* lock_stranger.h - a holder of the lock that is not a copy of the service. */
#ifndef LOCK_STRANGER_H
#define LOCK_STRANGER_H

#include "consul.h"

#define LOCK_STRANGER	512

/* The lock's holder, and how to end that, for people. */
void	lock_stranger_name(char text[LOCK_STRANGER],
	    const struct consul_session *);

#endif

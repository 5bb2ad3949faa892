/* lock_stranger.c - a holder of the lock that is not a copy of the service. */

#include "lock_stranger.h"

#include <stdio.h>

void
lock_stranger_name(char text[LOCK_STRANGER], const struct consul_session *s)
{
	snprintf(text, LOCK_STRANGER, "the session \"%.100s\" of the node %.100s "
	    "holds the lock, but belongs to no copy of this service: there can "
	    "be no master. If it is not needed, end it on that node: curl -X PUT "
	    "http://127.0.0.1:8500/v1/session/destroy/%s", s->name, s->node,
	    s->id);
}

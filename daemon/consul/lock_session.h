/* lock_session.h - our session in Consul, made and renewed while wanted. */
#ifndef LOCK_SESSION_H
#define LOCK_SESSION_H

#include "lock_private.h"

/* Makes its timers. */
void	lock_session_init(struct lock *, struct event_base *);
/* Makes one where it is wanted, may be had, and there is none. */
void	lock_session_open(struct lock *);
/* Destroys it, where there is one. */
void	lock_session_drop(struct lock *);

#endif

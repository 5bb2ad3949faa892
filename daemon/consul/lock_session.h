/* lock_session.h - our session in Consul, created and renewed while it is
 * wanted. */
#ifndef LOCK_SESSION_H
#define LOCK_SESSION_H

#include "lock_private.h"

/* Creates its timers. */
void	lock_session_init(struct lock *, struct event_base *);
/* Creates one if it is wanted and allowed, and there is none. */
void	lock_session_open(struct lock *);
/* Destroys it, if there is one. */
void	lock_session_drop(struct lock *);

#endif

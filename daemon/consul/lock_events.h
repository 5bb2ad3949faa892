/* lock_events.h - what lock.h reports to its user. */
#ifndef LOCK_EVENTS_H
#define LOCK_EVENTS_H

#include <stdbool.h>

#include "core.h"

/* All run from the loop; their arguments are borrowed.  A text is the reason,
 * for people. */
struct lock_events {
	/* A read of the key, or our own acquire, showed this. */
	void	(*seen)(const struct core_lock *, void *arg);
	/* usual: it is held, or delayed; else an operator must act. */
	void	(*refused)(bool usual, const char *text, void *arg);
	/* yes: there is a session now, text is its id; no: we have lost it. */
	void	(*session)(bool yes, const char *text, void *arg);
	void	(*released)(bool yes, const char *text, void *arg);
	/* The current problem with reading the key, with taking or releasing
	 * the lock, with the session; "" when it has ended. */
	void	(*key_trouble)(const char *text, void *arg);
	void	(*write_trouble)(const char *text, void *arg);
	void	(*session_trouble)(const char *text, void *arg);
};

#endif

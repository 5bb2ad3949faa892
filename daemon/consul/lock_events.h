/* lock_events.h - what is found out about the lock, for its user. */
#ifndef LOCK_EVENTS_H
#define LOCK_EVENTS_H

#include <stdbool.h>

#include "core.h"

/* All run from the loop; what they are given is borrowed.  A text is the
 * reason, for people. */
struct lock_events {
	/* A read of the key, or our own acquire, showed this. */
	void	(*seen)(const struct core_lock *, void *arg);
	/* usual: it is held, or delayed; else somebody has to see to it. */
	void	(*refused)(bool usual, const char *text, void *arg);
	/* yes: there is a session now, text is its id; no: it is gone, not by
	 * our will. */
	void	(*session)(bool yes, const char *text, void *arg);
	void	(*released)(bool yes, const char *text, void *arg);
	/* What goes wrong now with reading the key, with taking or giving it
	 * back, with the session; "" when it ended. */
	void	(*key_trouble)(const char *text, void *arg);
	void	(*write_trouble)(const char *text, void *arg);
	void	(*session_trouble)(const char *text, void *arg);
};

#endif

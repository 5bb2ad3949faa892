/*
 * history.h - writes a change of master into Consul, for people: after the new
 * master serves, once, and as long as it is the master.
 *
 * Nothing waits for it, and what fails is tried again with growing pauses.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "history_value.h"

struct history;

/* Borrows all.  trouble gets the current problem, "" when it has ended. */
struct history	*history_new(struct event_base *, struct consul *,
		    const struct config *,
		    void (*trouble)(const char *text, void *arg), void *arg);
void		 history_free(struct history *);	/* NULL is fine */

/* We have become the master; copies all. */
void		 history_write(struct history *,
		    const struct history_change *);
/* We are not the master any more: what is not written yet never will be. */
void		 history_end(struct history *);

#endif

/*
 * namesake.h - the same service in another case.  To Consul's catalogue, and so
 * to DNS, orders and Orders are one service; but its keys know case, so these
 * are two locks, which two nodes can hold at the same time.
 *
 * Agents of ours don't register beside such a service (registration_round.c),
 * and don't take a lock while there is one.  Other programs do not check, so a
 * master holds the other lock, too, while it is the master: it bars the other
 * name.  If it can't, it must stop.
 */
#ifndef NAMESAKE_H
#define NAMESAKE_H

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct namesake_events {
	/* Another name has appeared, or has gone: then text is "". */
	void	(*found)(const char *text, void *arg);
	/* We are the master, and another node holds the other lock, or held it
	 * a moment ago. */
	void	(*not_barred)(const char *text, void *arg);
};

struct namesake;

struct namesake	*namesake_new(struct event_base *, struct consul *,
		    const struct config *, const struct namesake_events *,
		    void *arg);
void		 namesake_free(struct namesake *);	/* NULL is fine */

/* The reason why our lock must not be taken; "" for none. */
const char	*namesake_text(const struct namesake *);
/* Sets the session while we are a master; "" if we are not.  Node is ours.
 * Only if the copy is known to be demoted is the other lock free at once. */
void		 namesake_bar(struct namesake *, const char *session,
		    const char *node, bool demoted);

/* The first instance with our name in another case; NULL: none. */
const struct consul_instance	*namesake_find(const struct config *,
				    const struct consul_reply *);

#endif

/*
 * namesake.h - the same service in another case.  To Consul's catalogue, and so
 * to DNS, orders and Orders are one service; but its keys know case, so these
 * are two locks, which two nodes can have at a time.
 *
 * Agents of ours don't register beside such a service (registration_round.c),
 * and don't take a lock while there is one.  For another program, which does not
 * look, a master takes the other lock, too, for as long as it is master: it bars
 * it.  Where it can't, it must stop.
 */
#ifndef NAMESAKE_H
#define NAMESAKE_H

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct namesake_events {
	/* Another name is there, or none is any more: text is then "". */
	void	(*found)(const char *text, void *arg);
	/* We are master, and somebody has the other lock, or had it just now. */
	void	(*not_barred)(const char *text, void *arg);
};

struct namesake;

struct namesake	*namesake_new(struct event_base *, struct consul *,
		    const struct config *, const struct namesake_events *,
		    void *arg);
void		 namesake_free(struct namesake *);	/* NULL is fine */

/* What stands in the way of taking our lock; "" for nothing. */
const char	*namesake_text(const struct namesake *);
/* While the session is a master's; "" where we are none.  Node: who we are.  Only
 * if it is known that the copy is demoted may the other lock be had at once. */
void		 namesake_bar(struct namesake *, const char *session,
		    const char *node, bool demoted);

/* The first of these instances that has our name in another case; NULL: none. */
const struct consul_instance	*namesake_find(const struct config *,
				    const struct consul_reply *);

#endif

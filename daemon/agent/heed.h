/*
 * heed.h - which copies Consul hands out.  Its DNS leaves out a copy if any
 * check of its node or service is critical, and `consul maint` makes such a
 * check; ours is only one of them.  [service] heed_checks selects which checks
 * count: all, those of maintenance mode, or none.  A check is ignored if it has
 * been critical for less than 5 s and is not maintenance mode, or if it is our
 * own node's serfHealth.
 */
#ifndef HEED_H
#define HEED_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct heed_events {
	void	(*changed)(void *arg);
	/* May it take the lock, according to the records?  A copy with
	 * never_master has no record. */
	bool	(*stands)(const char *node, const char *service_id, void *arg);
};

struct heed;

/* Borrows all. */
struct heed	*heed_new(struct event_base *, struct consul *,
		    const struct config *, const struct heed_events *,
		    void *arg);
void		 heed_free(struct heed *);		/* NULL is fine */
/* Our node; also call it whenever the config may have changed. */
void		 heed_identify(struct heed *, const char *node);

/* Checks again which copies may take the lock, if that matters. */
void		 heed_look(struct heed *);

/* The check that keeps Consul from handing us out; "" if there is none, or
 * nothing is known. */
const char	*heed_check(const struct heed *);
/* A slave that Consul hands out; "" for none. */
const char	*heed_other(const struct heed *);
/* Both are true: the other copy should be the master. */
bool		 heed_yields(const struct heed *);

#endif

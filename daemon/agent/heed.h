/*
 * heed.h - whom Consul hands out: its DNS leaves out a copy of which any check
 * is critical, of its node, say, or as `consul maint` makes one; ours is one of
 * them only.  By [service] heed_checks all of them count, those of maintenance
 * mode, or none.  Nothing comes of one that is critical for 5 s at most, if it is
 * not maintenance mode, nor of our own node's serfHealth.
 */
#ifndef HEED_H
#define HEED_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct heed_events {
	void	(*changed)(void *arg);
	/* May it take the lock, as far as the records tell?  One that is never
	 * a master has none. */
	bool	(*stands)(const char *node, const char *service_id, void *arg);
};

struct heed;

/* Borrows all. */
struct heed	*heed_new(struct event_base *, struct consul *,
		    const struct config *, const struct heed_events *,
		    void *arg);
void		 heed_free(struct heed *);		/* NULL is fine */
/* Who we are; and whenever the config may have changed. */
void		 heed_identify(struct heed *, const char *node);

/* Looks once more who may take the lock, where that matters. */
void		 heed_look(struct heed *);

/* The check that keeps Consul from handing us out; "" where it does, or where
 * nothing is known. */
const char	*heed_check(const struct heed *);
/* A slave that Consul does hand out; "" for none. */
const char	*heed_other(const struct heed *);
/* Both: the other one shall be the master. */
bool		 heed_yields(const struct heed *);

#endif

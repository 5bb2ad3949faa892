/* registration_watch.h - hears when Consul has our service otherwise. */
#ifndef REGISTRATION_WATCH_H
#define REGISTRATION_WATCH_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct registration_watch {
	struct consul		*consul;
	const struct config	*config;
	/* What own_service shows now, or that it is CONSUL_GONE. */
	void			(*changed)(const struct consul_reply *,
				    void *arg);
	void			*arg;
	bool			 over;		/* what comes is not heard */
	char			 hash[32];	/* as seen last */
	struct consul_request	*request;
	struct event		*timer;
};

/* Of one that is all 0; borrows all. */
void	registration_watch_init(struct registration_watch *,
	    struct event_base *, struct consul *, const struct config *,
	    void (*changed)(const struct consul_reply *, void *arg), void *arg);
void	registration_watch_free(struct registration_watch *);
/* From when we are registered; if it has begun that is fine. */
void	registration_watch_start(struct registration_watch *);
void	registration_watch_stop(struct registration_watch *);

#endif

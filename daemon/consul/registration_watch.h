/* registration_watch.h - notices changes of our service in Consul. */
#ifndef REGISTRATION_WATCH_H
#define REGISTRATION_WATCH_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"

struct registration_watch {
	struct consul		*consul;
	const struct config	*config;
	/* The new own_service, or CONSUL_GONE. */
	void			(*changed)(const struct consul_reply *,
				    void *arg);
	void			*arg;
	bool			 over;		/* ignore answers */
	char			 hash[32];	/* of the last answer */
	struct consul_request	*request;
	struct event		*timer;
};

/* The watch is all 0 before; borrows all. */
void	registration_watch_init(struct registration_watch *,
	    struct event_base *, struct consul *, const struct config *,
	    void (*changed)(const struct consul_reply *, void *arg), void *arg);
void	registration_watch_free(struct registration_watch *);
/* Call it when we are registered; does nothing if it has begun. */
void	registration_watch_start(struct registration_watch *);
void	registration_watch_stop(struct registration_watch *);

#endif

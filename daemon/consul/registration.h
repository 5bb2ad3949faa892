/*
 * registration.h - our service, its check and its tags in the local Consul
 * agent.  Watches whether they are still there, looks every REGISTRATION_INTERVAL
 * at all of it, and puts them back when somebody, or a restart of the Consul
 * agent, lost them; but not over another agent that lives (stranger.h).
 */
#ifndef REGISTRATION_H
#define REGISTRATION_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "registration_address.h"

#define REGISTRATION_INTERVAL	30000	/* ms; what ends our session makes us
					 * look at once */

struct registration_events {
	/* We are registered; node and address (of the service) as Consul
	 * knows them.  Runs again when we had to be registered anew. */
	void	(*registered)(const char *node, const char *address, void *arg);
	/* Another agent's registration stands in the place of ours: no session
	 * may be had, or ended, until registered runs again. */
	void	(*barred)(void *arg);
	/* He lives, so one must go: text is who he is, and who we are. */
	void	(*taken)(const char *text, void *arg);
	/* What goes wrong now; "" when it has ended. */
	void	(*trouble)(const char *text, void *arg);
};

struct registration;

#define REGISTRATION_FILTERED	"Consul hides nodes of this service from our token, " \
	"so that we can't tell whether we are alone: give it node_prefix \"\" { " \
	"policy = \"read\" } and service:read, as conf/acl-policy.hcl does"

/* Borrows all.  api_port is where our /health answers. */
struct registration	*registration_new(struct event_base *, struct consul *,
			    const struct config *, int api_port,
			    const struct registration_events *, void *arg);
void			 registration_free(struct registration *);

/* The plugin's verdict.  The first one registers us; passing, so Consul need
 * not poll before it believes in us.  Later ones only say how we are when
 * something else has to be written, or when Consul loses us.  Copies text. */
void			 registration_set_health(struct registration *,
			    bool passing, const char *text);
/* What people must know of this copy, "" for nothing.  A literal. */
void			 registration_set_warning(struct registration *,
			    const char *text);
/* What they may want to know; copies text. */
void			 registration_set_notice(struct registration *,
			    const char *text);
/* The role's tag, "" for none. */
void			 registration_set_tag(struct registration *,
			    const char *tag);
/* Something was odd: look now. */
void			 registration_look(struct registration *);
/* Deregisters, and says when that is over, and whether it went well. */
void			 registration_leave(struct registration *,
			    void (*done)(bool ok, void *arg), void *arg);

#endif

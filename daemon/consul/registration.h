/*
 * registration.h - our service, its check and its tags in the local Consul
 * agent.  Watches that they are still there, checks everything every
 * REGISTRATION_INTERVAL_MS, and registers again if something else, or a restart
 * of the Consul agent, has removed them; but never replaces another living
 * agent's (stranger.h).
 */
#ifndef REGISTRATION_H
#define REGISTRATION_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "registration_address.h"
#include "registration_events.h"

struct registration;

/* Borrows all.  api_port is where our /health answers. */
struct registration	*registration_new(struct event_base *, struct consul *,
			    const struct config *, int api_port,
			    const struct registration_events *, void *arg);
void			 registration_free(struct registration *);

/* The plugin's verdict.  The first one registers us; as passing, so that Consul
 * need not poll first.  Later ones are written only with another change, or
 * when Consul has lost us.  Copies text. */
void			 registration_set_health(struct registration *,
			    bool passing, const char *text);
/* A warning about this copy for people, "" for none.  A literal. */
void			 registration_set_warning(struct registration *,
			    const char *text);
/* A notice for people; copies text. */
void			 registration_set_notice(struct registration *,
			    const char *text);
/* The role's tag, "" for none. */
void			 registration_set_tag(struct registration *,
			    const char *tag);
/* Something may be wrong: check now. */
void			 registration_look(struct registration *);
/* Calls done once Consul has the latest settings; never, if Consul does not
 * answer. */
void			 registration_rest(struct registration *,
			    void (*done)(void *arg), void *arg);
/* Deregisters; done gets whether that succeeded. */
void			 registration_leave(struct registration *,
			    void (*done)(bool ok, void *arg), void *arg);

#endif

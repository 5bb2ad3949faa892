/*
 * registration.h - our service, its check and its tags in the local Consul
 * agent.  Watches whether they are still there, looks at all of it every
 * REGISTRATION_INTERVAL_MS, and puts them back when somebody, or a restart of
 * the Consul agent, lost them; but not over another agent that lives
 * (stranger.h).
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
/* Calls done once Consul has what was set last; never, if Consul does not answer. */
void			 registration_rest(struct registration *,
			    void (*done)(void *arg), void *arg);
/* Deregisters, and says when that is over, and whether it went well. */
void			 registration_leave(struct registration *,
			    void (*done)(bool ok, void *arg), void *arg);

#endif

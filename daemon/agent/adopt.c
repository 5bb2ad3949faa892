/* adopt.c - which node owns the session in the run file? */

#include "adopt.h"

#include <string.h>
#include <strings.h>

#include <event2/event.h>

#include "consul.h"
#include "must.h"
#include "timer.h"
#include "value.h"

#define RETRY	100	/* ms */

/* our node (of our check) -> the session's node */
struct adopt {
	const struct config	*config;
	const char		*session;
	struct event_base	*base;
	struct consul		*consul;
	struct event		*again;
	char			 node[CONSUL_NAME_MAX];
	bool			 yes;
	struct error		*why;
};

static void
adopt_end(struct adopt *a)
{
	event_base_loopbreak(a->base);
}

static void
adopt_later(struct adopt *a, const char *text)
{
	struct timeval	tv = { 0, RETRY * 1000 };

	error_set(a->why, "Consul did not report within %s which node it "
	    "belongs to: %.300s",
	    value_duration_text(a->config->request_timeout).text, text);
	event_add(a->again, &tv);
}

static void
adopt_seen(const struct consul_reply *r, void *arg)
{
	struct adopt	*a = arg;

	if (r->outcome != CONSUL_OK) {
		adopt_later(a, r->text);
		return;
	}
	if (r->session_count == 0)
		error_set(a->why, "it has ended, or our token may not read it");
	else if (strcasecmp(r->sessions[0].node, a->node) != 0)
		error_set(a->why, "it belongs to node \"%s\", but this is %s: "
		    "was the run file copied? Each node needs its own run_dir",
		    r->sessions[0].node, a->node[0] != '\0' ? a->node :
		    "another one (the local Consul agent does not know our "
		    "service)");
	else
		a->yes = true;
	adopt_end(a);
}

static void
adopt_checked(const struct consul_reply *r, void *arg)
{
	struct adopt	*a = arg;

	/* Where our check is gone the session can't be ours any more. */
	if (r->outcome != CONSUL_OK && r->outcome != CONSUL_GONE) {
		adopt_later(a, r->text);
		return;
	}
	snprintf(a->node, sizeof a->node, "%s", r->node);
	consul_session_info(a->consul, a->session, a->config->service_id,
	    adopt_seen, a);
}

static void
adopt_ask(evutil_socket_t fd, short what, void *arg)
{
	struct adopt	*a = arg;

	(void)fd;
	(void)what;
	consul_own_check(a->consul, a->config->service_id, adopt_checked, a);
}

bool
adopt_may(const struct config *c, const char *session, struct error *why)
{
	struct adopt	a = { .config = c, .session = session, .why = why };
	struct timeval	limit = { c->request_timeout / 1000,
			    c->request_timeout % 1000 * 1000 };

	a.base = must(event_base_new());
	if (consul_new(&a.consul, a.base, c, why)) {
		a.again = timer_new(a.base, adopt_ask, &a);
		adopt_later(&a, "no answer");
		event_active(a.again, 0, 0);
		event_base_loopexit(a.base, &limit);
		event_base_dispatch(a.base);
		event_free(a.again);
	}
	consul_free(a.consul);
	event_base_free(a.base);
	return a.yes;
}

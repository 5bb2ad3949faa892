/* names.c - names in Consul, for completion in a shell. */
#include "names.h"

#include <event2/event.h>

#include "consul.h"
#include "must.h"
#include "services.h"

#define NAMES_LIMIT	1	/* s: somebody waits at a prompt */

struct names {
	struct event_base	*base;
	struct services		 services;
	names_cb		 each;
	void			*arg;
};

static void
names_saw_services(const struct consul_reply *failed, void *arg)
{
	struct names	*n = arg;
	size_t		 i;

	for (i = 0; failed == NULL && i < n->services.count; i++)
		n->each(n->services.names[i], n->arg);
	event_base_loopbreak(n->base);
}

static void
names_saw_nodes(const struct consul_reply *r, void *arg)
{
	struct names	*n = arg;
	size_t		 i;

	for (i = 0; r->outcome == CONSUL_OK && i < r->instance_count; i++)
		n->each(r->instances[i].node, n->arg);
	event_base_loopbreak(n->base);
}

void
names_find(const struct config *c, names_cb each, void *arg)
{
	struct names	 n = { .base = must(event_base_new()), .each = each,
			    .arg = arg };
	struct timeval	 limit = { NAMES_LIMIT, 0 };
	struct consul	*consul;
	struct error	 err;

	event_base_loopexit(n.base, &limit);
	if (consul_new(&consul, n.base, c, &err)) {
		if (c->service_name[0] == '\0')
			services_find(&n.services, consul, names_saw_services,
			    &n);
		else
			consul_instances(consul, c->service_name,
			    names_saw_nodes, &n);
		event_base_dispatch(n.base);
	}
	services_forget(&n.services);
	consul_free(consul);
	event_base_free(n.base);
}

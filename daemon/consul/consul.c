/* consul.c - the client of Consul's HTTP API. */
#include "consul.h"

#include <stdlib.h>

#include "consul_request.h"
#include "must.h"

bool
consul_new(struct consul **out, struct event_base *base,
    const struct config *config, struct error *err)
{
	struct consul	*c = must_zeroed(1, sizeof *c);

	LIST_INIT(&c->requests);
	c->base = base;
	c->config = config;
	c->answered_at_ms = -1;
	if (!http_new(&c->http, base, config, err)) {
		free(c);
		c = NULL;
	}
	*out = c;
	return c != NULL;
}

bool
consul_reload(struct consul *c, struct error *err)
{
	struct http	*h;
	size_t		 i;

	consul_request_forget_old(c);
	for (i = 0; i < CONSUL_OLD_MAX; i++)
		if (c->old[i] == NULL)
			break;
	if (i == CONSUL_OLD_MAX)
		return error_set(err, "too many reloads one after the other: "
		    "try again in a minute");
	if (!http_new(&h, c->base, c->config, err))
		return false;
	c->old[i] = c->http;
	c->http = h;
	return true;
}

void
consul_free(struct consul *c)
{
	size_t	 i;

	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->requests))
		consul_cancel(LIST_FIRST(&c->requests));
	for (i = 0; i < CONSUL_OLD_MAX; i++)
		http_free(c->old[i]);
	http_free(c->http);
	free(c);
}

void
consul_cancel(struct consul_request *r)
{
	if (r == NULL || r->running)
		return;
	LIST_REMOVE(r, entry);
	http_cancel(r->http);
	consul_request_free(r);
}

const char *
consul_address(const struct consul *c)
{
	return http_address(c->http);
}

void
consul_count(const struct consul *c, uint64_t *asked, uint64_t *failed)
{
	*asked = c->asked;
	*failed = c->failed;
}

int64_t
consul_answered_at_ms(const struct consul *c)
{
	return c->answered_at_ms;
}

uint64_t
consul_silences(const struct consul *c)
{
	return c->silences;
}

/* heed.c - which copies Consul hands out. */

#include "heed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "registration_role.h"
#include "timer.h"
#include "value.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	250	/* ms between two: checks may chatter */
#define RETRY_PAUSE	2000	/* ms after a failure */
#define SETTLE		5000	/* ms that a check must be critical: it may flap */

struct heed {
	struct consul			*consul;
	const struct config		*config;
	const struct heed_events	*events;
	void				*arg;

	uint64_t			 index;
	struct consul_request		*watch;
	struct event			*timer;
	char				 node[CONSUL_NAME_MAX];	/* "": not yet */
	struct event			*settle;
	/* As seen last, and as told. */
	char				 seen[CONSUL_NAME_MAX];
	char				 seen_other[CONSUL_NAME_MAX];
	char				 check[CONSUL_NAME_MAX];
	char				 other[CONSUL_NAME_MAX];
};

static const char *
heed_unfit(const struct heed *h, const struct consul_instance *in)
{
	if (in->maintenance[0] != '\0' && h->config->heed != VALUE_HEED_NONE)
		return in->maintenance;
	return h->config->heed == VALUE_HEED_ALL ? in->critical : "";
}

static void
heed_tell(struct heed *h)
{
	if (strcmp(h->seen, h->check) == 0 &&
	    strcmp(h->seen_other, h->other) == 0)
		return;
	memcpy(h->check, h->seen, sizeof h->check);
	memcpy(h->other, h->seen_other, sizeof h->other);
	h->events->changed(h->arg);
}

static void
heed_settled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	heed_tell(arg);
}

static void
heed_learn(struct heed *h, const struct consul_instance *list, size_t count)
{
	const char	*check = "", *other = "";
	bool		 by_hand = false;
	size_t		 i;

	for (i = 0; i < count; i++) {
		const struct consul_instance	*in = &list[i];

		if (strcasecmp(in->node, h->node) == 0 &&
		    strcasecmp(in->service_id, h->config->service_id) == 0) {
			check = heed_unfit(h, in);
			by_hand = in->maintenance[0] != '\0';
		} else if (heed_unfit(h, in)[0] == '\0' &&
		    strcmp(in->status, "critical") != 0 &&
		    strcmp(registration_role(in->tags), "slave") == 0 &&
		    h->events->stands(in->node, in->service_id, h->arg))
			other = in->node;
	}
	snprintf(h->seen, sizeof h->seen, "%s", check);
	snprintf(h->seen_other, sizeof h->seen_other, "%s", other);
	if (check[0] == '\0' || h->check[0] != '\0' || by_hand) {
		event_del(h->settle);
		heed_tell(h);
	} else if (!event_pending(h->settle, EV_TIMEOUT, NULL))
		timer_in(h->settle, SETTLE);
}

void
heed_look(struct heed *h)
{
	if (h->seen[0] == '\0')
		return;
	consul_cancel(h->watch);
	h->watch = NULL;
	h->index = 0;
	timer_in(h->timer, WATCH_PAUSE);
}

static void
heed_watched(const struct consul_reply *r, void *arg)
{
	struct heed	*h = arg;
	bool		 known = r->outcome == CONSUL_OK && r->index >= h->index;

	h->watch = NULL;
	h->index = known ? r->index : 0;
	timer_in(h->timer, known ? WATCH_PAUSE : RETRY_PAUSE);
	/* What does not answer shall not move a master. */
	if (r->outcome == CONSUL_OK)
		heed_learn(h, r->instances, r->instance_count);
}

static void
heed_timer(evutil_socket_t fd, short what, void *arg)
{
	struct heed	*h = arg;

	(void)fd;
	(void)what;
	if (h->config->heed == VALUE_HEED_NONE)
		heed_learn(h, NULL, 0);
	else if (h->node[0] != '\0' && h->watch == NULL)
		h->watch = consul_watch_health(h->consul,
		    h->config->service_name, h->index, WATCH_WAIT,
		    heed_watched, h);
}

void
heed_identify(struct heed *h, const char *node)
{
	snprintf(h->node, sizeof h->node, "%s", node);
	consul_cancel(h->watch);
	h->watch = NULL;
	h->index = 0;
	timer_in(h->timer, 0);
}

const char *
heed_check(const struct heed *h)
{
	return h->check;
}

const char *
heed_other(const struct heed *h)
{
	return h->other;
}

bool
heed_yields(const struct heed *h)
{
	return h->check[0] != '\0' && h->other[0] != '\0';
}

struct heed *
heed_new(struct event_base *base, struct consul *consul,
    const struct config *config, const struct heed_events *events, void *arg)
{
	struct heed	*h = must_zeroed(1, sizeof *h);

	h->consul = consul;
	h->config = config;
	h->events = events;
	h->arg = arg;
	h->timer = timer_new(base, heed_timer, h);
	h->settle = timer_new(base, heed_settled, h);
	return h;
}

void
heed_free(struct heed *h)
{
	if (h == NULL)
		return;
	consul_cancel(h->watch);
	event_free(h->timer);
	event_free(h->settle);
	free(h);
}

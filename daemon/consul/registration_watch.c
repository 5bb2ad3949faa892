/* registration_watch.c - notices changes of our service in Consul. */
#include "registration_watch.h"

#include <stdio.h>
#include <string.h>

#include "timer.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	100	/* ms between two of them */
#define WATCH_RETRY	2000	/* ms after a failure */

static void
registration_watch_answered(const struct consul_reply *reply, void *arg)
{
	struct registration_watch	*w = arg;
	bool				 same;

	w->request = NULL;
	if (w->over)
		return;
	if (reply->outcome != CONSUL_OK) {
		w->hash[0] = '\0';
		timer_in(w->timer, WATCH_RETRY);
		if (reply->outcome == CONSUL_GONE)
			w->changed(reply, w->arg);
		return;
	}
	same = strcmp(w->hash, reply->hash) == 0;
	snprintf(w->hash, sizeof w->hash, "%s", reply->hash);
	timer_in(w->timer, WATCH_PAUSE);
	if (!same)
		w->changed(reply, w->arg);
}

void
registration_watch_start(struct registration_watch *w)
{
	if (w->request == NULL && !event_pending(w->timer, EV_TIMEOUT, NULL))
		w->request = consul_watch_own_service(w->consul,
		    w->config->service_id, w->hash, WATCH_WAIT,
		    registration_watch_answered, w);
}

static void
registration_watch_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	registration_watch_start(arg);
}

void
registration_watch_stop(struct registration_watch *w)
{
	consul_cancel(w->request);
	w->request = NULL;
	event_del(w->timer);
}

void
registration_watch_init(struct registration_watch *w, struct event_base *base,
    struct consul *consul, const struct config *config,
    void (*changed)(const struct consul_reply *, void *), void *arg)
{
	w->consul = consul;
	w->config = config;
	w->changed = changed;
	w->arg = arg;
	w->timer = timer_new(base, registration_watch_timer, w);
}

void
registration_watch_free(struct registration_watch *w)
{
	consul_cancel(w->request);
	event_free(w->timer);
}

/* registration.c - our service, its check and its tags in Consul. */

#include "registration.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "must.h"
#include "registration_round.h"
#include "stranger.h"
#include "timer.h"

/* A new master goes first: what we write would keep Consul's log from it. */
#define GIVE_WAY	30	/* ms */

/* What was overwritten is a lie to all who look for the master. */
static void
registration_changed(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;
	bool			 same_check;

	if (reply->outcome == CONSUL_GONE ||
	    !registration_entry_is_right(&r->entry, reply, &same_check))
		registration_look(r);
}

static void
registration_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	registration_round_next(arg);
}

void
registration_look(struct registration *r)
{
	if (!r->started)
		return;
	if (r->request != NULL)
		r->dirty = true;
	else
		registration_round_next(r);
}

void
registration_set_health(struct registration *r, bool passing, const char *text)
{
	registration_entry_set_health(&r->entry, passing, text);
	if (r->started && (r->request != NULL ||
	    !registration_entry_has_news(&r->entry)))
		return;
	r->started = true;
	registration_look(r);
}

void
registration_set_tag(struct registration *r, const char *tag)
{
	bool	was_master = strcmp(r->entry.role, "master") == 0;

	if (strcmp(r->entry.role, tag) == 0)
		return;
	registration_entry_set_role(&r->entry, tag);
	if (was_master && r->started && r->request == NULL)
		timer_in(r->timer, GIVE_WAY);
	else
		registration_look(r);
}

void
registration_set_warning(struct registration *r, const char *text)
{
	if (strcmp(r->entry.warning, text) == 0)
		return;
	r->entry.warning = text;
	registration_look(r);
}

void
registration_set_notice(struct registration *r, const char *text)
{
	registration_entry_set_notice(&r->entry, text);
	registration_look(r);
}

void
registration_rest(struct registration *r, void (*done)(void *), void *arg)
{
	r->rests = done;
	r->rests_arg = arg;
	if (r->started)
		registration_look(r);
	else
		done(arg);
}

void
registration_leave(struct registration *r, void (*done)(bool, void *),
    void *arg)
{
	r->left = done;
	r->left_arg = arg;
	r->watch.over = true;
	if (!r->started) {
		done(true, arg);
		return;
	}
	/* A registration that is under way must not come after it. */
	r->dirty = true;
	if (r->request == NULL)
		registration_round_next(r);
}

struct registration *
registration_new(struct event_base *base, struct consul *consul,
    const struct config *config, int api_port,
    const struct registration_events *events, void *arg)
{
	struct registration	*r = must_zeroed(1, sizeof *r);

	r->consul = consul;
	r->config = config;
	r->events = events;
	r->arg = arg;
	registration_url(config, api_port, r->check_url);
	stranger_make_mark(config, r->mark);
	registration_entry_init(&r->entry, consul, config, r->check_url,
	    r->mark);
	r->timer = timer_new(base, registration_timer, r);
	registration_watch_init(&r->watch, base, consul, config,
	    registration_changed, r);
	return r;
}

void
registration_free(struct registration *r)
{
	if (r == NULL)
		return;
	consul_cancel(r->request);
	deregistration_cancel(&r->deregistration);
	registration_watch_free(&r->watch);
	event_free(r->timer);
	free(r);
}

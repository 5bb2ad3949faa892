/*
 * lock_session.c - our session in Consul, created and renewed while it is
 * wanted.
 */

#include "lock_session.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lock_read.h"
#include "lock_retry.h"
#include "text.h"
#include "timer.h"
#include "value.h"

/* Whoever takes the lock that we have given back goes first: what we clear away
 * would keep Consul's log from it. */
#define GIVE_WAY	50	/* ms */
#define QUIET_FAILURES	3

/*
 * The session:  which ones are there already -> create -> is it as ordered?
 * -> renew, renew …
 */

static void
lock_session_failed(struct lock *l, const char *text)
{
	/* Consul needs a moment to notice that our check passes: no news. */
	if (l->session_failures >= QUIET_FAILURES)
		l->events->session_trouble(text, l->arg);
	timer_in(l->session_timer, lock_retry_pause_ms(l->session_failures++));
}

static void
lock_session_lost(struct lock *l, const char *text)
{
	text_copy(l->session, sizeof l->session, "");
	l->held = false;
	l->events->session(false, text, l->arg);
	lock_read_look(l);
	lock_session_open(l);
}

static void
lock_renewed(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->session_request = NULL;
	if (r->outcome == CONSUL_OK) {
		l->session_failures = 0;
		l->events->session_trouble("", l->arg);
		timer_in(l->session_timer, l->renew_every_ms);
	} else if (r->outcome == CONSUL_GONE)
		lock_session_lost(l, r->text);
	else
		lock_session_failed(l, r->text);
}

static void
lock_forget_it(const struct consul_reply *r, void *arg)
{
	(void)r;
	(void)arg;
}

static void
lock_session_unfit(struct lock *l, bool exists)
{
	const char	*text = exists ?
	    "its TTL, lock-delay or checks are not as configured" :
	    "it does not exist any more, or our token may not read it";

	if (exists)
		consul_session_destroy(l->consul, l->session, lock_forget_it,
		    NULL);
	text_copy(l->session, sizeof l->session, "");
	l->held = false;
	lock_session_failed(l, text);
	l->events->session(false, text, l->arg);
	lock_read_look(l);
}

static void
lock_session_seen(const struct consul_reply *r, void *arg)
{
	struct lock			*l = arg;
	const struct consul_session	*s = r->sessions;
	int64_t				 ttl;

	l->session_request = NULL;
	if (r->outcome != CONSUL_OK) {
		lock_session_failed(l, r->text);
		return;
	}
	/* An adopted session may be of another config: it will do if its
	 * lock-delay is long enough for ours. */
	if (r->session_count == 0 || !s->service ||
	    s->lock_delay_ms < l->config->lock_delay ||
	    !value_duration(s->ttl, &ttl)) {
		lock_session_unfit(l, r->session_count > 0);
		return;
	}
	l->session_failures = 0;
	l->renew_every_ms = ttl / 2;
	l->events->session_trouble("", l->arg);
	l->events->session(true, l->session, l->arg);
	/* At once: an adopted one may be near the end of its TTL, and an agent
	 * that crashes again and again would never come to renew it. */
	timer_in(l->session_timer, 0);
}

static void
lock_session_created(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	char		 text[1024];

	l->session_request = NULL;
	if (r->outcome != CONSUL_OK) {
		snprintf(text, sizeof text, r->outcome != CONSUL_REFUSED ?
		    "%s" : strstr(r->text, "serfHealth") != NULL ?
		    "waiting until Consul's check serfHealth of this node "
		    "passes (see \"consul members\"; [lock] bind_node = no does "
		    "without it): %s" :
		    "waiting until Consul's check of our /health passes: %s",
		    r->text);
		lock_session_failed(l, text);
		return;
	}
	text_copy(l->session, sizeof l->session, r->id);
	l->session_request = consul_session_info(l->consul, l->session,
	    l->config->service_id, lock_session_seen, l);
}

/* Sessions of our own name and check on our own node that are not ours are of
 * an earlier run, or of a create whose answer never came. */
static void
lock_sessions_listed(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	size_t		 i;

	l->session_request = NULL;
	if (r->outcome != CONSUL_OK) {
		lock_session_failed(l, r->text);
		return;
	}
	for (i = 0; i < r->session_count; i++)
		if (r->sessions[i].service && strcasecmp(r->sessions[i].name,
		    l->config->service_name) == 0)
			consul_session_destroy(l->consul, r->sessions[i].id,
			    lock_forget_it, NULL);
	l->session_request = consul_session_create(l->consul,
	    l->config->service_name, l->config->service_id,
	    l->config->bind_node, l->config->session_ttl,
	    l->config->lock_delay, lock_session_created, l);
}

static void
lock_session_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lock	*l = arg;

	(void)fd;
	(void)what;
	if (!l->wanted || l->session_request != NULL)
		return;
	/* Consul hears us, but we do not hear it: by now we have stepped down,
	 * and the session would only keep the lock from others. */
	if (l->held && l->unproved * l->renew_every_ms > l->config->fuse) {
		timer_in(l->session_timer, LOCK_RETRY_MAX);
		return;
	}
	if (l->session[0] == '\0')
		lock_session_open(l);
	else if (l->renew_every_ms == 0)
		l->session_request = consul_session_info(l->consul, l->session,
		    l->config->service_id, lock_session_seen, l);
	else {
		l->unproved++;
		l->session_request = consul_session_renew(l->consul,
		    l->session, lock_renewed, l);
	}
}

/* Makes one where it is wanted, may be had, and there is none. */
void
lock_session_open(struct lock *l)
{
	/* Whether an earlier one goes on must be known first. */
	if (!l->wanted || l->barred || l->node[0] == '\0' ||
	    l->session[0] != '\0' ||
	    l->session_request != NULL || l->destroying > 0 ||
	    l->resume[0] != '\0')
		return;
	l->renew_every_ms = 0;
	l->session_request = consul_sessions(l->consul, l->node,
	    l->config->service_id, lock_sessions_listed, l);
}

/* If it failed: it is destroyed before the next one is made, or by its TTL. */
static void
lock_destroyed(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	(void)r;
	l->destroying--;
	if (l->left != NULL) {
		if (l->destroying == 0)
			l->left(l->left_arg);
		return;
	}
	lock_read_look(l);
	lock_session_open(l);
}

static void
lock_drop_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lock	*l = arg;

	(void)fd;
	(void)what;
	event_del(l->drop_timer);
	consul_session_destroy(l->consul, l->dropped, lock_destroyed, l);
	text_copy(l->dropped, sizeof l->dropped, "");
}

void
lock_session_drop(struct lock *l)
{
	lock_cancel(&l->session_request);
	event_del(l->session_timer);
	text_copy(l->resume, sizeof l->resume, "");
	if (l->session[0] == '\0')
		return;
	/* What is under way would say that we still have the lock. */
	lock_cancel(&l->read);
	lock_cancel(&l->write);
	if (l->held)
		l->view.owner = CORE_LOCK_UNKNOWN;
	l->held = false;
	if (l->dropped[0] != '\0')
		lock_drop_timer(-1, 0, l);	/* an earlier one */
	l->destroying++;
	text_copy(l->dropped, sizeof l->dropped, l->session);
	timer_in(l->drop_timer, l->giving_way ? GIVE_WAY : 0);
	text_copy(l->session, sizeof l->session, "");
}

void
lock_session_init(struct lock *l, struct event_base *base)
{
	l->resumed = lock_session_open;
	l->session_timer = timer_new(base, lock_session_timer, l);
	l->drop_timer = timer_new(base, lock_drop_timer, l);
}

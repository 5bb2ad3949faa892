/* lock.c - our session and the lock key in Consul. */

#include "lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lock_private.h"
#include "lock_read.h"
#include "lock_retry.h"
#include "text.h"
#include "timer.h"
#include "value.h"

/* Whoever takes the lock that we have given back goes first: what we clear away
 * would keep Consul's log from it. */
#define GIVE_WAY	50	/* ms */
#define SETTLE		50	/* ms: the slaves, and the tag, go first */
#define QUIET_FAILURES	3

static void	lock_open_session(struct lock *);

static char *
lock_value(const struct lock *l, const char *state, const char *position,
    bool final)
{
	return lock_value_make(l->config, state, l->session, l->node,
	    l->address, position, final, NULL, NULL);
}

static void
lock_settled(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->write = NULL;
	timer_in(l->verify_timer, l->config->verify_interval);
	if (r->outcome != CONSUL_OK) {
		lock_read_look(l);
		return;
	}
	lock_cancel(&l->read);
	l->carries = l->made = false;
	lock_read_see(l, r->key, r->sent_at, true);
}

static void
lock_write_settled(struct lock *l)
{
	char	*value = lock_value(l, "held", "", false);

	l->write = consul_lock(l->consul, l->path, &l->key, l->session, value,
	    lock_settled, l);
	free(value);
}

/* While the lock is ours; and while it is not known whose it is, or where the
 * one is that has it. */
static void
lock_verify(evutil_socket_t fd, short what, void *arg)
{
	struct lock	*l = arg;

	(void)fd;
	(void)what;
	if (l->read != NULL || l->write != NULL)
		return;
	if (l->held && l->carries && l->settled && !l->look)
		lock_write_settled(l);
	else if (l->look || l->held || l->view.owner == CORE_LOCK_UNKNOWN ||
	    (l->view.owner == CORE_LOCK_THEIRS && l->view.host[0] == '\0'))
		lock_read_look(l);
}

/*
 * Acquire and release.
 */

static void
lock_acquired(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->write = NULL;
	switch (r->outcome) {
	case CONSUL_OK:
		/* A read that was sent before would say that it is not ours. */
		lock_cancel(&l->read);
		l->carries = l->before.position[0] != '\0';
		l->events->write_trouble("", l->arg);
		timer_in(l->verify_timer, l->config->verify_interval);
		lock_read_see(l, r->key, r->sent_at, true);
		break;
	case CONSUL_GONE:
		text_copy(l->session, sizeof l->session, "");
		l->events->session(false, r->text, l->arg);
		lock_open_session(l);
		break;
	case CONSUL_REFUSED:
		l->events->write_trouble("", l->arg);
		l->events->refused(true, r->text, l->arg);
		if (!r->delayed)
			lock_read_look(l);
		break;
	case CONSUL_DENIED:
	case CONSUL_UNKNOWN:
		/* It may have happened all the same. */
		l->events->write_trouble(r->text, l->arg);
		l->events->refused(false, r->text, l->arg);
		lock_read_look(l);
		break;
	}
}

void
lock_acquire(struct lock *l, uint64_t epoch)
{
	char	*value;

	if (l->write != NULL || l->session[0] == '\0')
		return;
	/* We have read on since, and not reported it yet: what was decided is
	 * about another lock, and so is what was left with that. */
	if ((l->key.exists ? l->key.modify_index : 0) != epoch) {
		lock_read_look(l);
		return;
	}
	/* Whether we are alone is being asked again; that ends in seen. */
	if (!l->key.exists && l->holder != NULL)
		return;
	l->settled = false;
	/* If this try is answered at once: a moment ago nobody else was there
	 * who could have had it. */
	l->made = !l->key.exists && !l->view.clean;
	value = lock_value_make(l->config, "held", l->session, l->node,
	    l->address, "", false, l->key.exists ? NULL : LOCK_MADE,
	    l->before.position[0] != '\0' ? &l->before : NULL);
	l->write = consul_lock(l->consul, l->path, &l->key, l->session, value,
	    lock_acquired, l);
	free(value);
}

static void
lock_released(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	bool		 yes = r->outcome == CONSUL_OK ||
			    r->outcome == CONSUL_REFUSED ||
			    r->outcome == CONSUL_GONE;

	l->write = NULL;
	l->held = false;
	l->view.owner = CORE_LOCK_UNKNOWN;
	timer_in(l->verify_timer, l->config->verify_interval);
	l->events->write_trouble(yes ? "" : r->text, l->arg);
	l->giving_way = yes;
	l->events->released(yes, r->text, l->arg);
	l->giving_way = false;
}

/* Frees value. */
static void
lock_give_back(struct lock *l, char *value)
{
	/* A read that was sent before would say that we still have it. */
	lock_cancel(&l->read);
	lock_cancel(&l->write);
	l->write = consul_release(l->consul, l->path, l->session, value,
	    lock_released, l);
	free(value);
}

void
lock_release(struct lock *l, bool clean, const char *position, bool final)
{
	lock_give_back(l, lock_value(l, clean ? "released" : "dropped",
	    position, final));
}

void
lock_pass_on(struct lock *l, bool clean)
{
	const struct lock_before	*b = &l->before;
	struct config			 his = *l->config;

	his.service_id = (char *)b->service_id;
	his.service_port = b->port;
	lock_give_back(l, lock_value_make(&his, clean ? "released" : "dropped",
	    l->session, b->node, b->host, b->position, b->final, LOCK_PASSED_ON,
	    NULL));
}

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
	timer_in(l->session_timer, lock_retry_pause(l->session_failures++));
}

static void
lock_session_lost(struct lock *l, const char *text)
{
	text_copy(l->session, sizeof l->session, "");
	l->held = false;
	l->events->session(false, text, l->arg);
	lock_read_look(l);
	lock_open_session(l);
}

static void
lock_renewed(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->session_request = NULL;
	if (r->outcome == CONSUL_OK) {
		l->session_failures = 0;
		l->events->session_trouble("", l->arg);
		timer_in(l->session_timer, l->renew_every);
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
	l->renew_every = ttl / 2;
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
	if (l->held && l->unproved * l->renew_every > l->config->fuse) {
		timer_in(l->session_timer, LOCK_RETRY_MAX);
		return;
	}
	if (l->session[0] == '\0')
		lock_open_session(l);
	else if (l->renew_every == 0)
		l->session_request = consul_session_info(l->consul, l->session,
		    l->config->service_id, lock_session_seen, l);
	else {
		l->unproved++;
		l->session_request = consul_session_renew(l->consul,
		    l->session, lock_renewed, l);
	}
}

/* Makes one where it is wanted, may be had, and there is none. */
static void
lock_open_session(struct lock *l)
{
	/* Whether an earlier one goes on must be known first. */
	if (!l->wanted || l->barred || l->node[0] == '\0' ||
	    l->session[0] != '\0' ||
	    l->session_request != NULL || l->destroying > 0 ||
	    l->resume[0] != '\0')
		return;
	l->renew_every = 0;
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
	lock_open_session(l);
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

static void
lock_drop_session(struct lock *l)
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
lock_want_session(struct lock *l, bool want)
{
	if (!want)
		lock_drop_session(l);
	l->wanted = want;
	l->session_failures = 0;
	if (l->session[0] != '\0')
		timer_in(l->session_timer, 0);
	lock_open_session(l);
}

void
lock_leave(struct lock *l, void (*done)(void *), void *arg)
{
	l->wanted = false;
	l->left = done;
	l->left_arg = arg;
	lock_drop_session(l);
	if (l->destroying == 0)
		done(arg);
}

void
lock_bar(struct lock *l)
{
	l->barred = true;
	if (l->session[0] == '\0')
		lock_cancel(&l->session_request);
}

void
lock_look(struct lock *l)
{
	lock_read_look(l);
}

void
lock_identify(struct lock *l, const char *node, const char *address)
{
	l->barred = false;
	text_copy(l->node, sizeof l->node, node);
	text_copy(l->address, sizeof l->address, address);
	/* What was seen before is seen better now: who we are, and whether we
	 * are alone. */
	if (l->held || l->view.owner == CORE_LOCK_UNKNOWN ||
	    l->view.host[0] == '\0' || !l->key.exists)
		lock_read_look(l);
	lock_open_session(l);
}

void
lock_settle(struct lock *l)
{
	l->settled = true;
	if (l->carries)
		timer_in(l->verify_timer, SETTLE);
}

const struct lock_before *
lock_before(const struct lock *l)
{
	return &l->before;
}

const char *
lock_stranger(const struct lock *l)
{
	return l->stranger;
}

const char *
lock_session(const struct lock *l)
{
	return l->session;
}

struct lock *
lock_new(struct event_base *base, struct consul *consul,
    const struct config *config, const char *resume,
    const struct lock_events *events, void *arg)
{
	struct lock	*l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->consul = consul;
	l->config = config;
	l->events = events;
	l->arg = arg;
	text_copy(l->resume, sizeof l->resume, resume);
	l->before.position = strdup("");
	lock_value_path(config, l->path);
	l->resumed = lock_open_session;
	l->session_timer = evtimer_new(base, lock_session_timer, l);
	l->drop_timer = evtimer_new(base, lock_drop_timer, l);
	lock_read_init(l, base);
	l->verify_timer = evtimer_new(base, lock_verify, l);
	lock_read_look(l);
	lock_read_watch(l);
	return l;
}

void
lock_free(struct lock *l)
{
	if (l == NULL)
		return;
	lock_cancel(&l->session_request);
	lock_cancel(&l->watch);
	lock_cancel(&l->read);
	lock_cancel(&l->write);
	lock_cancel(&l->holder);
	event_free(l->session_timer);
	event_free(l->drop_timer);
	event_free(l->watch_timer);
	event_free(l->verify_timer);
	free(l->before.position);
	free(l);
}

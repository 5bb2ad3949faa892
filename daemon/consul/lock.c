/*
 * lock.c - our session and the lock key in Consul: taken, proved,
 * released.
 *
 * Its parts, each of which knows only those above it:
 *
 *	lock_value, _stranger	the key's value; a holder that is not a copy
 *	lock_retry		when to ask Consul again after a failure
 *	lock_holder		who holds the lock, by a trusted read
 *	lock_read		reading the key, and which reads are trusted
 *	lock_session		our session
 */

#include "lock.h"

#include <stdlib.h>
#include <string.h>

#include "lock_private.h"
#include "lock_read.h"
#include "lock_session.h"
#include "must.h"
#include "text.h"
#include "timer.h"

#define SETTLE		50	/* ms: the slaves, and the tag, go first */

static char *
lock_value(const struct lock *l, const char *state, const char *position,
    bool final)
{
	bool	held = strcmp(state, "held") == 0;

	return lock_value_make(l->config, state, l->session, l->node,
	    l->address, position, final, held ? NULL : &l->reason, NULL,
	    NULL);
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
	lock_read_see(l, r->key, r->sent_at_ms, true);
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
		lock_read_see(l, r->key, r->sent_at_ms, true);
		break;
	case CONSUL_GONE:
		text_copy(l->session, sizeof l->session, "");
		l->events->session(false, r->text, l->arg);
		lock_session_open(l);
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
	    l->address, "", false, NULL, l->key.exists ? NULL : LOCK_MADE,
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
lock_set_reason(struct lock *l, const struct lock_reason *reason)
{
	l->reason = *reason;
}

void
lock_release(struct lock *l, bool clean, const char *position, bool final)
{
	lock_give_back(l, lock_value(l, clean ? "released" : "dropped",
	    position, final));
}

/* Not whether it was final: the copy that passes it on may have been opened in a
 * call that has not said so. */
void
lock_pass_on(struct lock *l, bool clean)
{
	const struct lock_before	*b = &l->before;
	struct config			 his = *l->config;

	his.service_id = (char *)b->service_id;
	his.service_port = b->port;
	lock_give_back(l, lock_value_make(&his, clean ? "released" : "dropped",
	    l->session, b->node, b->host, b->position, false, &b->reason,
	    LOCK_PASSED_ON, NULL));
}

void
lock_want_session(struct lock *l, bool want)
{
	if (!want)
		lock_session_drop(l);
	l->wanted = want;
	l->session_failures = 0;
	if (l->session[0] != '\0')
		timer_in(l->session_timer, 0);
	lock_session_open(l);
}

void
lock_leave(struct lock *l, void (*done)(void *), void *arg)
{
	l->wanted = false;
	l->left = done;
	l->left_arg = arg;
	lock_session_drop(l);
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
	lock_session_open(l);
}

void
lock_settle(struct lock *l)
{
	l->settled = true;
	l->reason = (struct lock_reason){ .text = "" };
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
	struct lock	*l = must_zeroed(1, sizeof *l);

	l->consul = consul;
	l->config = config;
	l->events = events;
	l->arg = arg;
	text_copy(l->resume, sizeof l->resume, resume);
	l->before.position = must_copy("");
	lock_value_path(config, l->path);
	lock_session_init(l, base);
	lock_read_init(l, base);
	l->verify_timer = timer_new(base, lock_verify, l);
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

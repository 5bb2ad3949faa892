/*
 * given_consul.h - replaces the functions of consul.h: records the requests,
 * and answers from the loop with the values that the test has set here; a watch
 * only when the test asks for it.
 */
#ifndef GIVEN_CONSUL_H
#define GIVEN_CONSUL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "clock.h"
#include "consul.h"

struct consul_request {
	struct event	*event;
	consul_cb	 cb;
	void		*arg;
	struct consul_reply reply;
};

static struct event_base	*base;
static char			 asked[8192];	/* a line for each request */
static void			(*asking)(const char *words);	/* or NULL */
static struct consul_request	*watching;

/* The answers. */
static struct consul_key	 key;
static struct consul_session	 session;
static struct consul_instance	 instances[2];
static struct consul_reply	 answers;
static bool			 same_check;

static inline void
given_consul(void)
{
	asked[0] = '\0';
	asking = NULL;
	same_check = true;
	memset(&key, 0, sizeof(key));
	memset(&session, 0, sizeof(session));
	memset(instances, 0, sizeof(instances));
	answers = (struct consul_reply){ .text = "", .key = &key,
	    .sessions = &session, .instances = instances, .id = "s-1",
	    .node = "", .agent = "", .check = "" };
}

static void
consul_answers(evutil_socket_t fd, short what, void *arg)
{
	struct consul_request	*r = arg;

	(void)fd, (void)what;
	r->cb(&r->reply, r->arg);
	event_free(r->event);
	free(r);
}

__attribute__((format(printf, 4, 5))) static struct consul_request *
consul_ask(bool answered, consul_cb cb, void *arg, const char *fmt, ...)
{
	const struct timeval	 now = { 0 };
	struct consul_request	*r = calloc(1, sizeof(*r));
	char			 words[1024];
	va_list			 ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	assert_true(strlen(asked) + strlen(words) + 1 < sizeof(asked));
	strcat(strcat(asked, words), "\n");
	if (asking != NULL)
		asking(words);
	r->cb = cb;
	r->arg = arg;
	r->reply = answers;
	r->reply.sent_at_ms = clock_ms();
	r->event = evtimer_new(base, consul_answers, r);
	if (answered)
		event_add(r->event, &now);
	return r;
}

void
consul_cancel(struct consul_request *r)
{
	if (r == NULL)
		return;
	if (r == watching)
		watching = NULL;
	event_free(r->event);
	free(r);
}

struct consul_request *
consul_get(struct consul *c, const char *k, bool consistent, consul_cb cb,
    void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "get %s%s", k,
	    consistent ? " consistent" : "");
}

struct consul_request *
consul_watch(struct consul *c, const char *k, uint64_t index, int64_t wait,
    consul_cb cb, void *arg)
{
	(void)c, (void)index, (void)wait;
	watching = consul_ask(false, cb, arg, "watch %s", k);
	return watching;
}

static inline void
when_the_watch_is_answered(uint64_t index)
{
	struct consul_request	*r = watching;

	assert_non_null(r);
	watching = NULL;
	r->reply.index = index;
	consul_answers(-1, 0, r);
}

struct consul_request *
consul_fetch(struct consul *c, const char *k, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "fetch %s", k);
}

struct consul_request *
consul_cas(struct consul *c, const char *k, uint64_t index, const char *value,
    consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "cas %s %d %s", k, (int)index, value);
}

struct consul_request *
consul_lock(struct consul *c, const char *k, const struct consul_key *seen,
    const char *id, const char *value, consul_cb cb, void *arg)
{
	(void)c, (void)seen;
	return consul_ask(true, cb, arg, "lock %s %s %s", k, id, value);
}

struct consul_request *
consul_release(struct consul *c, const char *k, const char *id,
    const char *value, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "release %s %s %s", k, id, value);
}

struct consul_request *
consul_session_create(struct consul *c, const char *name,
    const char *service_id, bool serf_health, int64_t ttl, int64_t lock_delay,
    consul_cb cb, void *arg)
{
	(void)c, (void)service_id, (void)serf_health, (void)ttl;
	return consul_ask(true, cb, arg, "create %s %d", name,
	    (int)lock_delay);
}

struct consul_request *
consul_session_renew(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "renew %s", id);
}

struct consul_request *
consul_session_destroy(struct consul *c, const char *id, consul_cb cb,
    void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "destroy %s", id);
}

struct consul_request *
consul_session_info(struct consul *c, const char *id, const char *service_id,
    consul_cb cb, void *arg)
{
	(void)c, (void)service_id;
	return consul_ask(true, cb, arg, "info %s", id);
}

struct consul_request *
consul_sessions(struct consul *c, const char *node, const char *service_id,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_ask(true, cb, arg, "sessions %s",
				    node);

	(void)c, (void)service_id;
	r->reply.session_count = 0;
	return r;
}

struct consul_request *
consul_instances(struct consul *c, const char *name, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "instances %s", name);
}

struct consul_request *
consul_list(struct consul *c, const char *prefix, uint64_t index, int64_t wait,
    consul_cb cb, void *arg)
{
	(void)c, (void)index, (void)wait;
	return consul_ask(true, cb, arg, "list %s", prefix);
}

bool
consul_same_check(const struct consul *c, const char *described,
    const struct consul_registration *s)
{
	(void)c, (void)described, (void)s;
	return same_check;
}

struct consul_request *
consul_register(struct consul *c, const struct consul_registration *s,
    consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "register %s%s [%s]%s", s->id,
	    s->kept_check == NULL ? " with check" : "", s->tags,
	    s->passing ? " passing" : "");
}

struct consul_request *
consul_deregister(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "deregister %s", id);
}

struct consul_request *
consul_own_service(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "own service %s", id);
}

struct consul_request *
consul_own_check(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)c;
	return consul_ask(true, cb, arg, "own check %s", id);
}

#endif

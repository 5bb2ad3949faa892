/* namesake.c - the same service in another case. */

#include "namesake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lock_value.h"
#include "log.h"
#include "must.h"
#include "timer.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	10	/* ms between two: who takes the lock that a master
				 * gave up for a namesake must know of it, too */
#define RETRY_PAUSE	2000	/* ms after a failure; and so often a bar that
				 * somebody may have taken away is put back */

struct namesake {
	struct consul			*consul;
	const struct config		*config;
	const struct namesake_events	*events;
	void				*arg;

	uint64_t			 index;
	struct consul_request		*watch;
	struct event			*watch_timer;

	char				 name[CONSUL_NAME_MAX];	/* "": none */
	char				 text[512];
	char				 node[CONSUL_NAME_MAX];	/* ours */
	char				 session[CONSUL_ID_MAX];	/* "": no master */
	char				 barred[CONSUL_NAME_MAX];	/* that key */
	bool				 denied;	/* that was said */
	struct consul_request		*put;
	struct event			*put_timer;
};

static void	namesake_put(struct namesake *);

const struct consul_instance *
namesake_find(const struct config *c, const struct consul_reply *r)
{
	size_t	i;

	for (i = 0; i < r->instance_count; i++)
		if (strcmp(r->instances[i].name, c->service_name) != 0 &&
		    strcasecmp(r->instances[i].name, c->service_name) == 0)
			return &r->instances[i];
	return NULL;
}

/*
 * The other lock.
 */

static void
namesake_path(const struct namesake *n, const char *name,
    char path[CONSUL_NAME_MAX])
{
	struct config	its = *n->config;

	its.service_name = (char *)name;
	lock_value_path(&its, path);
}

static void
namesake_released(const struct consul_reply *r, void *arg)
{
	(void)r;
	(void)arg;
}

/* Nobody needs it: that must not look as if a master had given it back.  But one
 * that may still be a master leaves it to the end of its session, for a release
 * has no lock-delay. */
static void
namesake_unbar(struct namesake *n, bool release)
{
	char	path[CONSUL_NAME_MAX];

	consul_cancel(n->put);
	n->put = NULL;
	event_del(n->put_timer);
	if (n->barred[0] != '\0' && release) {
		namesake_path(n, n->barred, path);
		consul_release(n->consul, path, n->session, "",
		    namesake_released, n);
	}
	n->barred[0] = '\0';
}

static void
namesake_fail(struct namesake *n, const char *why)
{
	char	text[512];

	snprintf(text, sizeof text, "%.250s; and its lock is not to be had "
	    "(%.200s)", n->text, why);
	n->events->not_barred(text, n->arg);
}

static void
namesake_put_done(const struct consul_reply *r, void *arg)
{
	struct namesake	*n = arg;

	n->put = NULL;
	if (r->outcome == CONSUL_OK) {
		if (strcmp(n->barred, n->name) != 0)
			log_warning("The lock of \"%s\" is ours, too, so "
			    "there can be no master beside this one",
			    n->name);
		snprintf(n->barred, sizeof n->barred, "%s", n->name);
	} else if (r->outcome == CONSUL_REFUSED) {
		namesake_fail(n, r->text);
		return;
	} else if (r->outcome == CONSUL_DENIED && !n->denied) {
		n->denied = true;
		log_warning("We have our own lock, but can't take that of "
		    "\"%s\" (%s): a node that takes it becomes a second "
		    "master. Give all copies one [service] name, or the token "
		    "key:write for that lock", n->name, r->text);
	}
	/* That a Consul that is silent confirms nothing is for the fuse. */
	timer_in(n->put_timer, RETRY_PAUSE);
}

static void
namesake_put(struct namesake *n)
{
	char	 path[CONSUL_NAME_MAX];
	char	*value;

	if (n->put != NULL || n->name[0] == '\0' || n->session[0] == '\0')
		return;
	namesake_path(n, n->name, path);
	/* No address: a copy of another name shall not follow us. */
	value = lock_value_make(n->config, "held", n->session, n->node, "", "",
	    false, NULL, NULL, NULL);
	n->put = consul_put(n->consul, path, n->session, value,
	    namesake_put_done, n);
	free(value);
}

static void
namesake_put_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	namesake_put(arg);
}

void
namesake_bar(struct namesake *n, const char *session, const char *node,
    bool demoted)
{
	if (strcmp(n->session, session) == 0)
		return;
	namesake_unbar(n, demoted);
	snprintf(n->session, sizeof n->session, "%s", session);
	snprintf(n->node, sizeof n->node, "%s", node);
	namesake_put(n);
}

/*
 * The catalogue.
 */

static void
namesake_learn(struct namesake *n, const struct consul_instance *in)
{
	if (strcmp(n->name, in == NULL ? "" : in->name) == 0)
		return;
	namesake_unbar(n, true);
	n->name[0] = n->text[0] = '\0';
	n->denied = false;
	if (in != NULL) {
		snprintf(n->name, sizeof n->name, "%s", in->name);
		snprintf(n->text, sizeof n->text, "the node \"%.63s\" has this "
		    "service as \"%.63s\", and we call it \"%.63s\": to "
		    "Consul they are one, but their locks are two. Give all "
		    "copies the same [service] name; if that one is gone for "
		    "good: consul services deregister -id=%.63s", in->node,
		    n->name, n->config->service_name, in->service_id);
	}
	n->events->found(n->text, n->arg);
	namesake_put(n);
}

static void
namesake_watched(const struct consul_reply *r, void *arg)
{
	struct namesake	*n = arg;

	n->watch = NULL;
	if (r->outcome != CONSUL_OK || r->index == 0 ||
	    r->index < n->index) {
		n->index = 0;
		timer_in(n->watch_timer, RETRY_PAUSE);
		return;
	}
	n->index = r->index;
	timer_in(n->watch_timer, WATCH_PAUSE);
	namesake_learn(n, namesake_find(n->config, r));
}

static void
namesake_watch_timer(evutil_socket_t fd, short what, void *arg)
{
	struct namesake	*n = arg;

	(void)fd;
	(void)what;
	n->watch = consul_watch_instances(n->consul, n->config->service_name,
	    n->index, WATCH_WAIT, namesake_watched, n);
}

const char *
namesake_text(const struct namesake *n)
{
	return n->text;
}

struct namesake *
namesake_new(struct event_base *base, struct consul *consul,
    const struct config *config, const struct namesake_events *events,
    void *arg)
{
	struct namesake	*n = must_zeroed(1, sizeof *n);

	n->consul = consul;
	n->config = config;
	n->events = events;
	n->arg = arg;
	n->watch_timer = timer_new(base, namesake_watch_timer, n);
	n->put_timer = timer_new(base, namesake_put_timer, n);
	timer_in(n->watch_timer, 0);
	return n;
}

void
namesake_free(struct namesake *n)
{
	if (n == NULL)
		return;
	consul_cancel(n->watch);
	consul_cancel(n->put);
	event_free(n->watch_timer);
	event_free(n->put_timer);
	free(n);
}

/* registration.c - our service, its check and its tags in Consul. */

#include "registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "value.h"

#define RETRY_FIRST	250	/* ms, doubled at each failure … */
#define RETRY_MAX	5000	/* … up to this */
/* A new master goes first: what we write would keep Consul's log from it. */
#define GIVE_WAY	30	/* ms */
#define ROLE_MAX	16
#define TAGS_MAX	1024
#define HEALTH_MAX	500	/* Consul takes 512 characters of a meta value */

struct registration {
	struct consul				*consul;
	const struct config			*config;
	const struct registration_events	*events;
	void					*arg;
	char					 check_url[512];

	bool				 started;
	bool				 passing;
	char				 health[HEALTH_MAX];
	bool				 registered;	/* in this round */
	bool				 outdated;	/* what is registered */
	bool				 identified;
	bool				 dirty;		/* look once more */
	char				 role[ROLE_MAX];	/* "?": as it is */
	char				 since[32];	/* of the role */
	const char			*warning;
	char				 node[CONSUL_NAME_MAX];
	int				 failures;
	struct consul_request		*request;
	struct event			*timer;

	void				(*left)(bool, void *);
	void				*left_arg;
};

static const char *const role_tags[] = {
	"master", "slave", "unhealthy", "disabled"
};

static void	registration_next(struct registration *);
static void	registration_deregister(struct registration *);
static void	registration_register(struct registration *, bool);

static void
timer_in(struct event *timer, int64_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(timer, &tv);
}

/* The role among the tags that are registered already; "" if there is none. */
static const char *
role_of(const char *tags)
{
	size_t	i;

	for (i = 0; i < sizeof role_tags / sizeof role_tags[0]; i++) {
		size_t	n = strlen(role_tags[i]);

		if (strncmp(tags, role_tags[i], n) == 0 &&
		    (tags[n] == '\0' || tags[n] == ','))
			return role_tags[i];
	}
	return "";
}

/* The role comes first, then the configured tags. */
static void
registration_tags(const struct registration *r, char *text, size_t size)
{
	const char	*extra = r->config->service_tags;

	snprintf(text, size, "%s%s%s", r->role,
	    r->role[0] != '\0' && extra[0] != '\0' ? "," : "", extra);
}

static void
registration_done(struct registration *r)
{
	r->failures = 0;
	r->events->trouble("", r->arg);
	timer_in(r->timer, REGISTRATION_INTERVAL);
	if (r->dirty)
		registration_next(r);
}

static void
registration_failed(struct registration *r, const char *text)
{
	int64_t	pause = (int64_t)RETRY_FIRST <<
		    (r->failures < 8 ? r->failures : 8);

	r->failures++;
	if (r->left != NULL) {
		registration_next(r);
		return;
	}
	r->events->trouble(text, r->arg);
	timer_in(r->timer, pause < RETRY_MAX ? pause : RETRY_MAX);
}

/* Leaving cuts a round short: nothing may be registered any more. */
static bool
registration_is_over(struct registration *r)
{
	if (r->left != NULL)
		registration_next(r);
	return r->left != NULL;
}

/*
 * A round:  own_service -> own_check (our node) -> instances (our address)
 * with a register where something is missing or not as it should be.
 */

static void
registration_located(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;
	const char		*address = r->config->service_address;
	size_t			 i;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	for (i = 0; i < reply->instance_count && address[0] == '\0'; i++)
		if (strcmp(reply->instances[i].node, r->node) == 0 &&
		    strcmp(reply->instances[i].service_id,
		    r->config->service_id) == 0)
			address = reply->instances[i].address;
	/* The agent brings us to the catalogue in a moment. */
	if (address[0] == '\0') {
		registration_failed(r, reply->outcome != CONSUL_OK ?
		    reply->text : "Consul's catalogue does not show our "
		    "service: if this stays, give the token node:read, or "
		    "set [service] address");
		return;
	}
	r->identified = true;
	r->events->registered(r->node, address, r->arg);
	registration_done(r);
}

static void
registration_checked(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome == CONSUL_GONE && !r->registered) {
		registration_register(r, true);
	} else if (reply->outcome == CONSUL_GONE) {
		/* What a token may not read looks as if it were not there. */
		registration_failed(r, "we have registered, but Consul does "
		    "not show our check: give the token service:read for our "
		    "service and node:read for this node");
	} else if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
	} else if (r->outdated) {
		registration_register(r, false);
	} else if (r->identified) {
		registration_done(r);
	} else {
		snprintf(r->node, sizeof r->node, "%s", reply->node);
		r->request = consul_instances(r->consul,
		    r->config->service_name, registration_located, r);
	}
}

static void
registration_check(struct registration *r)
{
	r->request = consul_own_check(r->consul, r->config->service_id,
	    registration_checked, r);
}

static void
registration_registered(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
		return;
	}
	r->registered = true;
	r->outdated = false;
	registration_check(r);
}

static void
registration_describe(struct registration *r, struct consul_registration *g,
    char *tags, size_t size)
{
	registration_tags(r, tags, size);
	*g = (struct consul_registration){
		.id = r->config->service_id,
		.name = r->config->service_name,
		.address = r->config->service_address,
		.port = (uint16_t)r->config->service_port,
		.tags = tags,
		.since = r->since,
		.health = r->health,
		.warning = r->warning,
		.check_url = r->check_url,
		.check_interval_ms = r->config->check_interval,
		.check_timeout_ms = r->config->check_timeout,
		.check_failures = r->config->check_failures,
		.passing = r->passing,
	};
}

static void
registration_register(struct registration *r, bool with_check)
{
	char				 tags[TAGS_MAX];
	struct consul_registration	 g;

	if (with_check && r->failures == 0)
		log_info("Registering service in Consul");
	registration_describe(r, &g, tags, sizeof tags);
	g.with_check = with_check;
	r->request = consul_register(r->consul, &g, registration_registered,
	    r);
}

/* Takes over the role of an earlier run, until ours is known. */
static void
registration_take_role(struct registration *r, const struct consul_reply *reply)
{
	const char	*old = role_of(reply->tags);

	if (strcmp(r->role, "?") == 0)
		snprintf(r->role, sizeof r->role, "%s", old);
	if (strcmp(r->role, old) == 0)
		snprintf(r->since, sizeof r->since, "%s", reply->since);
	else if (r->role[0] == '\0' && old[0] != '\0')
		log_info("Removing tag %s", old);
	else
		log_info("Updating tag to %s", r->role);
}

/*
 * What is registered already decides: nothing is written that is right.  Above
 * all the check: Consul forgets how often it may fail until it has polled it
 * once, so that a restarted agent's session would hang on one poll.
 */
static void
registration_looked(const struct consul_reply *reply, void *arg)
{
	struct registration		*r = arg;
	struct consul_registration	 g;
	char				 tags[TAGS_MAX];

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome == CONSUL_GONE) {
		r->identified = false;
		if (strcmp(r->role, "?") == 0)
			snprintf(r->role, sizeof r->role, "%s", "");
		registration_register(r, true);
		return;
	}
	if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
		return;
	}
	registration_take_role(r, reply);
	registration_describe(r, &g, tags, sizeof tags);
	r->outdated = strcmp(reply->tags, tags) != 0 || reply->port != g.port ||
	    strcmp(reply->address, g.address) != 0 ||
	    strcmp(reply->warning, g.warning) != 0;
	if (consul_same_check(r->consul, reply->check, &g))
		registration_check(r);
	else
		registration_register(r, true);
}

static void
registration_next(struct registration *r)
{
	r->dirty = r->registered = r->outdated = false;
	event_del(r->timer);
	if (r->left != NULL)
		registration_deregister(r);
	else
		r->request = consul_own_service(r->consul,
		    r->config->service_id, registration_looked, r);
}

static void
registration_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	registration_next(arg);
}

void
registration_look(struct registration *r)
{
	if (!r->started)
		return;
	if (r->request != NULL)
		r->dirty = true;
	else
		registration_next(r);
}

void
registration_set_health(struct registration *r, bool passing, const char *text)
{
	r->passing = passing;
	snprintf(r->health, sizeof r->health, "%s", text);
	if (r->started)
		return;
	r->started = true;
	registration_look(r);
}

void
registration_set_tag(struct registration *r, const char *tag)
{
	time_t		now = time(NULL);
	struct tm	tm;
	bool		was_master = strcmp(r->role, "master") == 0;

	if (strcmp(r->role, tag) == 0)
		return;
	snprintf(r->role, sizeof r->role, "%s", tag);
	strftime(r->since, sizeof r->since, "%Y-%m-%dT%H:%M:%SZ",
	    gmtime_r(&now, &tm));
	if (was_master && r->started && r->request == NULL)
		timer_in(r->timer, GIVE_WAY);
	else
		registration_look(r);
}

void
registration_set_warning(struct registration *r, const char *text)
{
	if (strcmp(r->warning, text) == 0)
		return;
	r->warning = text;
	registration_look(r);
}

static void
registration_deregistered(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (reply->outcome != CONSUL_OK)
		log_warning("The service may still be registered in Consul "
		    "(%s); once it answers, run: consul services deregister "
		    "-id=%s", reply->text, r->config->service_id);
	r->left(reply->outcome == CONSUL_OK, r->left_arg);
}

static void
registration_deregister(struct registration *r)
{
	r->request = consul_deregister(r->consul, r->config->service_id,
	    registration_deregistered, r);
}

void
registration_leave(struct registration *r, void (*done)(bool, void *),
    void *arg)
{
	r->left = done;
	r->left_arg = arg;
	if (!r->started) {
		done(true, arg);
		return;
	}
	log_info("Deregistering service in Consul");
	/* A registration that is under way must not come after it. */
	r->dirty = true;
	if (r->request == NULL)
		registration_next(r);
}

struct registration *
registration_new(struct event_base *base, struct consul *consul,
    const struct config *config, int api_port,
    const struct registration_events *events, void *arg)
{
	struct registration	*r = calloc(1, sizeof *r);
	struct error		 err;
	char			 host[256];
	int			 port;

	if (r == NULL)
		return NULL;
	r->consul = consul;
	r->config = config;
	r->events = events;
	r->arg = arg;
	r->warning = "";
	snprintf(r->role, sizeof r->role, "?");
	/* Consul polls from this host: all addresses include the loopback. */
	if (!value_split_address(config->api_listen, host, sizeof host,
	    &port, &err) || host[0] == '\0' || strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, sizeof host, "::1");
	snprintf(r->check_url, sizeof r->check_url,
	    strchr(host, ':') != NULL ? "http://[%s]:%d/health" :
	    "http://%s:%d/health", host, api_port);
	r->timer = evtimer_new(base, registration_timer, r);
	return r;
}

void
registration_free(struct registration *r)
{
	if (r == NULL)
		return;
	consul_cancel(r->request);
	event_free(r->timer);
	free(r);
}

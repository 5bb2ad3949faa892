/*
 * parts_model.c - what the agent rests on beside its handlers and Consul's
 * keys: the registration, clock, log, alarm and the like, each behind its own
 * header.
 */

#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm.h"
#include "api.h"
#include "clock.h"
#include "disable.h"
#include "files.h"
#include "heed.h"
#include "history.h"
#include "journal.h"
#include "log.h"
#include "namesake.h"
#include "notify.h"
#include "stranger.h"

#define REGISTRATION_EVERY	10000	/* ms */

/*
 * Registration, and Consul's polls of /health.
 */

static bool
catalogue_answers(const struct node *n)
{
	return consul_reaches(n) && n->cut_local == 0 && consul_has_leader();
}

static void
registration_is_known(struct node *n, void *arg, int64_t unused)
{
	struct registration	*r = arg;

	(void)unused;
	r->identified = true;
	r->events->registered(n->name, n->host, r->arg);
	r->events->trouble("", r->arg);
}

static void
registration_is_late(struct node *n, void *arg, int64_t unused)
{
	struct registration	*r = arg;

	(void)n;
	(void)unused;
	if (!r->identified)
		r->events->trouble("no answer in time", r->arg);
}

static void
registration_goes(struct node *n, void *arg, int64_t failures)
{
	struct registration	*r = arg;
	bool			 ok = catalogue_answers(n);

	r->stamp++;
	world_in(node_delay(n, ok ? REGISTRATION_EVERY : failures < 4 ?
	    250 << failures : 5000), r->consul->whose, n, registration_goes, r,
	    ok ? 0 : failures + 1, &r->stamp);
	if (!ok) {
		world_in(node_delay(n, n->config.request_timeout),
		    r->consul->whose, n, registration_is_late, r, 0,
		    r->consul->life);
		return;
	}
	if (!n->registered) {
		r->identified = false;
		consul_register_service(n, r->passing);
	}
	if (!r->identified)
		world_in(between(MS, 20 * MS), r->consul->whose, n,
		    registration_is_known, r, 0, r->consul->life);
}

struct registration *
registration_new(struct event_base *base, struct consul *consul,
    const struct config *config, int api_port,
    const struct registration_events *events, void *arg)
{
	struct registration	*r = consul->registration;

	(void)base;
	(void)config;
	(void)api_port;
	r->consul = consul;
	r->tried = r->identified = false;
	r->events = events;
	r->arg = arg;
	return r;
}

void
registration_free(struct registration *r)
{
	if (r != NULL)
		r->stamp++;
}

void
registration_set_health(struct registration *r, bool passing, const char *text)
{
	struct node	*n = world.current;

	(void)text;
	r->passing = passing;
	if (r->tried)
		return;
	r->tried = true;
	registration_goes(n, r, 0);
}

void
registration_set_warning(struct registration *r, const char *text)
{
	(void)r;
	(void)text;
}

void
registration_set_notice(struct registration *r, const char *text)
{
	(void)r;
	(void)text;
}

void
registration_set_tag(struct registration *r, const char *tag)
{
	(void)r;
	(void)tag;
}

void
registration_look(struct registration *r)
{
	if (!r->tried)
		return;
	r->stamp++;
	world_in(between(MS, 5 * MS), OF_AGENT, world.current,
	    registration_goes, r, 0, &r->stamp);
}

static void
registration_rests(struct node *n, void *arg, int64_t unused)
{
	struct registration	*r = arg;

	(void)unused;
	if (catalogue_answers(n))
		r->rested(r->left_arg);
	else
		world_in(250 * MS, OF_AGENT, n, registration_rests, r, 0,
		    &n->life);
}

void
registration_rest(struct registration *r, void (*done)(void *), void *arg)
{
	struct node	*n = world.current;

	r->rested = done;
	r->left_arg = arg;
	world_in(between(MS, 5 * MS), OF_AGENT, n, registration_rests, r, 0,
	    &n->life);
}

static void
registration_leaves(struct node *n, void *arg, int64_t late)
{
	struct registration	*r = arg;
	bool			 ok = catalogue_answers(n);

	if (!ok && !late) {
		world_in(node_delay(n, n->config.request_timeout), OF_AGENT, n,
		    registration_leaves, r, true, &n->life);
		return;
	}
	if (ok && n->registered)
		consul_deregister_service(n);
	r->left(ok, r->left_arg);
}

void
registration_leave(struct registration *r, void (*done)(bool, void *),
    void *arg)
{
	struct node	*n = world.current;

	r->stamp++;
	r->left = done;
	r->left_arg = arg;
	world_in(between(MS, 5 * MS), OF_AGENT, n, registration_leaves, r,
	    false, &n->life);
}

/* The agent answers from what it knows. */
void
parts_poll_health(struct node *n, void *arg, int64_t unused)
{
	bool	fine = n->running && n->stopped == 0 &&
		    n->agent->published != API_HEALTH_BAD;

	(void)unused;
	world_in(node_delay(n, n->config.check_interval), OF_HOST, n,
	    parts_poll_health, arg, 0, NULL);
	if (!n->registered || n->consul_down > 0 || n->consul_frozen > 0)
		return;
	n->polls_failed = fine ? 0 : n->polls_failed + 1;
	if (fine != n->check && (fine ||
	    n->polls_failed >= n->config.check_failures))
		consul_set_check(n, fine);
}

bool
api_new(struct api **out, struct event_base *base, const char *listen,
    api_status_cb status, void *arg, struct error *err)
{
	(void)listen;
	(void)status;
	(void)arg;
	(void)err;
	*out = (struct api *)base->node;
	return true;
}

void
api_free(struct api *api)
{
	(void)api;
}

int
api_port(const struct api *api)
{
	(void)api;
	return 0;
}

/*
 * The files.
 */

const char *
disable_file(const struct config *c, char *why, size_t size)
{
	(void)c;
	(void)size;
	why[0] = '\0';
	return world.current->disabled > 0 ? "the disable file" : NULL;
}

void
files_look(struct files *f)
{
	(void)f;
}

void
files_look_sometimes(struct files *f)
{
	(void)f;
}

/*
 * Consul's other checks: a copy yields at any time, without a reason.
 */

struct heed {
	const struct heed_events	*events;
	void				*arg;
};

static struct heed	heeds[NODES_MAX];

struct heed *
heed_new(struct event_base *base, struct consul *consul, const struct config *c,
    const struct heed_events *events, void *arg)
{
	struct heed	*h = &heeds[base->node->id];

	(void)consul;
	(void)c;
	*h = (struct heed){ events, arg };
	return h;
}

void
heed_free(struct heed *h)
{
	(void)h;
}

void
heed_identify(struct heed *h, const char *node)
{
	(void)h;
	(void)node;
}

void
heed_look(struct heed *h)
{
	(void)h;
}

const char *
heed_check(const struct heed *h)
{
	return heed_yields(h) ? "a check" : "";
}

const char *
heed_other(const struct heed *h)
{
	return heed_yields(h) ? "another copy" : "";
}

bool
heed_yields(const struct heed *h)
{
	return world.nodes[h - heeds].yielding;
}

void
parts_look_at_checks(struct node *n)
{
	if (n->yielding == (n->yields > 0))
		return;
	n->yielding = n->yields > 0;
	heeds[n->id].events->changed(heeds[n->id].arg);
}

/*
 * What is recorded for people decides nothing.
 */

struct history *
history_new(struct event_base *base, struct consul *consul,
    const struct config *c, void (*trouble)(const char *, void *), void *arg)
{
	(void)consul;
	(void)c;
	(void)trouble;
	(void)arg;
	return (struct history *)base->node;
}

void
history_free(struct history *h)
{
	(void)h;
}

void
history_write(struct history *h, const struct history_change *c)
{
	(void)h;
	(void)c;
}

void
history_end(struct history *h)
{
	(void)h;
}

bool
journal_append(const struct config *c, const char *lines, struct error *err)
{
	(void)c;
	(void)lines;
	(void)err;
	return true;
}

/*
 * Of another one with our service's name or id there is none.
 */

struct namesake *
namesake_new(struct event_base *base, struct consul *consul,
    const struct config *config, const struct namesake_events *events,
    void *arg)
{
	(void)consul;
	(void)config;
	(void)events;
	(void)arg;
	return (struct namesake *)base->node;
}

void
namesake_free(struct namesake *n)
{
	(void)n;
}

const char *
namesake_text(const struct namesake *n)
{
	(void)n;
	return "";
}

void
namesake_bar(struct namesake *n, const char *session, const char *node,
    bool demoted)
{
	(void)n;
	(void)session;
	(void)node;
	(void)demoted;
}

void
registration_url(const struct config *c, int api_port,
    char url[REGISTRATION_URL])
{
	(void)c;
	(void)api_port;
	url[0] = '\0';
}

void
stranger_make_mark(const struct config *c, char mark[STRANGER_MARK])
{
	(void)c;
	mark[0] = '\0';
}

bool
stranger_wrote(const struct consul_reply *r, const char *mark,
    const char *check_url)
{
	(void)r, (void)mark, (void)check_url;
	return false;
}

void
stranger_explain(const struct consul_reply *r, const struct config *c,
    const char *mark, char *text, size_t size)
{
	(void)r, (void)c, (void)mark, (void)size;
	text[0] = '\0';
}

bool
stranger_lets_us_start(const struct config *c, const char *check_url,
    struct error *err)
{
	(void)c;
	(void)check_url;
	(void)err;
	return true;
}

/*
 * Time, and what is said.
 */

int64_t
clock_ms(void)
{
	return guard_time();
}

struct alarm {
	struct node	*node;
	uint32_t	 stamp;
	void		(*ring)(void *arg);
	void		*arg;
};

static struct alarm	alarms[NODES_MAX];

struct alarm *
alarm_new(struct event_base *base, void (*ring)(void *arg), void *arg)
{
	struct alarm	*a = &alarms[base->node->id];

	a->node = base->node;
	a->ring = ring;
	a->arg = arg;
	return a;
}

void
alarm_free(struct alarm *a)
{
	a->stamp++;
}

static void
alarm_rings(struct node *n, void *arg, int64_t unused)
{
	struct alarm	*a = arg;

	(void)n;
	(void)unused;
	a->ring(a->arg);
}

void
alarm_set(struct alarm *a, int64_t at)
{
	int64_t	left = at - node_clock(a->node);

	a->stamp++;
	if (at != INT64_MAX)
		world_in(left > 0 ? node_delay(a->node, left) : 1, OF_AGENT,
		    a->node, alarm_rings, a, 0, &a->stamp);
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	char	text[1024];
	va_list	ap;

	(void)level;
	if (!world.trace)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	say(world.current, "%s", text);
}

void
notify_send(const char *fmt, ...)
{
	(void)fmt;
}

void
notify_reloading(void)
{
}

int64_t
notify_watchdog_ms(void)
{
	return 0;
}

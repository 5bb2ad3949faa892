/*
 * history.c - writes a change of master into Consul, for people.
 *
 *	write -> (pause) -> fetch -> cas -> done
 *
 * A cas that was refused, and one without an answer, begins again with the
 * fetch: that shows whether it had effect.
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "must.h"
#include "timer.h"

#define FIRST		1000	/* ms: the tag, and the slaves, go first */
#define PAUSE_MAX	600000	/* ms: FIRST, doubled each time, up to this */
#define DOUBLINGS	10

struct history {
	struct consul		*consul;
	void			(*trouble)(const char *text, void *arg);
	void			*arg;
	char			 path[CONSUL_NAME_MAX];	/* of the key */
	char			*change;	/* to be written; NULL: none */
	int			 failures;
	bool			 foreign;	/* it is logged that it is */
	struct consul_request	*request;
	struct event		*timer;
};

static void
history_later(struct history *h)
{
	int64_t	pause = (int64_t)FIRST <<
		    (h->failures < DOUBLINGS ? h->failures : DOUBLINGS);

	h->failures++;
	timer_in(h->timer, pause < PAUSE_MAX ? pause : PAUSE_MAX);
}

static void
history_failed(struct history *h, const char *text)
{
	history_later(h);
	h->trouble(text, h->arg);
}

static void
history_done(struct history *h)
{
	history_end(h);
	h->foreign = false;
	h->trouble("", h->arg);
}

/* Once: an operator will look at the key, or has a reason to leave it. */
static void
history_is_foreign(struct history *h, const char *why)
{
	history_end(h);
	if (h->foreign)
		return;
	h->foreign = true;
	log_warning("The change of master is not recorded, because the key %s "
	    "in Consul can't be used: %.300s. It stays as it is. Upgrade this "
	    "agent if a newer one wrote the key; else delete it: consul kv "
	    "delete %s", h->path, why, h->path);
}

static void
history_written(const struct consul_reply *r, void *arg)
{
	struct history	*h = arg;

	h->request = NULL;
	if (r->outcome == CONSUL_OK)
		history_done(h);
	else if (r->outcome == CONSUL_REFUSED)
		history_later(h);	/* another node wrote meanwhile */
	else
		history_failed(h, r->text);
}

static void
history_fetched(const struct consul_reply *r, void *arg)
{
	struct history		*h = arg;
	const struct consul_record *record = r->records;
	bool			 found = r->record_count > 0;
	struct error		 err = { .text = "" };
	char			*value;

	h->request = NULL;
	if (r->too_large) {
		history_is_foreign(h, r->text);
		return;
	}
	if (r->outcome != CONSUL_OK) {
		history_failed(h, r->text);
		return;
	}
	if (found && record->cut) {
		history_is_foreign(h, "it is binary");
		return;
	}
	switch (history_value_add(found ? record->value : "", h->change,
	    &value, &err)) {
	case HISTORY_ADDED:
		h->request = consul_cas(h->consul, h->path,
		    found ? record->modify_index : 0, value, history_written,
		    h);
		break;
	case HISTORY_THERE:
		history_done(h);
		break;
	case HISTORY_FOREIGN:
		history_is_foreign(h, err.text);
		break;
	}
	free(value);
}

static void
history_timer(evutil_socket_t fd, short what, void *arg)
{
	struct history	*h = arg;

	(void)fd;
	(void)what;
	h->request = consul_fetch(h->consul, h->path, history_fetched, h);
}

void
history_write(struct history *h, const struct history_change *c)
{
	history_end(h);
	h->change = history_value_change(c);
	h->failures = 0;
	history_later(h);
}

void
history_end(struct history *h)
{
	event_del(h->timer);
	consul_cancel(h->request);
	h->request = NULL;
	free(h->change);
	h->change = NULL;
}

struct history *
history_new(struct event_base *base, struct consul *consul,
    const struct config *config, void (*trouble)(const char *, void *),
    void *arg)
{
	struct history	*h = must_zeroed(1, sizeof *h);

	h->consul = consul;
	h->trouble = trouble;
	h->arg = arg;
	history_value_path(config, h->path);
	h->timer = timer_new(base, history_timer, h);
	return h;
}

void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	history_end(h);
	event_free(h->timer);
	free(h);
}

/*
 * lock_holder.c - who holds the lock, according to a trusted read of the key.
 */

#include "lock_holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candidates.h"
#include "json.h"
#include "lock_stranger.h"
#include "must.h"
#include "text.h"

static void
lock_set_before(struct lock *l, yajl_val v)
{
	struct lock_before	*b = &l->before;

	text_copy(b->node, sizeof b->node, json_string(v, "node",
	    l->view.node));
	text_copy(b->service_id, sizeof b->service_id,
	    json_string(v, "service_id", ""));
	text_copy(b->host, sizeof b->host, json_string(v, "address",
	    l->view.host));
	b->port = (uint16_t)json_uint(v, "port", l->view.port);
	free(b->position);
	b->position = must_copy(json_string(v, "position", ""));
	b->final = YAJL_IS_TRUE(json_get(v, "final"));
	b->passed_on = YAJL_IS_TRUE(json_get(v, LOCK_PASSED_ON));
}

/* What is only for people. */
static void
lock_set_last(struct lock *l, yajl_val v)
{
	struct lock_before	*b = &l->before;

	text_copy(b->state, sizeof b->state, json_string(v, "state", ""));
	text_copy(b->last, sizeof b->last, json_string(v, "node",
	    l->view.node));
	text_copy(b->reason.text, sizeof b->reason.text,
	    json_string(v, "why", ""));
	b->reason.planned = YAJL_IS_TRUE(json_get(v, "planned"));
	b->reason.unpromoted = YAJL_IS_TRUE(json_get(v, "unpromoted"));
}

/* Learns who had a key that is free now; true: he gave it back in good order. */
static bool
lock_read_before(struct lock *l, const struct consul_key *k)
{
	yajl_val	v = lock_value_parse(k);
	yajl_val	carried = json_get(v, "before");
	bool		released = strcmp(json_string(v, "state", ""),
			    "released") == 0;

	lock_set_before(l, carried != NULL ? carried : v);
	lock_set_last(l, v);
	yajl_tree_free(v);
	return released;
}

/* The same of a key that is ours.  An earlier run of ours may have been left
 * something, and not have made use of it.  Which of our tries has had effect only
 * the value tells: one that we have long given up may be the one. */
void
lock_holder_read_ours(struct lock *l, const struct consul_key *k)
{
	yajl_val	v = lock_value_parse(k);
	yajl_val	carried = json_get(v, "before");

	l->made = YAJL_IS_TRUE(json_get(v, LOCK_MADE));
	l->carries = carried != NULL;
	if (l->carries && l->before.position[0] == '\0')
		lock_set_before(l, carried);
	yajl_tree_free(v);
}

static void
lock_report(struct lock *l)
{
	l->events->seen(&l->view, l->arg);
}

/* A foreign holder:  session -> its node and service -> that instance
 *
 * A session that is of no instance of the service is nobody's to follow: a hand
 * made it.  Nor is our own copy, of which it may be an earlier run's. */

/* Is that this very copy?  As long as we do not know who we are, it may be. */
static bool
lock_is_us(const struct lock *l, const char *node, const char *service_id)
{
	return (l->node[0] == '\0' || strcasecmp(node, l->node) == 0) &&
	    strcasecmp(service_id, l->config->service_id) == 0;
}

static void
lock_holder_instance(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	size_t		 i;

	l->holder = NULL;
	if (lock_is_us(l, l->view.node, l->holder_session.service_id))
		return;
	for (i = 0; i < r->instance_count; i++)
		if (strcasecmp(r->instances[i].node, l->view.node) == 0 &&
		    strcasecmp(r->instances[i].service_id,
		    l->holder_session.service_id) == 0)
			break;
	if (i == r->instance_count) {
		/* Seen again with the next change or look. */
		lock_stranger_name(l->stranger, &l->holder_session);
		lock_report(l);
		return;
	}
	l->stranger[0] = '\0';
	text_copy(l->view.host, sizeof l->view.host, r->instances[i].address);
	l->view.port = r->instances[i].port;
	lock_report(l);
}

static void
lock_holder_session(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;

	l->holder = NULL;
	if (r->session_count == 0)
		return;
	text_copy(l->view.node, sizeof l->view.node, r->sessions[0].node);
	l->holder_session = r->sessions[0];
	if (l->holder_session.service_id[0] == '\0') {
		lock_stranger_name(l->stranger, &l->holder_session);
		lock_report(l);
		return;
	}
	l->holder = consul_instances(l->consul, l->config->service_name,
	    lock_holder_instance, l);
}

void
lock_holder_theirs(struct lock *l, const struct consul_key *k, bool again)
{
	yajl_val	v = lock_value_parse(k);
	bool		told = strcmp(json_string(v, "session", ""),
			    k->session) == 0;	/* by the holder itself */

	l->view.owner = CORE_LOCK_THEIRS;
	if (told && lock_is_us(l, json_string(v, "node", ""),
	    json_string(v, "service_id", ""))) {
		/* An earlier run of ours, whose session goes as soon as we
		 * make one: it is no master to follow. */
		text_copy(l->view.node, sizeof l->view.node, l->node);
		text_copy(l->view.host, sizeof l->view.host, "");
	} else if (told) {
		text_copy(l->view.node, sizeof l->view.node,
		    json_string(v, "node", ""));
		text_copy(l->view.host, sizeof l->view.host,
		    json_string(v, "address", ""));
		l->view.port = (uint16_t)json_uint(v, "port", 0);
	} else if (!again || l->view.host[0] == '\0') {
		text_copy(l->view.node, sizeof l->view.node, "");
		text_copy(l->view.host, sizeof l->view.host, "");
		lock_cancel(&l->holder);
		l->holder = consul_session_info(l->consul, k->session,
		    l->config->service_id, lock_holder_session, l);
	}
	yajl_tree_free(v);
	lock_report(l);
}

/*
 * No key at all: it was deleted, or there never was one.  Nobody can be master
 * if no other node has the service, or has had it:  instances -> records
 * A Consul agent that was started anew without its data takes our services out
 * of the catalogue until they are registered again; the record of who had a
 * session stays.
 */

static void
lock_alone_by_records(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	struct error	 err;
	char		 id[2 * CONSUL_NAME_MAX];
	yajl_val	 v;
	size_t		 i;

	l->holder = NULL;
	l->view.clean = r->outcome == CONSUL_OK;
	snprintf(id, sizeof id, CANDIDATES_ID, l->node, l->config->service_id);
	for (i = 0; i < r->record_count; i++) {
		v = json_parse(r->records[i].value,
		    strlen(r->records[i].value), &err);
		if (strcasecmp(json_string(v, "id", ""), id) != 0)
			l->view.clean = false;
		yajl_tree_free(v);
	}
	lock_report(l);
}

/* Consul hides what our token may not read, so we must see at least ourselves. */
static void
lock_alone(const struct consul_reply *r, void *arg)
{
	struct lock	*l = arg;
	char		 prefix[CONSUL_NAME_MAX];
	bool		 self = false, others = false;
	size_t		 i;

	l->holder = NULL;
	for (i = 0; i < r->instance_count; i++) {
		const struct consul_instance	*in = &r->instances[i];

		if (strcasecmp(in->node, l->node) == 0 &&
		    strcasecmp(in->service_id, l->config->service_id) == 0)
			self = true;
		else
			others = true;
	}
	if (r->outcome != CONSUL_OK || !self || others || r->filtered) {
		lock_report(l);
		return;
	}
	snprintf(prefix, sizeof prefix, CANDIDATES_PREFIX,
	    l->config->service_name);
	l->holder = consul_list(l->consul, prefix, 0, 0,
	    lock_alone_by_records, l);
}

void
lock_holder_none(struct lock *l, const struct consul_key *k)
{
	l->view.clean = lock_read_before(l, k) && k->exists;
	l->view.owner = CORE_LOCK_FREE;
	if (k->exists || l->was_held) {
		lock_report(l);
	} else if (l->node[0] == '\0') {
		l->view.owner = CORE_LOCK_UNKNOWN;
		l->view.missing = true;
		lock_report(l);
	} else if (l->holder == NULL) {
		l->holder = consul_instances(l->consul,
		    l->config->service_name, lock_alone, l);
	}
}

void
lock_holder_ours(struct lock *l)
{
	l->view.owner = CORE_LOCK_OURS;
	l->view.made = l->made;
	text_copy(l->view.node, sizeof l->view.node, l->node);
	text_copy(l->view.host, sizeof l->view.host, l->address);
	l->view.port = (uint16_t)l->config->service_port;
	lock_report(l);
}

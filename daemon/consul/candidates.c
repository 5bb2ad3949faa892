/* candidates.c - the records of the nodes that may take the lock, in Consul. */

#include "candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candidates_record.h"
#include "candidates_tidy.h"
#include "json.h"
#include "must.h"
#include "timer.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	10	/* ms between two: an election is short */
#define RETRY_PAUSE	2000	/* ms after a failure */

struct candidates {
	struct consul			*consul;
	const struct config		*config;
	const struct candidates_events	*events;
	void				*arg;

	char				 prefix[CONSUL_NAME_MAX];
	char				 id[ELECTION_ID];	/* "" at first */
	bool				 compares;
	bool				 stands;	/* as the record says: */
	int64_t				 priority;
	char				 session[CONSUL_ID_MAX];

	uint64_t			 index;
	bool				 read;		/* once, at least */
	bool				 shown;		/* with our own record */
	/* How often Consul had been silent when what is under way, and what
	 * was read last, was asked for. */
	uint64_t			 asked_after, read_after;
	uint32_t			 writes;	/* of ours, that have ended; */
	uint32_t			 asked_writes;	/* by then */
	bool				 doubtful;	/* what was read of ours */
	struct consul_request		*watch;
	struct event			*timer;
	char				*record;	/* ours, as it shall be */
	bool				 unwritten;
	struct consul_request		*put;
	struct event			*put_timer;	/* after a failure */
	char				*said;		/* as the master, */
	uint64_t			 said_epoch;	/* in that mastership */
	struct consul_request		*say;
	struct candidates_tidy		 tidy;

	struct election_record		*records;
	yajl_val			*trees;		/* hold their strings */
	size_t				 count;
	char				*master;
};

/* Of our record. */
struct candidates_key {
	char	 text[CONSUL_NAME_MAX + CONSUL_ID_MAX];
};

static void	candidates_watch(struct candidates *);
static void	candidates_write(struct candidates *);

static void
candidates_forget(struct candidates *c)
{
	while (c->count > 0) {
		c->count--;
		free((void *)c->records[c->count].yields);
		yajl_tree_free(c->trees[c->count]);
	}
	free(c->records);
	free(c->trees);
	c->records = NULL;
	c->trees = NULL;
}

/*
 * Reading.
 */

static bool
candidates_read_record(struct candidates *c, const struct consul_record *r)
{
	yajl_val	 v = candidates_record_read(r, &c->records[c->count]);

	if (v == NULL)
		return false;
	c->trees[c->count++] = v;
	return true;
}

static void
candidates_forget_it(const struct consul_reply *r, void *arg)
{
	(void)r;
	(void)arg;
}

static void
candidates_unsay(struct candidates *c)
{
	free(c->said);
	c->said = NULL;
}

static void
candidates_read_master(struct candidates *c, const struct consul_record *r)
{
	struct error	 err;
	yajl_val	 v = json_parse(r->value, strlen(r->value), &err);

	free(c->master);
	c->master = must_copy(json_string(v, "position", ""));
	/* Another one has written since: what we say is news again. */
	if (c->said != NULL && (strcmp(c->master, c->said) != 0 ||
	    strcasecmp(json_string(v, "id", ""), c->id) != 0))
		candidates_unsay(c);
	yajl_tree_free(v);
}

static void
candidates_read_ours(struct candidates *c, const char *key, const char *name)
{
	if (strcmp(name, c->session) == 0)
		c->shown = true;
	else if (c->session[0] != '\0')	/* of an earlier one */
		consul_delete(c->consul, key, candidates_forget_it, NULL);
}

/* A hand has changed it, or a request of ours for which we did not wait any more
 * has had its effect after a later one.  Who does that again and again is
 * answered after a pause. */
static void
candidates_mend(struct candidates *c, const struct consul_record *ours)
{
	struct timeval	pause = { RETRY_PAUSE / 1000, 0 };

	c->doubtful = c->session[0] != '\0' && c->stands && c->record != NULL &&
	    !c->unwritten && (ours == NULL ||
	    strcmp(ours->session, c->session) != 0 ||
	    strcmp(ours->value, c->record) != 0);
	if (!c->doubtful || c->put != NULL)
		return;
	/* It may only be older than what we have written since. */
	if (c->asked_writes != c->writes) {
		candidates_look(c);
		return;
	}
	c->doubtful = false;
	c->unwritten = true;
	if (event_pending(c->put_timer, EV_TIMEOUT, NULL))
		return;
	candidates_write(c);
	event_add(c->put_timer, &pause);
}

static void
candidates_read(struct candidates *c, const struct consul_reply *r)
{
	const struct consul_record	*in;
	const struct consul_record	*ours = NULL;
	const char			*name;

	candidates_forget(c);
	candidates_tidy_forget(&c->tidy);
	c->shown = false;
	c->records = must_zeroed(r->record_count + 1, sizeof *c->records);
	c->trees = must_zeroed(r->record_count + 1, sizeof *c->trees);
	for (in = r->records; in < r->records + r->record_count; in++) {
		name = in->key + strlen(c->prefix);
		if (strcmp(name, c->session) == 0)
			ours = in;
		if (strcmp(name, CANDIDATES_MASTER) == 0)
			candidates_read_master(c, in);
		else if (!candidates_read_record(c, in))
			continue;
		else if (strcasecmp(c->records[c->count - 1].id, c->id) == 0)
			candidates_read_ours(c, in->key, name);
		else if (in->session[0] == '\0')
			candidates_tidy_add(&c->tidy, in->key);
	}
	candidates_mend(c, ours);
	candidates_tidy_next(&c->tidy);
}

void
candidates_hold(struct candidates *c, bool yes)
{
	if (c->tidy.holds == yes)
		return;
	c->tidy.holds = yes;
	if (!yes)
		candidates_unsay(c);
	candidates_tidy_next(&c->tidy);
}

static void
candidates_watched(const struct consul_reply *r, void *arg)
{
	struct candidates	*c = arg;
	struct timeval		 pause = { 0, WATCH_PAUSE * 1000 };
	struct timeval		 retry = { RETRY_PAUSE / 1000, 0 };

	c->watch = NULL;
	if (r->outcome != CONSUL_OK || r->index < c->index) {
		c->index = 0;
		event_add(c->timer, &retry);
		if (r->outcome != CONSUL_OK)
			c->events->trouble(r->text, c->arg);
		if (r->too_large)
			candidates_tidy_too_many(&c->tidy);
		return;
	}
	event_add(c->timer, &pause);
	c->events->trouble("", c->arg);
	c->read = true;
	c->read_after = c->asked_after;
	if (r->index == c->index)
		return;
	c->index = r->index;
	candidates_read(c, r);
	c->events->changed(c->arg);
}

static void
candidates_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	candidates_watch(arg);
}

static void
candidates_watch(struct candidates *c)
{
	if (c->watch != NULL)
		return;
	/* What was missed in a silence must be answered at once. */
	if (c->asked_after != consul_silences(c->consul))
		c->index = 0;
	c->asked_after = consul_silences(c->consul);
	c->asked_writes = c->writes;
	c->watch = consul_list(c->consul, c->prefix, c->index, WATCH_WAIT,
	    candidates_watched, c);
}

/* A long poll whose answer was lost hears nothing for a minute. */
void
candidates_look(struct candidates *c)
{
	if (c->id[0] == '\0')
		return;
	event_del(c->timer);
	consul_cancel(c->watch);
	c->watch = NULL;
	c->index = 0;
	c->read = false;	/* what we have may be of before that loss */
	candidates_watch(c);
}

void
candidates_refresh(struct candidates *c)
{
	if (c->asked_after != consul_silences(c->consul))
		candidates_look(c);
}

/*
 * Writing.
 */

static struct candidates_key
candidates_key(const struct candidates *c)
{
	struct candidates_key	key;

	snprintf(key.text, sizeof key.text, "%s%s", c->prefix, c->session);
	return key;
}

/* What is being written, or shall be, is not wanted any more. */
static void
candidates_drop(struct candidates *c)
{
	consul_cancel(c->put);
	c->put = NULL;
	c->unwritten = false;
}

static void
candidates_written(const struct consul_reply *r, void *arg)
{
	struct candidates	*c = arg;
	struct timeval		 retry = { RETRY_PAUSE / 1000, 0 };

	c->put = NULL;
	c->writes++;
	/* What stood there already wakes no watch. */
	if (r->outcome == CONSUL_OK && (!c->shown || c->doubtful))
		candidates_look(c);
	/* REFUSED, a 500: our session is over, and the lock will notice. */
	c->events->trouble(r->outcome == CONSUL_DENIED ||
	    (r->outcome == CONSUL_UNKNOWN && r->status == 0) ? r->text : "",
	    c->arg);
	if (r->outcome == CONSUL_OK || c->unwritten) {
		candidates_write(c);
		return;
	}
	/* Who is not on record is not waited for. */
	c->unwritten = true;
	event_add(c->put_timer, &retry);
}

/* One at a time, so that the last one stays. */
static void
candidates_write(struct candidates *c)
{
	if (c->session[0] == '\0' || c->put != NULL || !c->unwritten)
		return;
	c->unwritten = false;
	event_del(c->put_timer);
	c->put = consul_put(c->consul, candidates_key(c).text, c->session,
	    c->record, candidates_written, c);
}

static void
candidates_put_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	candidates_write(arg);
}

/* Keeps value. */
static void
candidates_put(struct candidates *c, char *value)
{
	free(c->record);
	c->record = value;
	c->unwritten = true;
	candidates_write(c);
}

static yajl_gen
candidates_record(const struct candidates *c)
{
	return candidates_record_begin(c->id, c->priority, c->compares);
}

static void
candidates_stand(struct candidates *c)
{
	c->stands = !c->config->never_master;
	if (c->session[0] != '\0' && c->id[0] != '\0' && c->stands)
		candidates_put(c,
		    candidates_record_finish(candidates_record(c)));
}

void
candidates_publish(struct candidates *c, uint64_t epoch, const char *position,
    const char *const *yields)
{
	yajl_gen	 g;

	if (!c->stands)
		return;
	g = candidates_record(c);
	candidates_record_put_position(g, epoch, position);
	candidates_record_put_yields(g, yields);
	candidates_put(c, candidates_record_finish(g));
}

static void
candidates_said(const struct consul_reply *r, void *arg)
{
	struct candidates	*c = arg;

	c->say = NULL;
	if (r->outcome != CONSUL_OK)
		candidates_unsay(c);
}

void
candidates_say_master(struct candidates *c, uint64_t epoch,
    const char *position)
{
	char		 key[CONSUL_NAME_MAX + sizeof CANDIDATES_MASTER];
	yajl_gen	 g;
	char		*value;

	if (c->said != NULL && strcmp(c->said, position) == 0 &&
	    c->said_epoch == epoch)
		return;
	free(c->said);
	c->said = must_copy(position);
	c->said_epoch = epoch;
	g = candidates_record(c);
	candidates_record_put_position(g, epoch, position);
	value = candidates_record_finish(g);
	snprintf(key, sizeof key, "%s" CANDIDATES_MASTER, c->prefix);
	consul_cancel(c->say);
	c->say = consul_put(c->consul, key, NULL, value, candidates_said, c);
	free(value);
}

void
candidates_session(struct candidates *c, const char *session)
{
	if (strcmp(c->session, session) == 0)
		return;
	snprintf(c->session, sizeof c->session, "%s", session);
	c->shown = false;
	candidates_drop(c);
	candidates_stand(c);
}

void
candidates_make_id(char id[ELECTION_ID], const char *node,
    const char *service_id)
{
	snprintf(id, ELECTION_ID, CANDIDATES_ID, node, service_id);
}

/* Our record with the new priority, and with what it says of the lock: without
 * that the others would take us, for a moment, for one who has not spoken. */
static void
candidates_stand_again(struct candidates *c)
{
	struct error	 err;
	yajl_val	 v = c->record == NULL ? NULL :
			    json_parse(c->record, strlen(c->record), &err);
	const char	*const *yields;

	if (json_get(v, "epoch") == NULL) {
		candidates_stand(c);
	} else {
		yields = candidates_record_yields(json_get(v, "yields"));
		candidates_publish(c, json_uint(v, "epoch", 0),
		    json_string(v, "position", ""), yields);
		free((void *)yields);
	}
	yajl_tree_free(v);
}

bool
candidates_identify(struct candidates *c, const char *node, bool compares,
    int64_t priority)
{
	char	id[ELECTION_ID];
	bool	same, ranked;

	if (node[0] == '\0')
		return false;
	candidates_make_id(id, node, c->config->service_id);
	same = strcmp(id, c->id) == 0 && c->compares == compares &&
	    c->stands == !c->config->never_master;
	ranked = same && c->priority != priority;
	snprintf(c->id, sizeof c->id, "%s", id);
	c->compares = compares;
	c->priority = priority;
	if (c->index == 0)
		candidates_watch(c);
	if (same && !ranked)
		return false;
	if (c->stands && c->config->never_master)
		candidates_leave(c);
	if (ranked)
		candidates_stand_again(c);
	else
		candidates_stand(c);
	return true;
}

void
candidates_leave(struct candidates *c)
{
	if (c->session[0] == '\0' || !c->stands)
		return;
	candidates_drop(c);
	consul_delete(c->consul, candidates_key(c).text, candidates_forget_it,
	    NULL);
}

const struct election_record *
candidates_records(const struct candidates *c, size_t *count)
{
	*count = c->count;
	return c->records;
}

bool
candidates_are_current(const struct candidates *c)
{
	return c->read && c->read_after == consul_silences(c->consul) &&
	    (c->shown || !c->stands);
}

const char *
candidates_master(const struct candidates *c)
{
	return c->master != NULL ? c->master : "";
}

struct candidates *
candidates_new(struct event_base *base, struct consul *consul,
    const struct config *config, const struct candidates_events *events,
    void *arg)
{
	struct candidates	*c = must_zeroed(1, sizeof *c);

	c->consul = consul;
	c->config = config;
	c->events = events;
	c->arg = arg;
	snprintf(c->prefix, sizeof c->prefix, CANDIDATES_PREFIX,
	    config->service_name);
	c->tidy.consul = consul;
	c->tidy.prefix = c->prefix;
	c->timer = timer_new(base, candidates_timer, c);
	c->put_timer = timer_new(base, candidates_put_timer, c);
	return c;
}

void
candidates_free(struct candidates *c)
{
	if (c == NULL)
		return;
	consul_cancel(c->watch);
	consul_cancel(c->put);
	consul_cancel(c->say);
	candidates_tidy_free(&c->tidy);
	event_free(c->timer);
	event_free(c->put_timer);
	candidates_forget(c);
	free(c->record);
	free(c->said);
	free(c->master);
	free(c);
}

/* candidates.c - the records of those who may take the lock, in Consul. */

#include "candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define WATCH_WAIT	55000	/* ms of one long poll */
#define WATCH_PAUSE	10	/* ms between two: an election is short */
#define RETRY_PAUSE	2000	/* ms after a failure */
#define MASTER		"master"

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
	struct consul_request		*watch;
	struct event			*timer;
	char				*record;	/* ours, as it shall be */
	bool				 unwritten;
	struct consul_request		*put;
	struct event			*put_timer;	/* after a failure */
	char				*said;		/* as the master */

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

static const char *const *
candidates_read_yields(yajl_val v)
{
	size_t		 n = YAJL_IS_ARRAY(v) ? v->u.array.len : 0, i, k = 0;
	const char	**list = calloc(n + 1, sizeof *list);

	if (list == NULL)
		abort();
	for (i = 0; i < n; i++)
		if (YAJL_IS_STRING(v->u.array.values[i]))
			list[k++] = v->u.array.values[i]->u.string;
	return list;
}

/* What nobody of ours would write is no record. */
static bool
candidates_read_record(struct candidates *c, const struct consul_record *r)
{
	struct error		 err;
	yajl_val		 v = json_parse(r->value, strlen(r->value),
				    &err);
	struct election_record	*e = &c->records[c->count];

	e->id = json_string(v, "id", "");
	if (e->id[0] == '\0') {
		yajl_tree_free(v);
		return false;
	}
	e->alive = r->session[0] != '\0';
	e->compares = YAJL_IS_TRUE(json_get(v, "compares"));
	e->priority = (int64_t)json_uint(v, "priority", 0);
	e->epoch = json_uint(v, "epoch", UINT64_MAX);
	e->position = json_string(v, "position", "");
	e->yields = candidates_read_yields(json_get(v, "yields"));
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
candidates_read_master(struct candidates *c, const struct consul_record *r)
{
	struct error	 err;
	yajl_val	 v = json_parse(r->value, strlen(r->value), &err);

	free(c->master);
	c->master = strdup(json_string(v, "position", ""));
	yajl_tree_free(v);
}

static void
candidates_read(struct candidates *c, const struct consul_reply *r)
{
	const struct consul_record	*in;
	const char			*name;

	candidates_forget(c);
	c->records = calloc(r->record_count + 1, sizeof *c->records);
	c->trees = calloc(r->record_count + 1, sizeof *c->trees);
	if (c->records == NULL || c->trees == NULL)
		abort();
	for (in = r->records; in < r->records + r->record_count; in++) {
		name = in->key + strlen(c->prefix);
		if (strcmp(name, MASTER) == 0)
			candidates_read_master(c, in);
		else if (candidates_read_record(c, in) &&
		    strcmp(c->records[c->count - 1].id, c->id) == 0 &&
		    strcmp(name, c->session) != 0)
			/* Of an earlier session of ours. */
			consul_delete(c->consul, in->key, candidates_forget_it,
			    NULL);
	}
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
		return;
	}
	event_add(c->timer, &pause);
	c->events->trouble("", c->arg);
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
	if (c->watch == NULL)
		c->watch = consul_list(c->consul, c->prefix, c->index,
		    WATCH_WAIT, candidates_watched, c);
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
	candidates_watch(c);
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
	yajl_gen	 g = json_new();

	yajl_gen_map_open(g);
	json_put_member(g, "id", c->id);
	json_put_member_int(g, "priority", c->priority);
	json_put_member_bool(g, "compares", c->compares);
	return g;
}

static char *
candidates_finish(yajl_gen g)
{
	char	*text;

	yajl_gen_map_close(g);
	text = strdup(json_text(g, NULL));
	json_free(g);
	return text;
}

static void
candidates_stand(struct candidates *c)
{
	c->stands = !c->config->never_master;
	if (c->session[0] != '\0' && c->id[0] != '\0' && c->stands)
		candidates_put(c, candidates_finish(candidates_record(c)));
}

void
candidates_publish(struct candidates *c, uint64_t epoch, const char *position,
    const char *const *yields)
{
	yajl_gen	 g;

	if (!c->stands)
		return;
	g = candidates_record(c);
	json_put_member_int(g, "epoch", (int64_t)epoch);
	json_put_member(g, "position", position);
	json_put(g, "yields");
	yajl_gen_array_open(g);
	for (; *yields != NULL; yields++)
		json_put(g, *yields);
	yajl_gen_array_close(g);
	candidates_put(c, candidates_finish(g));
}

void
candidates_say_master(struct candidates *c, uint64_t epoch,
    const char *position)
{
	char		 key[CONSUL_NAME_MAX + sizeof MASTER];
	yajl_gen	 g;
	char		*value;

	if (c->said != NULL && strcmp(c->said, position) == 0)
		return;
	free(c->said);
	c->said = strdup(position);
	g = candidates_record(c);
	json_put_member_int(g, "epoch", (int64_t)epoch);
	json_put_member(g, "position", position);
	value = candidates_finish(g);
	snprintf(key, sizeof key, "%s" MASTER, c->prefix);
	consul_put(c->consul, key, NULL, value, candidates_forget_it, NULL);
	free(value);
}

void
candidates_session(struct candidates *c, const char *session)
{
	if (strcmp(c->session, session) == 0)
		return;
	snprintf(c->session, sizeof c->session, "%s", session);
	candidates_drop(c);
	candidates_stand(c);
}

void
candidates_make_id(char id[ELECTION_ID], const char *node,
    const char *service_id)
{
	snprintf(id, ELECTION_ID, "%s/%s", node, service_id);
}

void
candidates_identify(struct candidates *c, const char *node, bool compares,
    int64_t priority)
{
	char	id[ELECTION_ID];
	bool	same;

	if (node[0] == '\0')
		return;
	candidates_make_id(id, node, c->config->service_id);
	same = strcmp(id, c->id) == 0 && c->compares == compares &&
	    c->priority == priority &&
	    c->stands == !c->config->never_master;
	snprintf(c->id, sizeof c->id, "%s", id);
	c->compares = compares;
	c->priority = priority;
	if (c->index == 0)
		candidates_watch(c);
	if (same)
		return;
	if (c->stands && c->config->never_master)
		candidates_leave(c);
	candidates_stand(c);
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
	struct candidates	*c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->consul = consul;
	c->config = config;
	c->events = events;
	c->arg = arg;
	snprintf(c->prefix, sizeof c->prefix, "lock/%s/candidates/",
	    config->service_name);
	c->timer = evtimer_new(base, candidates_timer, c);
	c->put_timer = evtimer_new(base, candidates_put_timer, c);
	return c;
}

void
candidates_free(struct candidates *c)
{
	if (c == NULL)
		return;
	consul_cancel(c->watch);
	consul_cancel(c->put);
	event_free(c->timer);
	event_free(c->put_timer);
	candidates_forget(c);
	free(c->record);
	free(c->said);
	free(c->master);
	free(c);
}

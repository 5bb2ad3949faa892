/* consul_sessions.c - Consul's sessions. */
#include "consul_sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "consul_answer.h"
#include "consul_request.h"
#include "must.h"

/*
 * Answers: each function reads one kind.
 */

static enum consul_outcome
consul_read_destroyed(struct consul_answer *a)
{
	return consul_answer_true(a) == CONSUL_OK ? CONSUL_OK : CONSUL_UNKNOWN;
}

static enum consul_outcome
consul_read_created(struct consul_answer *a)
{
	char	 id[CONSUL_ID_MAX];

	if (consul_answer_says(a, 500, "is in critical state") ||
	    consul_answer_says(a, 500, "Missing check") ||
	    consul_answer_says(a, 500, "Missing node registration"))
		return CONSUL_REFUSED;
	if (!consul_answer_id(consul_answer_root(a, 200), "ID", id))
		return CONSUL_UNKNOWN;
	a->reply.id = json_string(a->root, "ID", "");
	return CONSUL_OK;
}

/* Checks are named by strings, since 1.7 also by objects with an ID; Consul
 * finds them in any case. */
static bool
consul_has_check(yajl_val list, const char *id)
{
	yajl_val	 v;
	size_t		 i;

	for (i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++) {
		v = list->u.array.values[i];
		if (strcasecmp(YAJL_IS_STRING(v) ? v->u.string :
		    json_string(v, "ID", ""), id) == 0)
			return true;
	}
	return false;
}

static bool
consul_session_has(yajl_val v, const char *id)
{
	return consul_has_check(json_get(v, "Checks"), id) ||
	    consul_has_check(json_get(v, "NodeChecks"), id) ||
	    consul_has_check(json_get(v, "ServiceChecks"), id);
}

/* The first of the checks that is a service's. */
static void
consul_read_service_id(struct consul_session *s, yajl_val list)
{
	const char	*id;
	yajl_val	 v;
	size_t		 i;

	for (i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++) {
		v = list->u.array.values[i];
		id = YAJL_IS_STRING(v) ? v->u.string : json_string(v, "ID", "");
		if (s->service_id[0] == '\0' &&
		    strncasecmp(id, "service:", 8) == 0 &&
		    strlen(id + 8) < sizeof s->service_id)
			snprintf(s->service_id, sizeof s->service_id, "%s",
			    id + 8);
	}
}

static bool
consul_read_session(struct consul_session *s, yajl_val v, const char *check)
{
	uint64_t	 delay_ns;

	/* Those of others may be called anything: a name that is cut, or a TTL,
	 * is none of ours. */
	if (!consul_answer_id(v, "ID", s->id) ||
	    !consul_answer_string(v, "Name", s->name, sizeof s->name) ||
	    !consul_answer_name(v, "Node", s->node) ||
	    !consul_answer_string(v, "TTL", s->ttl, sizeof s->ttl) ||
	    !consul_answer_uint(v, "LockDelay", &delay_ns))
		return false;
	s->lock_delay_ms = (int64_t)(delay_ns / 1000000);
	s->serf_health = consul_session_has(v, "serfHealth");
	s->service = consul_session_has(v, check);
	consul_read_service_id(s, json_get(v, "Checks"));
	consul_read_service_id(s, json_get(v, "ServiceChecks"));
	return true;
}

static enum consul_outcome
consul_read_sessions(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	size_t		 i;

	if (!YAJL_IS_ARRAY(v))
		return CONSUL_UNKNOWN;
	a->sessions = must_zeroed(v->u.array.len + 1,
	    sizeof *a->sessions);
	for (i = 0; i < v->u.array.len; i++)
		if (!consul_read_session(&a->sessions[i],
		    v->u.array.values[i], a->request->expected))
			return CONSUL_UNKNOWN;
	a->reply.sessions = a->sessions;
	a->reply.session_count = v->u.array.len;
	return CONSUL_OK;
}

/* The one session that was asked for, or none. */
static enum consul_outcome
consul_read_session_info(struct consul_answer *a)
{
	if (consul_read_sessions(a) != CONSUL_OK)
		return CONSUL_UNKNOWN;
	if (a->reply.session_count > 1 || (a->reply.session_count == 1 &&
	    strcmp(a->sessions[0].id, a->request->subject) != 0)) {
		a->reply.sessions = NULL;
		a->reply.session_count = 0;
		return CONSUL_UNKNOWN;
	}
	return CONSUL_OK;
}

static enum consul_outcome
consul_read_renewed(struct consul_answer *a)
{
	if (consul_answer_says(a, 404, "not found") &&
	    consul_answer_says(a, 404, a->request->subject))
		return CONSUL_GONE;
	return consul_read_session_info(a) == CONSUL_OK &&
	    a->reply.session_count == 1 ? CONSUL_OK : CONSUL_UNKNOWN;
}

/*
 * Requests.
 */

/* Consul 1.7 binds a session to serfHealth wherever NodeChecks does not say
 * otherwise, and then takes ServiceChecks only; before, it knows Checks only. */
static void
consul_put_checks(yajl_gen g, bool serf_health, const char *check)
{
	json_put(g, "Checks");
	yajl_gen_array_open(g);
	if (serf_health)
		json_put(g, "serfHealth");
	json_put(g, check);
	yajl_gen_array_close(g);
	if (serf_health)
		return;
	json_put(g, "NodeChecks");
	yajl_gen_array_open(g);
	yajl_gen_array_close(g);
	json_put(g, "ServiceChecks");
	yajl_gen_array_open(g);
	yajl_gen_map_open(g);
	json_put_member(g, "ID", check);
	yajl_gen_map_close(g);
	yajl_gen_array_close(g);
}

struct consul_request *
consul_session_create(struct consul *c, const char *name,
    const char *service_id, bool serf_health, int64_t ttl_ms,
    int64_t lock_delay_ms, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, name,
				    consul_read_created, cb, arg);
	yajl_gen		 g = json_new();
	char			*check = consul_request_check_id(service_id);

	yajl_gen_map_open(g);
	json_put_member(g, "Name", name);
	consul_put_checks(g, serf_health, check);
	consul_request_put_duration(g, "TTL", ttl_ms);
	consul_request_put_duration(g, "LockDelay", lock_delay_ms);
	json_put_member(g, "Behavior", "release");
	yajl_gen_map_close(g);
	free(check);
	return consul_request_send_json(r, "/v1/session/create", g);
}

struct consul_request *
consul_session_renew(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_renewed, cb, arg);

	r->expected = must_copy("");
	return consul_request_send(r, "PUT", NULL, 0, "/v1/session/renew/%s",
	    r->escaped);
}

struct consul_request *
consul_session_destroy(struct consul *c, const char *id, consul_cb cb,
    void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_destroyed, cb, arg);

	return consul_request_send(r, "PUT", NULL, 0, "/v1/session/destroy/%s",
	    r->escaped);
}

struct consul_request *
consul_session_info(struct consul *c, const char *id, const char *service_id,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_session_info, cb, arg);

	r->expected = consul_request_check_id(service_id);
	return consul_request_send(r, "GET", NULL, 0, "/v1/session/info/%s",
	    r->escaped);
}

struct consul_request *
consul_sessions(struct consul *c, const char *node, const char *service_id,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, node,
				    consul_read_sessions, cb, arg);

	r->expected = consul_request_check_id(service_id);
	return consul_request_send(r, "GET", NULL, 0, "/v1/session/node/%s",
	    r->escaped);
}

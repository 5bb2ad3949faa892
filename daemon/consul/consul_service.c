/* consul_service.c - our service in the local Consul agent. */
#include "consul_service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "consul_answer.h"
#include "consul_meta.h"
#include "consul_request.h"
#include "must.h"

/*
 * Answers: each function reads one kind.
 */

static enum consul_outcome
consul_read_empty(struct consul_answer *a)
{
	return a->http->status == 200 && a->http->length == 0 ?
	    CONSUL_OK : CONSUL_UNKNOWN;
}

/* What is not there is deregistered. */
static enum consul_outcome
consul_read_deregistered(struct consul_answer *a)
{
	if (consul_answer_says(a, 500, "unknown service") ||
	    consul_answer_says(a, 404, "unknown service"))
		return CONSUL_OK;
	return consul_read_empty(a);
}

static enum consul_outcome
consul_read_own_service(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	uint64_t	 port;

	if (consul_answer_says(a, 404, "unknown service ID"))
		return CONSUL_GONE;
	if (strcmp(json_string(v, "ID", ""), a->request->subject) != 0 ||
	    !consul_answer_uint(v, "Port", &port))
		return CONSUL_UNKNOWN;
	a->reply.address = json_string(v, "Address", "");
	a->reply.port = (uint16_t)port;
	a->reply.name = json_string(v, "Service", "");
	a->reply.hash = json_string(v, "ContentHash", "");
	a->reply.agent = json_string(json_get(v, "Meta"), CONSUL_AGENT, "");
	a->reply.check = json_string(json_get(v, "Meta"), CONSUL_CHECK, "");
	a->reply.since = json_string(json_get(v, "Meta"), CONSUL_SINCE, "");
	a->reply.warning = json_string(json_get(v, "Meta"), CONSUL_WARNING,
	    "");
	a->reply.notice = json_string(json_get(v, "Meta"), CONSUL_NOTICE, "");
	a->reply.health = json_string(json_get(v, "Meta"), CONSUL_HEALTH, "");
	a->reply.tags = consul_answer_join(a, json_get(v, "Tags"));
	if (a->reply.tags != NULL)
		return CONSUL_OK;
	a->reply.tags = "";
	return CONSUL_UNKNOWN;
}

/* The name of a member that differs in case only; "" where there is none. */
static const char *
consul_other_case(yajl_val v, const char *name)
{
	size_t	 i;

	for (i = 0; YAJL_IS_OBJECT(v) && i < v->u.object.len; i++)
		if (strcasecmp(v->u.object.keys[i], name) == 0 &&
		    strcmp(v->u.object.keys[i], name) != 0)
			return v->u.object.keys[i];
	return "";
}

static enum consul_outcome
consul_read_own_check(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	yajl_val	 check = json_get(v, a->request->expected);

	a->reply.id = consul_other_case(v, a->request->expected);
	if (YAJL_IS_OBJECT(v) && check == NULL)
		return CONSUL_GONE;
	a->reply.node = json_string(check, "Node", "");
	a->reply.check_status = json_string(check, "Status", "");
	a->reply.check_output = json_string(check, "Output", "");
	return a->reply.node[0] != '\0' &&
	    strlen(a->reply.node) < CONSUL_NAME_MAX &&
	    a->reply.check_status[0] != '\0' ? CONSUL_OK : CONSUL_UNKNOWN;
}

/*
 * Requests.
 */

static void
consul_put_tags(yajl_gen g, const char *tags)
{
	char	*copy = must_copy(tags), *rest = copy, *tag;

	json_put(g, "Tags");
	yajl_gen_array_open(g);
	while ((tag = strsep(&rest, ",")) != NULL)
		if (tag[0] != '\0')
			json_put(g, tag);
	yajl_gen_array_close(g);
	free(copy);
}

/*
 * Consul does not show what a check was registered with, so we note it down.
 * The token too: with the one of then Consul writes the check's state, and the
 * end of the service, into its catalogue, and can't any more once it is revoked.
 */
static void
consul_describe_check(const struct consul *c,
    const struct consul_registration *s, char *text, size_t size)
{
	uint16_t	token = http_token_mark(c->http);
	int		n = snprintf(text, size, "%.400s every %" PRId64
			    " ms, time-out %" PRId64 " ms, %" PRId64 " failures",
			    s->check_url, s->check_interval_ms,
			    s->check_timeout_ms, s->check_failures);

	if (token != 0)
		snprintf(text + n, size - (size_t)n, ", token %04x", token);
}

bool
consul_same_check(const struct consul *c, const char *described,
    const struct consul_registration *s)
{
	char	 text[CONSUL_META_MAX];

	consul_describe_check(c, s, text, sizeof text);
	return strcmp(text, described) == 0;
}

/* Consul counts FailuresBeforeCritical as we do: 2 means the second bad poll
 * in a row.  "Status" is looked at only when the check is new. */
static void
consul_put_check(yajl_gen g, const struct consul_registration *s)
{
	json_put(g, "Check");
	yajl_gen_map_open(g);
	json_put_member(g, "HTTP", s->check_url);
	consul_request_put_duration(g, "Interval", s->check_interval_ms);
	consul_request_put_duration(g, "Timeout", s->check_timeout_ms);
	json_put_member_int(g, "FailuresBeforeCritical", s->check_failures);
	if (s->passing)
		json_put_member(g, "Status", "passing");
	yajl_gen_map_close(g);
}

struct consul_request *
consul_register(struct consul *c, const struct consul_registration *s,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, s->id,
				    consul_read_empty, cb, arg);
	yajl_gen		 g = json_new();
	char			 check[CONSUL_META_MAX];

	yajl_gen_map_open(g);
	json_put_member(g, "ID", s->id);
	json_put_member(g, "Name", s->name);
	if (s->address[0] != '\0')
		json_put_member(g, "Address", s->address);
	json_put_member_int(g, "Port", s->port);
	consul_put_tags(g, s->tags);
	json_put(g, "Meta");
	yajl_gen_map_open(g);
	json_put_member(g, CONSUL_SINCE, s->since);
	json_put_member(g, CONSUL_HEALTH, s->health);
	json_put_member(g, CONSUL_HEALTH_AT, s->health_at);
	if (s->warning != NULL && s->warning[0] != '\0')
		json_put_member(g, CONSUL_WARNING, s->warning);
	if (s->notice != NULL && s->notice[0] != '\0')
		json_put_member(g, CONSUL_NOTICE, s->notice);
	consul_describe_check(c, s, check, sizeof check);
	json_put_member(g, CONSUL_CHECK, s->kept_check == NULL ? check :
	    s->kept_check);
	json_put_member(g, CONSUL_AGENT, s->agent);
	yajl_gen_map_close(g);
	if (s->kept_check == NULL)
		consul_put_check(g, s);
	yajl_gen_map_close(g);
	return consul_request_send_json(r, "/v1/agent/service/register", g);
}

struct consul_request *
consul_deregister(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_deregistered, cb, arg);

	return consul_request_send(r, "PUT", NULL, 0,
	    "/v1/agent/service/deregister/%s", r->escaped);
}

struct consul_request *
consul_own_service(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_own_service, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/agent/service/%s",
	    r->escaped);
}

/* Agents answer by a hash here; no index counts what they alone know. */
struct consul_request *
consul_watch_own_service(struct consul *c, const char *id, const char *hash,
    int64_t wait_ms, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_own_service, cb, arg);
	char			*escaped = consul_request_escape(hash);

	consul_request_send(r, "GET", NULL, wait_ms + wait_ms / 16 + 2000 +
	    c->config->request_timeout, "/v1/agent/service/%s?hash=%s&wait=%"
	    PRId64 "ms", r->escaped, escaped, wait_ms);
	free(escaped);
	return r;
}

struct consul_request *
consul_own_check(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, id,
				    consul_read_own_check, cb, arg);

	r->expected = consul_request_check_id(id);
	return consul_request_send(r, "GET", NULL, 0, "/v1/agent/checks");
}

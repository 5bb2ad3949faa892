/* consul_keys.c - Consul's keys, and the locks on them. */
#include "consul_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "consul_answer.h"
#include "consul_request.h"
#include "must.h"

/*
 * Answers: each function reads one kind.
 */

/* A member named Session is missing where nobody has the lock, and nothing
 * else says so: any other kind of value is a broken answer. */
static bool
consul_read_entry(struct consul_answer *a, yajl_val v)
{
	struct consul_key	*k = &a->key;
	yajl_val		 value = json_get(v, "Value");

	if (strcmp(json_string(v, "Key", ""), a->request->subject) != 0 ||
	    !consul_answer_uint(v, "CreateIndex", &k->create_index) ||
	    !consul_answer_uint(v, "LockIndex", &k->lock_index) ||
	    !consul_answer_uint(v, "ModifyIndex", &k->modify_index) ||
	    (json_get(v, "Session") != NULL &&
	    !consul_answer_id(v, "Session", k->session)))
		return false;
	if (YAJL_IS_STRING(value) ? !base64_decode(YAJL_GET_STRING(value),
	    k->value, sizeof k->value) : !YAJL_IS_NULL(value))
		return false;
	k->exists = true;
	a->reply.key = k;
	return true;
}

/* A 404 of somebody else than Consul has a body, or no index. */
static enum consul_outcome
consul_read_key(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);

	if (a->http->status == 404 && a->http->length == 0 &&
	    a->http->index > 0) {
		a->reply.key = &a->key;
		return CONSUL_OK;
	}
	return YAJL_IS_ARRAY(v) && v->u.array.len == 1 && a->http->index > 0 &&
	    consul_read_entry(a, v->u.array.values[0]) ?
	    CONSUL_OK : CONSUL_UNKNOWN;
}

static bool
consul_read_record(struct consul_answer *a, struct consul_record *r,
    yajl_val v)
{
	yajl_val	 value = json_get(v, "Value");
	size_t		 size, length;
	char		*text;

	r->key = json_string(v, "Key", "");
	r->session = json_string(v, "Session", "");
	r->value = "";
	r->modify_index = json_uint(v, "ModifyIndex", 0);
	if (strncmp(r->key, a->request->subject,
	    strlen(a->request->subject)) != 0)
		return false;
	if (!YAJL_IS_STRING(value))
		return YAJL_IS_NULL(value);
	size = strlen(value->u.string) + 1;
	text = must_zeroed(size, 1);
	r->value = consul_answer_keep(a, text);
	if (!base64_decode(value->u.string, text, size))
		return false;
	length = strcspn(value->u.string, "=") * 3 / 4;
	r->cut = strlen(text) < length;
	return true;
}

static enum consul_outcome
consul_read_records(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	size_t		 i;

	if (a->http->status == 404 && a->http->length == 0 &&
	    a->http->index > 0)
		return CONSUL_OK;
	if (!YAJL_IS_ARRAY(v) || a->http->index == 0)
		return CONSUL_UNKNOWN;
	a->records = must_zeroed(v->u.array.len + 1,
	    sizeof *a->records);
	for (i = 0; i < v->u.array.len; i++)
		if (!consul_read_record(a, &a->records[i],
		    v->u.array.values[i]))
			return CONSUL_UNKNOWN;
	a->reply.records = a->records;
	a->reply.record_count = v->u.array.len;
	return CONSUL_OK;
}

static enum consul_outcome
consul_read_names(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	size_t		 i;

	if (a->http->status == 404 && a->http->length == 0)
		return CONSUL_OK;
	if (!YAJL_IS_ARRAY(v))
		return CONSUL_UNKNOWN;
	a->records = must_zeroed(v->u.array.len + 1,
	    sizeof *a->records);
	for (i = 0; i < v->u.array.len; i++) {
		if (!YAJL_IS_STRING(v->u.array.values[i]) ||
		    strncmp(v->u.array.values[i]->u.string, a->request->subject,
		    strlen(a->request->subject)) != 0)
			return CONSUL_UNKNOWN;
		a->records[i].key = v->u.array.values[i]->u.string;
		a->records[i].session = a->records[i].value = "";
	}
	a->reply.records = a->records;
	a->reply.record_count = v->u.array.len;
	return CONSUL_OK;
}

/* 409: Consul took the whole transaction back, and says why. */
static enum consul_outcome
consul_read_rollback(struct consul_answer *a)
{
	yajl_val	 list = json_get(a->root, "Errors");
	const char	*why;

	if (!YAJL_IS_ARRAY(list) || list->u.array.len == 0)
		return CONSUL_UNKNOWN;
	why = json_string(list->u.array.values[0], "What", "");
	if (why[0] == '\0')
		return CONSUL_UNKNOWN;
	a->words = why;
	if (strstr(why, "invalid session") != NULL)
		return CONSUL_GONE;
	if (strstr(why, "Permission denied") != NULL)
		return CONSUL_DENIED;
	a->reply.delayed = strstr(why, "lock delay") != NULL;
	return CONSUL_REFUSED;
}

static enum consul_outcome
consul_read_locked(struct consul_answer *a)
{
	yajl_val	 list, v;

	if (consul_answer_root(a, 409) != NULL)
		return consul_read_rollback(a);
	if (consul_answer_says(a, 500, "invalid session"))
		return CONSUL_GONE;
	list = json_get(consul_answer_root(a, 200), "Results");
	if (!YAJL_IS_ARRAY(list) || list->u.array.len == 0)
		return CONSUL_UNKNOWN;
	v = json_get(list->u.array.values[list->u.array.len - 1], "KV");
	if (!consul_read_entry(a, v) ||
	    strcmp(a->key.session, a->request->expected) != 0) {
		a->reply.key = NULL;
		return CONSUL_UNKNOWN;
	}
	return CONSUL_OK;
}

static enum consul_outcome
consul_read_released(struct consul_answer *a)
{
	return consul_answer_says(a, 500, "invalid session") ? CONSUL_REFUSED :
	    consul_answer_true(a);
}

/*
 * Requests.
 */

struct consul_request *
consul_get(struct consul *c, const char *key, bool consistent, consul_cb cb,
    void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_read_key, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/kv/%s%s", r->escaped,
	    consistent ? "?consistent" : "");
}

struct consul_request *
consul_watch(struct consul *c, const char *key, uint64_t index,
    int64_t wait_ms, consul_cb cb, void *arg)
{
	return consul_request_poll(consul_request_new(c, key, consul_read_key,
	    cb, arg), "kv", "", index, wait_ms);
}

struct consul_request *
consul_list(struct consul *c, const char *prefix, uint64_t index,
    int64_t wait_ms, consul_cb cb, void *arg)
{
	return consul_request_poll(consul_request_new(c, prefix,
	    consul_read_records, cb, arg), "kv", "recurse&", index, wait_ms);
}

struct consul_request *
consul_keys(struct consul *c, const char *prefix, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, prefix,
				    consul_read_names, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/kv/%s?keys",
	    r->escaped);
}

struct consul_request *
consul_fetch(struct consul *c, const char *key, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_read_records, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/kv/%s?consistent",
	    r->escaped);
}

struct consul_request *
consul_cas(struct consul *c, const char *key, uint64_t index,
    const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_answer_true, cb, arg);

	return consul_request_send(r, "PUT", value, 0,
	    "/v1/kv/%s?cas=%" PRIu64, r->escaped, index);
}

struct consul_request *
consul_put(struct consul *c, const char *key, const char *session,
    const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_answer_true, cb, arg);
	char			*id = consul_request_escape(session == NULL ?
				    "" : session);

	consul_request_send(r, "PUT", value, 0, "/v1/kv/%s%s%s", r->escaped,
	    session == NULL ? "" : "?acquire=", id);
	free(id);
	return r;
}

struct consul_request *
consul_delete(struct consul *c, const char *key, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_answer_true, cb, arg);

	return consul_request_send(r, "DELETE", NULL, 0, "/v1/kv/%s",
	    r->escaped);
}

/* {"KV":{"Verb":…,"Key":…, and stays open for more. */
static void
consul_put_verb(yajl_gen g, const char *verb, const char *key)
{
	yajl_gen_map_open(g);
	json_put(g, "KV");
	yajl_gen_map_open(g);
	json_put_member(g, "Verb", verb);
	json_put_member(g, "Key", key);
}

static void
consul_end_verb(yajl_gen g)
{
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
}

struct consul_request *
consul_lock(struct consul *c, const char *key, const struct consul_key *seen,
    const char *session, const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_read_locked, cb, arg);
	yajl_gen		 g = json_new();
	char			*encoded = base64_encode(value);

	r->expected = must_copy(session);
	yajl_gen_array_open(g);
	if (seen->exists) {
		consul_put_verb(g, "check-index", key);
		json_put_member_int(g, "Index", (int64_t)seen->modify_index);
	} else
		consul_put_verb(g, "check-not-exists", key);
	consul_end_verb(g);
	consul_put_verb(g, "lock", key);
	json_put_member(g, "Value", encoded);
	json_put_member(g, "Session", session);
	consul_end_verb(g);
	yajl_gen_array_close(g);
	free(encoded);
	return consul_request_send_json(r, "/v1/txn", g);
}

struct consul_request *
consul_release(struct consul *c, const char *key, const char *session,
    const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_read_released, cb, arg);
	char			*id = consul_request_escape(session);

	consul_request_send(r, "PUT", value, 0, "/v1/kv/%s?release=%s",
	    r->escaped, id);
	free(id);
	return r;
}

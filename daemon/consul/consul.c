/*
 * consul.c - Consul's HTTP API: one function a request, typed answers.
 *
 * Of an answer nothing is taken for granted: what is not exactly what Consul
 * would say is CONSUL_UNKNOWN, never "free", "gone" or "done".
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base64.h"
#include "consul.h"
#include "json.h"
#include "must.h"

#define CONSUL_QUOTE	300	/* characters of an answer in a message */
#define CONSUL_SINCE	"failover-since"	/* "consul-…" is reserved */
#define CONSUL_HEALTH	"failover-health"
#define CONSUL_HEALTH_AT	"failover-health-at"
#define CONSUL_WARNING	"failover-warning"
#define CONSUL_NOTICE	"failover-notice"
#define CONSUL_CHECK	"failover-check"
#define CONSUL_AGENT	"failover-agent"
#define CONSUL_OLD_MAX	8		/* reloads within one long poll */
#define CONSUL_META_MAX	512		/* what Consul takes of one */

struct consul_answer;

struct consul_request {
	LIST_ENTRY(consul_request)	 entry;
	struct consul		*consul;
	struct http_request	*http;
	char			*what;		/* "PUT /v1/txn" */
	char			*subject;	/* key or id it is about */
	char			*escaped;	/* the same, for a path */
	char			*expected;	/* _lock: the new holder;
						 * others: a check's id */
	enum consul_outcome	(*read)(struct consul_answer *);
	consul_cb		 cb;
	void			*arg;
	bool			 running;
};

struct consul {
	struct http		*http;
	struct event_base		*base;
	const struct config		*config;
	struct http			*old[CONSUL_OLD_MAX];	/* of before reloads */
	uint64_t			 asked, failed, silences;
	LIST_HEAD(, consul_request)	 requests;
};

/* What an answer is read into; lives as long as the callback runs. */
struct consul_answer {
	const struct consul_request	*request;
	const struct http_reply	*http;
	struct consul_reply	 reply;
	struct consul_key	 key;
	struct consul_record	*records;
	struct consul_session	*sessions;
	struct consul_instance	*instances;
	yajl_val		 root;
	char			**owned;	/* strings, and how many */
	size_t			 owned_count;
	const char		*words;		/* Consul's own reason */
	char			 text[1024];
};

/* Makes the answer own text. */
static const char *
consul_answer_keep(struct consul_answer *a, char *text)
{
	a->owned = must(realloc(a->owned,
	    (a->owned_count + 1) * sizeof(*a->owned)));
	a->owned[a->owned_count++] = must(text);
	return text;
}

/* --- what an answer says -------------------------------------------------- */

/* One line of printable ASCII, cut. */
static void
consul_quote(const char *words, char *out, size_t size)
{
	size_t	 n;

	for (n = 0; words[n] != '\0' && n < size - 1; n++)
		out[n] = words[n] >= ' ' && words[n] <= '~' ? words[n] :
		    strchr("\t\r\n", words[n]) ? ' ' : '?';
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* Of conf/acl-policy.hcl, where a right is what lacks; "" if the token does. */
static const char *
consul_missing_right(const struct consul_answer *a)
{
	static const struct {
		const char	*path, *rule;
	}		 rules[] = {
		{ "/candidates/", "key_prefix \"lock/<service>/candidates/\"" },
		{ "/v1/kv/", "key \"lock/<service>/leader\"" },
		{ "/v1/txn", "key \"lock/<service>/leader\"" },
		{ "/v1/session/info/", "session_prefix \"\"" },
		{ "/v1/session/", "session \"<node>\"" },
		{ "/v1/agent/", "service \"<service>\"" },
		{ "/v1/health/", "service \"<service>\"" },
		{ "/v1/catalog/", "service_prefix \"\"" },
	};
	size_t		 i;

	if (a->reply.outcome != CONSUL_DENIED ||
	    strcasestr(a->http->body, "ACL not found") != NULL)
		return "";
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strstr(a->request->what, rules[i].path) != NULL)
			return rules[i].rule;
	return "";
}

static void
consul_explain(struct consul_answer *a)
{
	const struct http_reply	*h = a->http;
	const char		*words = a->words != NULL ? a->words : h->body;
	const char		*right = consul_missing_right(a);
	char			 quote[CONSUL_QUOTE + 1];

	if (h->status == 0) {
		snprintf(a->text, sizeof(a->text), "%s", h->text);
		return;
	}
	consul_quote(h->location[0] != '\0' ? h->location : words, quote,
	    sizeof(quote));
	snprintf(a->text, sizeof(a->text), "%s at %s: answered %d%s%s%s%s%s",
	    a->request->what, consul_address(a->request->consul), h->status,
	    h->location[0] != '\0' ? ", a redirect (is this Consul?) to " :
	    h->status == 200 && a->reply.outcome == CONSUL_UNKNOWN ?
	    ", which can't be understood: " : ": ",
	    quote[0] != '\0' ? quote : "(nothing)",
	    right[0] != '\0' ? "; give the token the rule " : "", right,
	    right[0] != '\0' ? " of acl-policy.hcl" : "");
}

/* Is this the error that Consul names so?  Client agents put words of their
 * own before it, versions differ in capitals. */
static bool
consul_answer_says(const struct consul_answer *a, int status, const char *words)
{
	return a->http->status == status &&
	    strcasestr(a->http->body, words) != NULL;
}

/* The JSON of a good answer; NULL where it is none. */
static yajl_val
consul_answer_root(struct consul_answer *a, int status)
{
	struct error	 err;

	if (a->http->status == status)
		a->root = json_parse(a->http->body, a->http->length, &err);
	return a->root;
}

/* Copies a string member, cut to size; false where it is no string. */
static bool
consul_answer_string(yajl_val v, const char *name, char *out, size_t size)
{
	const char	*text = json_string(v, name, NULL);

	if (text != NULL)
		snprintf(out, size, "%s", text);
	return text != NULL;
}

/* The same for a name, which would be another one if it were cut. */
static bool
consul_answer_name(yajl_val v, const char *name, char *out)
{
	return strlen(json_string(v, name, "")) < CONSUL_NAME_MAX &&
	    consul_answer_string(v, name, out, CONSUL_NAME_MAX);
}

/* And for an id. */
static bool
consul_answer_id(yajl_val v, const char *name, char *out)
{
	const char	*id = json_string(v, name, "");

	if (id[0] == '\0' || strlen(id) >= CONSUL_ID_MAX)
		return false;
	snprintf(out, CONSUL_ID_MAX, "%s", id);
	return true;
}

static bool
consul_answer_uint(yajl_val v, const char *name, uint64_t *out)
{
	*out = json_uint(v, name, UINT64_MAX);
	return *out != UINT64_MAX;
}

/* A list of strings, joined with ','; NULL where it is no such list.  Go
 * writes an empty list as null. */
static const char *
consul_answer_join(struct consul_answer *a, yajl_val list)
{
	size_t	 count = YAJL_IS_ARRAY(list) ? list->u.array.len : 0, i;
	size_t	 size = 1;
	char	*text, *to;

	if (list != NULL && !YAJL_IS_ARRAY(list) && !YAJL_IS_NULL(list))
		return NULL;
	for (i = 0; i < count; i++) {
		if (!YAJL_IS_STRING(list->u.array.values[i]))
			return NULL;
		size += strlen(list->u.array.values[i]->u.string) + 1;
	}
	to = text = must(calloc(1, size));
	for (i = 0; i < count; i++) {
		if (i > 0)
			*to++ = ',';
		to = stpcpy(to, list->u.array.values[i]->u.string);
	}
	return consul_answer_keep(a, text);
}

/* --- answers: each function reads one kind -------------------------------- */

static enum consul_outcome
consul_answer_true(struct consul_answer *a)
{
	size_t	 n = strcspn(a->http->body, "\n");

	if (a->http->status != 200 || a->http->length > n + 1)
		return CONSUL_UNKNOWN;
	if (n == 4 && memcmp(a->http->body, "true", n) == 0)
		return CONSUL_OK;
	if (n == 5 && memcmp(a->http->body, "false", n) == 0)
		return CONSUL_REFUSED;
	return CONSUL_UNKNOWN;
}

static enum consul_outcome
consul_read_empty(struct consul_answer *a)
{
	return a->http->status == 200 && a->http->length == 0 ?
	    CONSUL_OK : CONSUL_UNKNOWN;
}

static enum consul_outcome
consul_read_destroyed(struct consul_answer *a)
{
	return consul_answer_true(a) == CONSUL_OK ? CONSUL_OK : CONSUL_UNKNOWN;
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
	    k->value, sizeof(k->value)) : !YAJL_IS_NULL(value))
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
	size_t		 size;
	char		*text;

	r->key = json_string(v, "Key", "");
	r->session = json_string(v, "Session", "");
	r->value = "";
	if (strncmp(r->key, a->request->subject,
	    strlen(a->request->subject)) != 0)
		return false;
	if (!YAJL_IS_STRING(value))
		return YAJL_IS_NULL(value);
	size = strlen(value->u.string) + 1;
	text = must(malloc(size));
	r->value = consul_answer_keep(a, text);
	return base64_decode(value->u.string, text, size);
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
	a->records = must(calloc(v->u.array.len + 1,
	    sizeof(*a->records)));
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
	a->records = must(calloc(v->u.array.len + 1,
	    sizeof(*a->records)));
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
		    strlen(id + 8) < sizeof(s->service_id))
			snprintf(s->service_id, sizeof(s->service_id), "%s",
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
	    !consul_answer_string(v, "Name", s->name, sizeof(s->name)) ||
	    !consul_answer_name(v, "Node", s->node) ||
	    !consul_answer_string(v, "TTL", s->ttl, sizeof(s->ttl)) ||
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
	a->sessions = must(calloc(v->u.array.len + 1,
	    sizeof(*a->sessions)));
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

/* Consul could ask, and this is what it was told. */
static bool
consul_is_answered(const char *raw)
{
	return strncmp(raw, "HTTP ", 5) == 0 &&
	    strstr(raw, " Output: ") != NULL;
}

/* Consul puts 'HTTP GET URL: 200 OK Output: ' before what our /health said,
 * which is a JSON string and may be cut. */
static const char *
consul_output(struct consul_answer *a, const char *raw)
{
	const char	*said = strstr(raw, " Output: ");
	struct error	 err;
	yajl_val	 v;
	char		*text;
	size_t		 n;

	said = consul_is_answered(raw) ? said + strlen(" Output: ") : raw;
	v = said[0] == '"' ? json_parse(said, strlen(said), &err) : NULL;
	text = must(strdup(YAJL_IS_STRING(v) ? v->u.string :
	    said));
	yajl_tree_free(v);
	for (n = strlen(text); n > 0 && strchr(" \r\n", text[n - 1]); n--)
		text[n - 1] = '\0';
	return consul_answer_keep(a, text);
}

/* What the catalogue and the health view say under different names. */
static bool
consul_read_instance(struct consul_answer *a, struct consul_instance *in,
    yajl_val node, yajl_val service, const char *prefix)
{
	char		 name[32];
	uint64_t	 port;

#define NAME(rest) (snprintf(name, sizeof(name), "%s%s", prefix, rest), name)
	in->status = in->maintenance = in->critical = "";
	/* "ServiceName" in the catalogue, "Service" in the health view. */
	in->name = json_string(service, prefix[0] != '\0' ? NAME("Name") :
	    "Service", "");
	in->since = json_string(json_get(service, NAME("Meta")), CONSUL_SINCE,
	    "");
	in->warning = json_string(json_get(service, NAME("Meta")),
	    CONSUL_WARNING, "");
	in->notice = json_string(json_get(service, NAME("Meta")),
	    CONSUL_NOTICE, "");
	/* Until the check itself has something to say. */
	in->output = json_string(json_get(service, NAME("Meta")),
	    CONSUL_HEALTH, "");
	in->output_at = json_string(json_get(service, NAME("Meta")),
	    CONSUL_HEALTH_AT, "");
	in->tags = consul_answer_join(a, json_get(service, NAME("Tags")));
	if (in->tags == NULL ||
	    !consul_answer_name(node, "Node", in->node) ||
	    !consul_answer_name(service, NAME("ID"), in->service_id) ||
	    !consul_answer_name(service, NAME("Address"), in->address) ||
	    !consul_answer_uint(service, NAME("Port"), &port))
		return false;
#undef NAME
	in->port = (uint16_t)port;
	if (!consul_answer_name(node, "Address", in->node_address))
		in->node_address[0] = '\0';
	if (in->address[0] == '\0')
		memcpy(in->address, in->node_address, sizeof in->address);
	return in->address[0] != '\0';
}

/* What the instance tells of itself is never older than 10 s, its check's text
 * may be 5 minutes; but only the check can tell that it does not answer. */
static void
consul_read_output(struct consul_answer *a, struct consul_instance *in,
    const char *raw)
{
	if (raw[0] == '\0' ||
	    (in->output_at[0] != '\0' && consul_is_answered(raw)))
		return;
	in->output = consul_output(a, raw);
	in->output_at = "";
}

/* Which check is critical, as people know it: "name" (id). */
static void
consul_read_critical(struct consul_answer *a, struct consul_instance *in,
    const char *own, bool critical, yajl_val v)
{
	const char	*id = json_string(v, "CheckID", "");
	char		*text;

	/* Whom Consul thinks dead has lost his session as well, or shall keep
	 * it ([lock] bind_node): that is not decided by this. */
	if (!critical || strcmp(id, "serfHealth") == 0)
		return;
	if (strcmp(id, own) == 0) {
		in->sick = true;
		return;
	}
	if (asprintf(&text, "\"%.100s\" (%.100s)", json_string(v, "Name", ""),
	    id) == -1)
		text = NULL;
	in->critical = consul_answer_keep(a, must(text));
	if (strcmp(id, "_node_maintenance") == 0 ||
	    strncmp(id, "_service_maintenance:", 21) == 0)
		in->maintenance = in->critical;
}

/* The worst of an instance's checks, and what its own check says. */
static bool
consul_read_checks(struct consul_answer *a, struct consul_instance *in,
    yajl_val list)
{
	static const char *const	 grades[] = { "passing", "warning",
					    "critical" };
	char		 own[CONSUL_NAME_MAX + 8];
	const char	*status;
	size_t		 i, grade, worst = 0;

	if (!YAJL_IS_ARRAY(list))
		return YAJL_IS_NULL(list);
	snprintf(own, sizeof(own), "service:%s", in->service_id);
	for (i = 0; i < list->u.array.len; i++) {
		status = json_string(list->u.array.values[i], "Status", "");
		for (grade = 0; grade < 3; grade++)
			if (strcmp(status, grades[grade]) == 0)
				break;
		if (grade == 3)
			return false;
		if (grade > worst)
			worst = grade;
		consul_read_critical(a, in, own, grade == 2,
		    list->u.array.values[i]);
		if (strcmp(json_string(list->u.array.values[i], "CheckID", ""),
		    own) == 0)
			consul_read_output(a, in, json_string(
			    list->u.array.values[i], "Output", ""));
	}
	in->status = grades[worst];
	return true;
}

static bool
consul_read_catalog(struct consul_answer *a, struct consul_instance *in,
    yajl_val v)
{
	return consul_read_instance(a, in, v, v, "Service");
}

static bool
consul_read_healthy(struct consul_answer *a, struct consul_instance *in,
    yajl_val v)
{
	return consul_read_instance(a, in, json_get(v, "Node"),
	    json_get(v, "Service"), "") &&
	    consul_read_checks(a, in, json_get(v, "Checks"));
}

static enum consul_outcome
consul_read_list(struct consul_answer *a, bool (*read)(struct consul_answer *,
    struct consul_instance *, yajl_val))
{
	yajl_val	 v = consul_answer_root(a, 200);
	size_t		 i;

	if (!YAJL_IS_ARRAY(v))
		return CONSUL_UNKNOWN;
	a->instances = must(calloc(v->u.array.len + 1,
	    sizeof(*a->instances)));
	for (i = 0; i < v->u.array.len; i++)
		if (!read(a, &a->instances[i], v->u.array.values[i]))
			return CONSUL_UNKNOWN;
	a->reply.instances = a->instances;
	a->reply.instance_count = v->u.array.len;
	return CONSUL_OK;
}

static enum consul_outcome
consul_read_instances(struct consul_answer *a)
{
	return consul_read_list(a, consul_read_catalog);
}

static enum consul_outcome
consul_read_health(struct consul_answer *a)
{
	return consul_read_list(a, consul_read_healthy);
}

/* --- a request's life ----------------------------------------------------- */

static void
consul_request_free(struct consul_request *r)
{
	free(r->what);
	free(r->subject);
	free(r->escaped);
	free(r->expected);
	free(r);
}

static void
consul_answer_free(struct consul_answer *a)
{
	size_t	 i;

	for (i = 0; i < a->owned_count; i++)
		free(a->owned[i]);
	free(a->owned);
	free(a->records);
	free(a->sessions);
	free(a->instances);
	yajl_tree_free(a->root);
}

static void
consul_done(const struct http_reply *h, void *arg)
{
	struct consul_request	*r = arg;
	struct consul_answer	 a = { .request = r, .http = h, .reply = {
	    .text = "", .sent_at = h->sent_at, .index = h->index,
	    .status = h->status, .too_large = h->too_large,
	    .stranger = h->stranger,
	    .filtered = h->filtered, .id = "", .node = "", .check_status = "",
	    .check_output = "", .tags = "", .address = "", .check = "",
	    .agent = "", .name = "", .hash = "", .since = "" } };

	r->running = true;
	LIST_REMOVE(r, entry);
	a.reply.outcome = h->status == 0 ? CONSUL_UNKNOWN :
	    h->status == 403 ? CONSUL_DENIED : r->read(&a);
	r->consul->failed += a.reply.outcome == CONSUL_UNKNOWN ||
	    a.reply.outcome == CONSUL_DENIED;
	r->consul->silences += a.reply.outcome == CONSUL_UNKNOWN;
	if (a.reply.outcome != CONSUL_OK) {
		consul_explain(&a);
		a.reply.text = a.text;
	}
	r->cb(&a.reply, r->arg);	/* may free even the consul */
	consul_answer_free(&a);
	consul_request_free(r);
}

/* For a path or a query: a '/' stands for itself, as keys are written. */
static char *
consul_request_escape(const char *text)
{
	char	*out = must(malloc(3 * strlen(text) + 1)), *to = out;

	for (; *text != '\0'; text++)
		if ((*text >= 'a' && *text <= 'z') ||
		    (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr("-._~/", *text))
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	*to = '\0';
	return out;
}

static struct consul_request *
consul_request_new(struct consul *c, const char *subject,
    enum consul_outcome (*read)(struct consul_answer *), consul_cb cb,
    void *arg)
{
	struct consul_request	*r = must(calloc(1, sizeof(*r)));

	r->consul = c;
	r->subject = must(strdup(subject));
	r->escaped = consul_request_escape(subject);
	r->read = read;
	r->cb = cb;
	r->arg = arg;
	LIST_INSERT_HEAD(&c->requests, r, entry);
	return r;
}

/* Frees what a reload has left behind, once it has ended. */
static void
consul_forget_old(struct consul *c)
{
	size_t	 i;

	for (i = 0; i < CONSUL_OLD_MAX; i++)
		if (c->old[i] != NULL && http_is_idle(c->old[i])) {
			http_free(c->old[i]);
			c->old[i] = NULL;
		}
}

static struct consul_request * __attribute__((format(printf, 5, 6)))
consul_request_send(struct consul_request *r, const char *method,
    const char *body, int64_t timeout_ms, const char *fmt, ...)
{
	va_list	 ap;
	char	*path;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) == -1)
		path = NULL;
	va_end(ap);
	must(path);
	if (asprintf(&r->what, "%s %s", method, path) == -1)
		r->what = NULL;
	must(r->what);
	consul_forget_old(r->consul);
	r->consul->asked++;
	r->http = http_send(r->consul->http, method, path, body, timeout_ms,
	    consul_done, r);
	free(path);
	return r;
}

/* The same with a JSON body; frees the generator. */
static struct consul_request *
consul_request_send_json(struct consul_request *r, const char *path, yajl_gen g)
{
	size_t	 length;

	consul_request_send(r, "PUT", json_text(g, &length), 0, "%s", path);
	json_free(g);
	return r;
}

void
consul_count(const struct consul *c, uint64_t *asked, uint64_t *failed)
{
	*asked = c->asked;
	*failed = c->failed;
}

uint64_t
consul_silences(const struct consul *c)
{
	return c->silences;
}

bool
consul_new(struct consul **out, struct event_base *base,
    const struct config *config, struct error *err)
{
	struct consul	*c = must(calloc(1, sizeof(*c)));

	LIST_INIT(&c->requests);
	c->base = base;
	c->config = config;
	if (!http_new(&c->http, base, config, err)) {
		free(c);
		c = NULL;
	}
	*out = c;
	return c != NULL;
}

bool
consul_reload(struct consul *c, struct error *err)
{
	struct http	*h;
	size_t		 i;

	consul_forget_old(c);
	for (i = 0; i < CONSUL_OLD_MAX; i++)
		if (c->old[i] == NULL)
			break;
	if (i == CONSUL_OLD_MAX)
		return error_set(err, "too many reloads one after the other: "
		    "try again in a minute");
	if (!http_new(&h, c->base, c->config, err))
		return false;
	c->old[i] = c->http;
	c->http = h;
	return true;
}

void
consul_free(struct consul *c)
{
	size_t	 i;

	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->requests))
		consul_cancel(LIST_FIRST(&c->requests));
	for (i = 0; i < CONSUL_OLD_MAX; i++)
		http_free(c->old[i]);
	http_free(c->http);
	free(c);
}

void
consul_cancel(struct consul_request *r)
{
	if (r == NULL || r->running)
		return;
	LIST_REMOVE(r, entry);
	http_cancel(r->http);
	consul_request_free(r);
}

const char *
consul_address(const struct consul *c)
{
	return http_address(c->http);
}

/* --- the lock key --------------------------------------------------------- */

struct consul_request *
consul_get(struct consul *c, const char *key, bool consistent, consul_cb cb,
    void *arg)
{
	struct consul_request	*r = consul_request_new(c, key,
				    consul_read_key, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/kv/%s%s", r->escaped,
	    consistent ? "?consistent" : "");
}

/* Consul adds up to a sixteenth of the wait, so that not all come at once; a
 * wait of 0 would mean five minutes. */
static struct consul_request *
consul_request_poll(struct consul_request *r, const char *of, const char *how,
    uint64_t index, int64_t wait_ms)
{
	if (wait_ms < 1)
		wait_ms = 1;
	return consul_request_send(r, "GET", NULL, wait_ms + wait_ms / 16 +
	    2000 + r->consul->config->request_timeout,
	    "/v1/%s/%s?%sindex=%" PRIu64 "&wait=%" PRId64 "ms", of, r->escaped,
	    how, index, wait_ms);
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
	yajl_gen		 g = must(json_new());
	char			*encoded = base64_encode(value);

	r->expected = must(strdup(session));
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

/* --- sessions ------------------------------------------------------------- */

/* "10s", or "1500ms": Consul gives a TTL back as it was written. */
static void
consul_request_put_duration(yajl_gen g, const char *name, int64_t ms)
{
	char	 text[32];

	snprintf(text, sizeof(text), "%" PRId64 "%s",
	    ms % 1000 == 0 ? ms / 1000 : ms, ms % 1000 == 0 ? "s" : "ms");
	json_put_member(g, name, text);
}

static char *
consul_request_check_id(const char *service_id)
{
	char	*id;

	return must(asprintf(&id, "service:%s", service_id) == -1 ?
	    NULL : id);
}

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
	yajl_gen		 g = must(json_new());
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

	r->expected = must(strdup(""));
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

/* --- the service ---------------------------------------------------------- */

static void
consul_put_tags(yajl_gen g, const char *tags)
{
	char	*copy = must(strdup(tags)), *rest = copy, *tag;

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

	consul_describe_check(c, s, text, sizeof(text));
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
	yajl_gen		 g = must(json_new());
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
	consul_describe_check(c, s, check, sizeof(check));
	json_put_member(g, CONSUL_CHECK, check);
	json_put_member(g, CONSUL_AGENT, s->agent);
	yajl_gen_map_close(g);
	if (s->with_check)
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

struct consul_request *
consul_instances(struct consul *c, const char *name, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, name,
				    consul_read_instances, cb, arg);

	return consul_request_send(r, "GET", NULL, 0,
	    "/v1/catalog/service/%s?consistent", r->escaped);
}

struct consul_request *
consul_watch_instances(struct consul *c, const char *name, uint64_t index,
    int64_t wait_ms, consul_cb cb, void *arg)
{
	return consul_request_poll(consul_request_new(c, name,
	    consul_read_instances, cb, arg), "catalog/service", "", index,
	    wait_ms);
}

struct consul_request *
consul_health(struct consul *c, const char *name, consul_cb cb, void *arg)
{
	struct consul_request	*r = consul_request_new(c, name,
				    consul_read_health, cb, arg);

	return consul_request_send(r, "GET", NULL, 0, "/v1/health/service/%s",
	    r->escaped);
}

struct consul_request *
consul_watch_health(struct consul *c, const char *name, uint64_t index,
    int64_t wait_ms, consul_cb cb, void *arg)
{
	return consul_request_poll(consul_request_new(c, name,
	    consul_read_health, cb, arg), "health/service", "", index, wait_ms);
}

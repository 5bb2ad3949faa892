/* consul_instances.c - the instances of a service, on all nodes. */
#include "consul_instances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consul_answer.h"
#include "consul_meta.h"
#include "consul_request.h"
#include "must.h"

/*
 * Answers: each function reads one kind.
 */

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
	text = must_copy(YAJL_IS_STRING(v) ? v->u.string :
	    said);
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

#define NAME(rest) (snprintf(name, sizeof name, "%s%s", prefix, rest), name)
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
	in->ours = json_string(json_get(service, NAME("Meta")), CONSUL_AGENT,
	    "")[0] != '\0';
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

/* A check as people know it. */
static const char *
consul_name_check(struct consul_answer *a, yajl_val v)
{
	return consul_answer_keep(a, must_format("\"%.100s\" (%.100s)",
	    json_string(v, "Name", ""), json_string(v, "CheckID", "")));
}

/* Which check is critical. */
static void
consul_read_critical(struct consul_answer *a, struct consul_instance *in,
    const char *own, bool critical, yajl_val v)
{
	const char	*id = json_string(v, "CheckID", "");

	/* Whom Consul thinks dead has lost his session as well, or shall keep
	 * it ([lock] bind_node): that is not decided by this. */
	if (!critical || strcmp(id, "serfHealth") == 0)
		return;
	if (strcmp(id, own) == 0) {
		in->sick = true;
		return;
	}
	in->critical = consul_name_check(a, v);
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
	snprintf(own, sizeof own, "service:%s", in->service_id);
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
	a->instances = must_zeroed(v->u.array.len + 1,
	    sizeof *a->instances);
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

/* {"NAME": ["TAG", …], …} */
static enum consul_outcome
consul_read_services(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200);
	size_t		 i;

	if (!YAJL_IS_OBJECT(v))
		return CONSUL_UNKNOWN;
	a->records = must_zeroed(v->u.object.len + 1, sizeof *a->records);
	for (i = 0; i < v->u.object.len; i++) {
		a->records[i].key = v->u.object.keys[i];
		a->records[i].session = "";
		a->records[i].value = consul_answer_join(a,
		    v->u.object.values[i]);
		if (a->records[i].value == NULL)
			return CONSUL_UNKNOWN;
	}
	a->reply.records = a->records;
	a->reply.record_count = v->u.object.len;
	return CONSUL_OK;
}

static enum consul_outcome
consul_read_critical_services(struct consul_answer *a)
{
	yajl_val	 v = consul_answer_root(a, 200), check;
	size_t		 i;

	if (!YAJL_IS_ARRAY(v))
		return CONSUL_UNKNOWN;
	a->records = must_zeroed(v->u.array.len + 1, sizeof *a->records);
	a->reply.records = a->records;
	for (i = 0; i < v->u.array.len; i++) {
		const char	*id, *name;

		check = v->u.array.values[i];
		id = json_string(check, "CheckID", "");
		name = json_string(check, "ServiceName", "");
		if (strncmp(id, "service:", 8) == 0 && name[0] != '\0' &&
		    strcmp(id + 8, json_string(check, "ServiceID", "")) == 0)
			a->records[a->reply.record_count++] =
			    (struct consul_record){ .key = name,
				.session = "", .value = "" };
	}
	return CONSUL_OK;
}

/*
 * Requests.
 */

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
consul_services(struct consul *c, consul_cb cb, void *arg)
{
	return consul_request_send(consul_request_new(c, "",
	    consul_read_services, cb, arg), "GET", NULL, 0,
	    "/v1/catalog/services");
}

struct consul_request *
consul_critical(struct consul *c, consul_cb cb, void *arg)
{
	return consul_request_send(consul_request_new(c, "",
	    consul_read_critical_services, cb, arg), "GET", NULL, 0,
	    "/v1/health/state/critical");
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

/*
 * test_consul.c - every answer of Consul, and of things that are not Consul.
 *
 * consul_*.c and http.c run against a server of bytes: it reads whole requests,
 * keeps them, and sends what the test has put into `server.answer`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "clock.h"
#include "consul.h"

#define SID	"11111111-2222-3333-4444-555555555555"
#define OTHER	"99999999-2222-3333-4444-555555555555"
#define KEY	"lock/app/leader"
#define KEY_JSON(session, value) "[{\"LockIndex\":3,\"Key\":\"" KEY "\"," \
	"\"Flags\":0,\"Value\":" value "," session \
	"\"CreateIndex\":15,\"ModifyIndex\":17}]"
#define LOCKED	KEY_JSON("\"Session\":\"" SID "\",", "\"aGFsbG8=\"")
#define FREE	KEY_JSON("", "null")
#define SESSION	"[{\"ID\":\"" SID "\",\"Name\":\"app\",\"Node\":\"n1\"," \
	"\"LockDelay\":15000000000,\"Behavior\":\"release\",\"TTL\":\"10s\"," \
	"\"NodeChecks\":[\"serfHealth\"]," \
	"\"ServiceChecks\":[{\"ID\":\"service:app\",\"Namespace\":\"\"}]}]"

/* --- the server ----------------------------------------------------------- */

static struct {
	struct evconnlistener	*listener;
	char			 address[64];
	char			*answer;
	size_t			 length;
	bool			 hang_up;	/* after the answer */
	bool			 reset;		/* instead of it */
	bool			 silent;	/* no answer */
	bool			 endless;	/* the answer again and again */
	int			 hang_up_at;	/* instead of answer n */
	int			 connections, open, requests;
	char			 request[65536];	/* the last one */
} server;

static struct event_base	*base;
static struct config		 config;
static struct consul		*consul;

static void
server_close(struct bufferevent *bev)
{
	struct linger	 linger = { .l_onoff = 1 };

	if (server.reset)
		setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER,
		    &linger, sizeof(linger));
	server.open--;
	bufferevent_free(bev);
}

static void
server_write_cb(struct bufferevent *bev, void *arg)
{
	(void)arg;
	if (server.endless)
		bufferevent_write(bev, server.answer, server.length);
	else if (server.hang_up)
		server_close(bev);
}

/* Bytes of the whole request at the beginning of text, 0 if there is none. */
static size_t
request_length(const char *text, size_t have)
{
	const char	*end = memmem(text, have, "\r\n\r\n", 4);
	const char	*length = memmem(text, have, "Content-Length: ", 16);
	size_t		 n;

	if (end == NULL)
		return 0;
	n = (size_t)(end - text) + 4;
	if (length != NULL && length < end)
		n += strtoul(length + 16, NULL, 10);
	return n <= have ? n : 0;
}

static void
server_read_cb(struct bufferevent *bev, void *arg)
{
	struct evbuffer	*in = bufferevent_get_input(bev);
	size_t		 have = evbuffer_get_length(in), n;
	const char	*text = (const char *)evbuffer_pullup(in, -1);

	(void)arg;
	if ((n = request_length(text, have)) == 0)
		return;
	assert_true(n < sizeof(server.request));
	memcpy(server.request, text, n);
	server.request[n] = '\0';
	evbuffer_drain(in, n);
	server.requests++;
	if (server.reset || server.requests == server.hang_up_at)
		server_close(bev);
	else if (!server.silent)
		bufferevent_write(bev, server.answer, server.length);
	if (!server.silent && !server.reset && server.hang_up &&
	    server.length == 0)
		server_close(bev);
}

static void
server_event_cb(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	server_close(bev);
}

static void
server_accept_cb(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int length, void *arg)
{
	struct bufferevent	*bev = bufferevent_socket_new(base, fd,
				    BEV_OPT_CLOSE_ON_FREE);

	(void)l;
	(void)sa;
	(void)length;
	(void)arg;
	server.connections++;
	server.open++;
	bufferevent_setcb(bev, server_read_cb, server_write_cb,
	    server_event_cb, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* Waits for the connections that are still open on the server's side. */
static void
server_drain(void)
{
	int	 n;

	for (n = 0; n < 1000 && server.open > 0; n++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(server.open, 0);
}

static void
answer_bytes(const char *bytes, size_t length)
{
	free(server.answer);
	server.answer = malloc(length + 1);
	memcpy(server.answer, bytes, length);
	server.answer[length] = '\0';
	server.length = length;
}

static void
answer_with(int status, const char *headers, const char *body)
{
	char	*text;
	int	 n = asprintf(&text, "HTTP/1.1 %d Word\r\n%s"
		    "Content-Length: %zu\r\n\r\n%s", status, headers,
		    strlen(body), body);

	answer_bytes(text, (size_t)n);
	free(text);
}

/* --- what came back ------------------------------------------------------- */

static struct {
	int			 count;
	enum consul_outcome	 outcome;
	int			 status;
	uint64_t		 index;
	bool			 delayed, has_key, filtered;
	struct consul_key	 key;
	struct consul_session	 session;
	size_t			 session_count, instance_count, record_count;
	struct consul_instance	 instances[4];
	char			 key_of_last[64], value_of_last[64];
	char			 text[1024], id[64], node[64], check_status[64],
				 tags[256], address[64], output[256],
				 instance_tags[64], instance_status[64],
				 since[64], critical[64], maintenance[64];
	uint16_t		 port;
	int64_t			 sent_at;
} got;

static void
keep(char *to, size_t size, const char *text)
{
	assert_non_null(text);
	snprintf(to, size, "%s", text);
}

static void
seen(const struct consul_reply *r, void *arg)
{
	(void)arg;
	got.count++;
	got.outcome = r->outcome;
	got.status = r->status;
	got.index = r->index;
	got.delayed = r->delayed;
	got.filtered = r->filtered;
	got.sent_at = r->sent_at_ms;
	got.has_key = r->key != NULL;
	if (r->key != NULL)
		got.key = *r->key;
	got.session_count = r->session_count;
	if (r->session_count > 0)
		got.session = r->sessions[0];
	got.instance_count = r->instance_count;
	if (r->instance_count > 0) {
		keep(got.critical, 64, r->instances[0].critical);
		keep(got.maintenance, 64, r->instances[0].maintenance);
		got.instances[0] = r->instances[0];
		keep(got.instance_tags, 64, r->instances[0].tags);
		keep(got.instance_status, 64, r->instances[0].status);
		keep(got.output, sizeof(got.output), r->instances[0].output);
		keep(got.since, 64, r->instances[0].since);
	}
	got.record_count = r->record_count;
	if (r->record_count > 0) {
		keep(got.key_of_last, 64, r->records[r->record_count - 1].key);
		keep(got.value_of_last, 64,
		    r->records[r->record_count - 1].value);
	}
	keep(got.text, sizeof(got.text), r->text);
	keep(got.id, sizeof(got.id), r->id);
	keep(got.node, sizeof(got.node), r->node);
	keep(got.check_status, sizeof(got.check_status), r->check_status);
	keep(got.tags, sizeof(got.tags), r->tags);
	keep(got.address, sizeof(got.address), r->address);
	got.port = r->port;
}

/* Runs the loop until n callbacks have run. */
static void
wait_for(int n)
{
	int64_t	 end = clock_ms() + 5000;

	while (got.count < n && clock_ms() < end)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(got.count, n);
}

/* --- the calls ------------------------------------------------------------ */

typedef struct consul_request	*(*call)(void);

static const struct consul_key	 seen_free = { .exists = true,
				    .modify_index = 838 };
static const struct consul_key	 seen_missing;

static struct consul_request *
get(void)
{
	return consul_get(consul, KEY, true, seen, NULL);
}

static struct consul_request *
watch(void)
{
	return consul_watch(consul, KEY, 17, 55000, seen, NULL);
}

static struct consul_request *
lock(void)
{
	return consul_lock(consul, KEY, &seen_free, SID, "hallo", seen, NULL);
}

static struct consul_request *
lock_missing(void)
{
	return consul_lock(consul, KEY, &seen_missing, SID, "", seen, NULL);
}

static struct consul_request *
release(void)
{
	return consul_release(consul, KEY, SID, "bye", seen, NULL);
}

static struct consul_request *
create(void)
{
	return consul_session_create(consul, "app", "app", true, 10000, 1500,
	    seen, NULL);
}

static struct consul_request *
renew(void)
{
	return consul_session_renew(consul, SID, seen, NULL);
}

static struct consul_request *
destroy(void)
{
	return consul_session_destroy(consul, SID, seen, NULL);
}

static struct consul_request *
info(void)
{
	return consul_session_info(consul, SID, "app", seen, NULL);
}

static struct consul_request *
sessions(void)
{
	return consul_sessions(consul, "n1", "app", seen, NULL);
}

static struct consul_registration	 registration = {
	.id = "app-1", .name = "app", .address = "", .port = 3306,
	.tags = "slave,blue", .since = "2026", .health = "well", .health_at = "2027",
	.agent = "word host h",
	.check_url = "http://h/health",
	.check_interval_ms = 2000, .check_timeout_ms = 1500,
	.check_failures = 2, .passing = true,
};

static struct consul_request *
enrol(void)
{
	return consul_register(consul, &registration, seen, NULL);
}

static struct consul_request *
deregister(void)
{
	return consul_deregister(consul, "app", seen, NULL);
}

static struct consul_request *
own_service(void)
{
	return consul_own_service(consul, "app", seen, NULL);
}

static struct consul_request *
own_check(void)
{
	return consul_own_check(consul, "app", seen, NULL);
}

static struct consul_request *
instances(void)
{
	return consul_instances(consul, "app", seen, NULL);
}

static struct consul_request *
health(void)
{
	return consul_health(consul, "app", seen, NULL);
}

static struct consul_request *
put(void)
{
	return consul_put(consul, "lock/app/candidates/n1", NULL, "{}", seen,
	    NULL);
}

/* With a session: it is the session's, or refused. */
static struct consul_request *
put_for_session(void)
{
	return consul_put(consul, "lock/app/candidates/n1", SID, "{}", seen,
	    NULL);
}

static struct consul_request *
fetch(void)
{
	return consul_fetch(consul, "lock/app/history", seen, NULL);
}

static struct consul_request *
cas(void)
{
	return consul_cas(consul, "lock/app/history", 17, "{}", seen, NULL);
}

static struct consul_request *
services(void)
{
	return consul_services(consul, seen, NULL);
}

static struct consul_request *
critical(void)
{
	return consul_critical(consul, seen, NULL);
}

static struct consul_request *
keys(void)
{
	return consul_keys(consul, "lock/", seen, NULL);
}

static struct consul_request *
list(void)
{
	return consul_list(consul, "lock/app/candidates/", 0, 0, seen, NULL);
}

static const call	 all_calls[] = { get, watch, lock, release, create,
			    renew, destroy, info, sessions, enrol, deregister,
			    own_service, own_check, instances, health,
			    services, critical };
#define CALLS	(sizeof(all_calls) / sizeof(all_calls[0]))

static void
ask(call c)
{
	int	 before = got.count;

	memset(&got, 0, sizeof(got));
	got.count = before;
	c();
	assert_int_equal(got.count, before);	/* never before it returned */
	wait_for(before + 1);
}

static void
then(enum consul_outcome outcome, const char *words)
{
	if (got.outcome != outcome || strstr(got.text, words) == NULL)
		print_error("outcome %d, text: %s\n", (int)got.outcome,
		    got.text);
	assert_int_equal(got.outcome, outcome);
	assert_non_null(strstr(got.text, words));
	assert_int_equal(got.outcome == CONSUL_OK, got.text[0] == '\0');
	assert_null(strpbrk(got.text, "\r\n\t"));
}

/* --- set-up --------------------------------------------------------------- */

static void
open_consul(void)
{
	struct error	 err = { "" };

	consul_free(consul);
	if (!consul_new(&consul, base, &config, &err))
		fail_msg("%s", err.text);
}

static int
given_a_server(void **state)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		 length = sizeof(sin);

	(void)state;
	memset(&server, 0, sizeof(server));
	memset(&got, 0, sizeof(got));
	base = event_base_new();
	server.listener = evconnlistener_new_bind(base, server_accept_cb, NULL,
	    LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&sin, sizeof(sin));
	getsockname(evconnlistener_get_fd(server.listener),
	    (struct sockaddr *)&sin, &length);
	snprintf(server.address, sizeof(server.address), "127.0.0.1:%d",
	    ntohs(sin.sin_port));
	config = (struct config){ .consul_address = server.address,
	    .consul_token = (char *)"", .consul_token_file = (char *)"",
	    .consul_ca_file = (char *)"", .consul_client_cert = (char *)"",
	    .consul_client_key = (char *)"",
	    .consul_tls_server_name = (char *)"", .consul_verify = true,
	    .request_timeout = 300 };
	open_consul();
	return 0;
}

static int
then_nothing_is_left(void **state)
{
	(void)state;
	consul_free(consul);
	consul = NULL;
	server_drain();
	evconnlistener_free(server.listener);
	event_base_free(base);
	free(server.answer);
	return 0;
}

/* --- answers of Consul ---------------------------------------------------- */

#define INDEX	"X-Consul-Index: 42\r\n"
#define BAD_KEY	"invalid key name, keys should respect the " \
	"\"^[a-zA-Z0-9,_./\\\\-?&=]+$\" format."
#define TOO_LONG "Request body(600000 bytes) too large, max size: 524288 " \
	"bytes. See https://developer.hashicorp.com/docs/agent/config/" \
	"config-files#kv_max_value_size."

static void
each_answer_of_consul_has_its_outcome(void **state)
{
	static const struct {
		call			 call;
		int			 status;
		const char		*headers, *body;
		enum consul_outcome	 outcome;
		const char		*words;
	} rows[] = {
	{ enrol, 200, "", "", CONSUL_OK, "" },
	{ enrol, 400, "", "Request decode failed: json: unknown field \"X\"",
	    CONSUL_UNKNOWN, "unknown field" },
	{ enrol, 400, "", "Missing service name", CONSUL_UNKNOWN,
	    "answered 400: Missing service name" },
	{ enrol, 403, "", "Permission denied: Missing service:write on app",
	    CONSUL_DENIED, "PUT /v1/agent/service/register" },
	{ enrol, 403, "", "Permission denied: token with AccessorID "
	    "'00000000-0000-0000-0000-000000000002' lacks permission "
	    "'service:write' on \"app\"", CONSUL_DENIED, "lacks permission "
	    "'service:write' on \"app\"; give the token the rule service "
	    "\"<service>\" of acl-policy.hcl" },
	{ create, 403, "", "Permission denied", CONSUL_DENIED, "; give the "
	    "token the rule session \"<node>\" of acl-policy.hcl" },
	{ cas, 200, "", "true\n", CONSUL_OK, "" },
	{ cas, 200, "", "false\n", CONSUL_REFUSED, "" },
	{ cas, 403, "", "Permission denied", CONSUL_DENIED, "; give the token "
	    "the rule key \"lock/<service>/history\" of acl-policy.hcl" },
	{ fetch, 403, "", "Permission denied", CONSUL_DENIED, "; give the token "
	    "the rule key \"lock/<service>/history\" of acl-policy.hcl" },
	{ fetch, 404, INDEX, "", CONSUL_OK, "" },
	{ fetch, 404, "", "", CONSUL_UNKNOWN, "answered 404" },
	{ fetch, 200, INDEX, "[{\"Key\":\"lock/app/history\",\"Value\":"
	    "\"e30=\",\"ModifyIndex\":7}]", CONSUL_OK, "" },
	{ create, 403, "", "rpc error making call: ACL not found",
	    CONSUL_DENIED, "ACL not found" },
	{ deregister, 200, "", "", CONSUL_OK, "" },
	{ deregister, 500, "", "Unknown service {\"app\" {}}", CONSUL_OK, "" },
	{ deregister, 404, "", "Unknown service ID \"app\".", CONSUL_OK, "" },
	/* Consul 1.14 says more than 1.8 did. */
	{ deregister, 404, "", "Unknown service ID \"app\". Ensure that the "
	    "service ID is passed, not the service name.", CONSUL_OK, "" },
	{ create, 500, "", "rpc error making call: apply failed: Check "
	    "'service:app' is in critical state", CONSUL_REFUSED, "critical" },
	{ create, 500, "", "raft apply failed: leadership lost while "
	    "committing log", CONSUL_UNKNOWN, "leadership lost" },
	{ lock, 500, "", "rpc error making call: raft apply failed: invalid "
	    "session \"x\"", CONSUL_GONE, "invalid session" },
	{ get, 400, "", "Invalid query parameter: \"ns\" - Namespaces are a "
	    "Consul Enterprise feature", CONSUL_UNKNOWN, "Enterprise" },
	{ own_service, 400, "", "Invalid query parameter: \"partition\" - "
	    "Partitions are a Consul Enterprise feature", CONSUL_UNKNOWN,
	    "Enterprise" },
	{ deregister, 500, "", "No cluster leader", CONSUL_UNKNOWN,
	    "No cluster leader" },
	{ create, 200, "", "{\n    \"ID\": \"" SID "\"\n}", CONSUL_OK, "" },
	{ create, 500, "", "Missing check 'service:app' registration",
	    CONSUL_REFUSED, "Missing check 'service:app'" },
	{ create, 500, "", "rpc error making call: Check 'service:app' is in "
	    "critical state", CONSUL_REFUSED, "critical" },
	{ create, 500, "", "Missing node registration", CONSUL_REFUSED,
	    "node" },
	{ create, 500, "", "Invalid Session TTL '9000000000', must be between "
	    "[10s=24h0m0s]", CONSUL_UNKNOWN, "Invalid Session TTL" },
	{ create, 500, "", "leadership lost while committing log",
	    CONSUL_UNKNOWN, "leadership lost" },
	{ create, 403, "", "ACL not found", CONSUL_DENIED, "ACL not found" },
	{ renew, 200, "", SESSION, CONSUL_OK, "" },
	{ renew, 404, "", "Session id '" SID "' not found", CONSUL_GONE,
	    "not found" },
	{ renew, 404, "", "404 page not found", CONSUL_UNKNOWN, "404" },
	{ renew, 200, "", "[]", CONSUL_UNKNOWN, "[]" },
	{ renew, 500, "", "failed session lookup: index error: UUID must be "
	    "36 characters", CONSUL_UNKNOWN, "UUID" },
	{ destroy, 200, "", "true", CONSUL_OK, "" },
	{ destroy, 200, "", "true\n", CONSUL_OK, "" },
	{ destroy, 200, "", "false", CONSUL_UNKNOWN, "false" },
	{ info, 200, "", SESSION, CONSUL_OK, "" },
	{ info, 200, "", "[]", CONSUL_OK, "" },
	{ sessions, 200, "", SESSION, CONSUL_OK, "" },
	{ sessions, 200, "", "null", CONSUL_UNKNOWN, "null" },
	{ release, 200, "", "true\n", CONSUL_OK, "" },
	{ release, 200, "", "false\n", CONSUL_REFUSED, "200: false" },
	{ release, 200, "", "truefalse", CONSUL_UNKNOWN, "truefalse" },
	{ release, 200, "", "true\n\n", CONSUL_UNKNOWN, "true" },
	{ release, 500, "", "invalid session \"" SID "\"", CONSUL_REFUSED,
	    "invalid session" },
	{ get, 200, INDEX, LOCKED, CONSUL_OK, "" },
	{ get, 200, INDEX, FREE, CONSUL_OK, "" },
	{ get, 404, INDEX, "", CONSUL_OK, "" },
	{ get, 404, "", "", CONSUL_UNKNOWN, "404: (nothing)" },
	{ get, 404, INDEX, "no such page", CONSUL_UNKNOWN, "no such page" },
	{ get, 200, "", LOCKED, CONSUL_UNKNOWN, "can't be understood" },
	{ get, 500, INDEX, "rpc error making call: No cluster leader",
	    CONSUL_UNKNOWN, "answered 500: rpc error" },
	{ get, 429, "", "slow down", CONSUL_UNKNOWN, "429: slow down" },
	{ watch, 200, INDEX, FREE, CONSUL_OK, "" },
	{ watch, 400, "", "Invalid wait time", CONSUL_UNKNOWN, "Invalid wait" },
	{ lock, 500, "", "rpc error: invalid session \"x\"", CONSUL_GONE,
	    "invalid session" },
	{ own_service, 200, "", "{\"ID\":\"app\",\"Service\":\"app\","
	    "\"Tags\":[\"slave\",\"blue\"],\"Port\":3306,"
	    "\"Address\":\"10.0.0.1\"}", CONSUL_OK, "" },
	{ own_service, 404, "", "unknown service ID: app", CONSUL_GONE,
	    "unknown service ID: app" },
	{ own_service, 404, "", "404 page not found", CONSUL_UNKNOWN, "404" },
	{ own_check, 200, "", "{}", CONSUL_GONE, "{}" },
	{ own_check, 200, "", "{\"service:app\":{\"Node\":\"n1\","
	    "\"Status\":\"passing\"}}", CONSUL_OK, "" },
	{ instances, 200, "", "[]", CONSUL_OK, "" },
	{ instances, 200, "", "{}", CONSUL_UNKNOWN, "{}" },
	{ health, 200, "", "[]", CONSUL_OK, "" },
	{ services, 200, "", "{}", CONSUL_OK, "" },
	{ services, 200, "", "[]", CONSUL_UNKNOWN, "[]" },
	{ services, 200, "", "{\"app\":\"master\"}", CONSUL_UNKNOWN, "app" },
	{ critical, 200, "", "[]", CONSUL_OK, "" },
	{ critical, 200, "", "{}", CONSUL_UNKNOWN, "{}" },
	{ keys, 403, "", "Permission denied", CONSUL_DENIED, "; give the token "
	    "the rule key_prefix \"lock/\" of acl-status.hcl" },
	{ put, 200, "", "true\n", CONSUL_OK, "" },
	{ put_for_session, 200, "", "false\n", CONSUL_REFUSED, "false" },
	/* 1.21.5 refuses keys, though none of ours, with a plain error: a 500
	 * (hashicorp/consul#22835). */
	{ put, 500, "", BAD_KEY, CONSUL_UNKNOWN, "answered 500: " BAD_KEY },
	{ put_for_session, 500, "", BAD_KEY, CONSUL_UNKNOWN, "500: " BAD_KEY },
	{ list, 500, "", BAD_KEY, CONSUL_UNKNOWN, "answered 500: " BAD_KEY },
	{ get, 500, "", BAD_KEY, CONSUL_UNKNOWN, "answered 500: " BAD_KEY },
	{ release, 500, "", BAD_KEY, CONSUL_UNKNOWN, "500: " BAD_KEY },
	/* As its source has it after that. */
	{ put, 500, "", "invalid key name, path traversal is not allowed",
	    CONSUL_UNKNOWN, "500: invalid key name, path traversal" },
	{ put, 500, "", "invalid key name, leading/trailing spaces are not "
	    "allowed", CONSUL_UNKNOWN, "500: invalid key name, leading" },
	/* The Content-Length of a PUT: the first of old, the others since 1.22;
	 * the last one is a 200 and no success. */
	{ put, 413, "", TOO_LONG, CONSUL_UNKNOWN, "answered 413: " TOO_LONG },
	{ put_for_session, 413, "", TOO_LONG, CONSUL_UNKNOWN, "413: " TOO_LONG },
	{ put, 413, "", "Request body too large. Max allowed is 524288 bytes.",
	    CONSUL_UNKNOWN, "413: Request body too large. Max allowed" },
	{ put, 200, "", "\"Request has no content-length \\u0026 no body\"",
	    CONSUL_UNKNOWN, "can't be understood: \"Request has no" },
	{ release, 200, "", "\"Request has no content-length \\u0026 no "
	    "body\"", CONSUL_UNKNOWN, "can't be understood: \"Request has" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer_with(rows[i].status, rows[i].headers, rows[i].body);
		ask(rows[i].call);
		if (got.outcome != rows[i].outcome)
			print_error("row %zu: %s\n", i, rows[i].body);
		then(rows[i].outcome, rows[i].words);
		assert_int_equal(got.status, rows[i].status);
	}
}

static void
a_key_tells_its_holder_value_and_indexes(void **state)
{
	(void)state;
	answer_with(200, INDEX, LOCKED);
	ask(get);
	then(CONSUL_OK, "");
	assert_true(got.key.exists);
	assert_string_equal(got.key.session, SID);
	assert_string_equal(got.key.value, "hallo");
	assert_int_equal(got.key.create_index, 15);
	assert_int_equal(got.key.lock_index, 3);
	assert_int_equal(got.key.modify_index, 17);
	assert_int_equal(got.index, 42);
	assert_non_null(strstr(server.request,
	    "GET /v1/kv/lock/app/leader?consistent HTTP/1.1\r\n"));
	answer_with(200, INDEX, FREE);
	ask(get);
	assert_true(got.key.exists);
	assert_string_equal(got.key.session, "");
	assert_string_equal(got.key.value, "");
	answer_with(404, INDEX, "");
	ask(get);
	assert_true(got.has_key);
	assert_false(got.key.exists);
}

#define WITH(lock_index, key)	"[{\"LockIndex\":" lock_index "," \
	"\"Key\":\"" key "\",\"Value\":null," \
	"\"CreateIndex\":1,\"ModifyIndex\":1}]"

static void
a_key_of_the_wrong_types_is_unknown_and_never_free(void **state)
{
	static const char *const	 bodies[] = {
		KEY_JSON("\"Session\":5,", "null"),
		KEY_JSON("\"Session\":null,", "null"),
		KEY_JSON("\"Session\":\"\",", "null"),
		KEY_JSON("\"Session\":[],", "null"),
		/* An id that we would cut would be another one. */
		KEY_JSON("\"Session\":\"0123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef\",", "null"),
		KEY_JSON("", "5"),
		KEY_JSON("", "\"a\""),
		KEY_JSON("", "\"aGFsbG8\""),
		KEY_JSON("", "\"aGFs!G8=\""),
		KEY_JSON("", "\"aGFsb===\""),
		KEY_JSON("", "\"aG=sbG8=\""),
		"[]", "[{}]", "{}", "null", "5", "\"x\"", "", "[null]",
		WITH("\"3\"", KEY), WITH("-3", KEY), WITH("3.5", KEY),
		WITH("1e3", KEY), WITH("null", KEY), WITH("3", "other"),
		WITH("99999999999999999999", KEY),
		"<html><body>It works!</body></html>",
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		answer_with(200, INDEX, bodies[i]);
		ask(get);
		then(CONSUL_UNKNOWN, "can't be understood");
		assert_false(got.has_key);
	}
}

static void
a_long_value_is_cut_and_every_length_is_decoded(void **state)
{
	char	 value[12000], body[14000], text[1500];
	size_t	 n;

	(void)state;
	for (n = 0; n < 7; n++) {	/* what we send comes back */
		memset(text, 'a' + (int)n, n);
		text[n] = '\0';
		answer_with(500, "", "");
		consul_lock(consul, KEY, &seen_free, SID, text, seen, NULL);
		wait_for(got.count + 1);
		assert_int_equal(sscanf(strstr(server.request, "\"Value\":\"") +
		    9, "%1400[^\"]", value), n > 0 ? 1 : 0);
		snprintf(body, sizeof(body), KEY_JSON("", "\"%s\""),
		    n > 0 ? value : "");
		answer_with(200, INDEX, body);
		ask(get);
		assert_string_equal(got.key.value, text);
	}
	memset(value, 'Y', 11996);	/* "YYYY" is "a\x86\x18" */
	value[11996] = '\0';
	snprintf(body, sizeof(body), KEY_JSON("", "\"%s\""), value);
	answer_with(200, INDEX, body);
	ask(get);
	assert_int_equal(strlen(got.key.value), CONSUL_VALUE_MAX - 1);
}

static void
an_index_is_a_number_or_nothing(void **state)
{
	static const struct {
		const char	*header;
		uint64_t	 index;
	} rows[] = {
		{ "X-Consul-Index: 1\r\n", 1 },
		{ "x-consul-index:   18446744073709551615\r\n", UINT64_MAX },
		{ "X-Consul-Index: 18446744073709551616\r\n", 0 },
		{ "X-Consul-Index: -1\r\n", 0 },
		{ "X-Consul-Index: +1\r\n", 0 },
		{ "X-Consul-Index: 1x\r\n", 0 },
		{ "X-Consul-Index: 0x10\r\n", 0 },
		{ "X-Consul-Index: \r\n", 0 },
		{ "X-Consul-Index: 1\r\nX-Consul-Index: 2\r\n", 0 },
		{ "", 0 },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer_with(200, rows[i].header, LOCKED);
		ask(get);
		assert_true(got.index == rows[i].index);
		assert_int_equal(got.outcome,
		    rows[i].index > 0 ? CONSUL_OK : CONSUL_UNKNOWN);
	}
}

#define TXN_OK(session)	"{\"Results\":[{\"KV\":{\"LockIndex\":4," \
	"\"Key\":\"" KEY "\",\"Flags\":0,\"Value\":null," \
	"\"Session\":\"" session "\",\"CreateIndex\":15," \
	"\"ModifyIndex\":839}}],\"Errors\":null}"
#define TXN_BAD(what)	"{\"Results\":null,\"Errors\":[{\"OpIndex\":0," \
	"\"What\":\"" what "\"}]}"

static void
a_lock_is_ours_only_when_the_answer_shows_our_session(void **state)
{
	(void)state;
	answer_with(200, "", TXN_OK(SID));
	ask(lock);
	then(CONSUL_OK, "");
	assert_int_equal(got.key.lock_index, 4);
	assert_int_equal(got.key.modify_index, 839);
	assert_string_equal(got.key.session, SID);
	answer_with(200, "", TXN_OK(OTHER));
	ask(lock);
	then(CONSUL_UNKNOWN, "can't be understood");
	assert_false(got.has_key);
	answer_with(200, "", "{\"Results\":[],\"Errors\":null}");
	ask(lock);
	then(CONSUL_UNKNOWN, "can't be understood");
}

static void
a_refused_lock_tells_why(void **state)
{
	static const struct {
		const char		*body;
		enum consul_outcome	 outcome;
		bool			 delayed;
		const char		*words;
	} rows[] = {
		{ TXN_BAD("failed to lock key \\\"K\\\", lock is already held"),
		    CONSUL_REFUSED, false, "lock is already held" },
		{ TXN_BAD("failed to lock key \\\"K\\\" due to lock delay"),
		    CONSUL_REFUSED, true, "lock delay" },
		{ TXN_BAD("failed index check for key \\\"K\\\", current "
		    "modify index 838 != 837"), CONSUL_REFUSED, false,
		    "838 != 837" },
		{ TXN_BAD("key \\\"K\\\" exists"), CONSUL_REFUSED, false,
		    "exists" },
		{ TXN_BAD("invalid session \\\"" SID "\\\""), CONSUL_GONE,
		    false, "409: invalid session" },
		{ TXN_BAD("Permission denied"), CONSUL_DENIED, false,
		    "Permission denied" },
		{ "{\"Results\":null,\"Errors\":null}", CONSUL_UNKNOWN, false,
		    "409" },
		{ "{\"Errors\":[{}]}", CONSUL_UNKNOWN, false, "409" },
		{ "due to lock delay", CONSUL_UNKNOWN, false, "409" },
		{ "", CONSUL_UNKNOWN, false, "(nothing)" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer_with(409, "", rows[i].body);
		ask(lock);
		then(rows[i].outcome, rows[i].words);
		assert_int_equal(got.delayed, rows[i].delayed);
	}
}

static void
a_session_tells_its_ttl_delay_and_checks(void **state)
{
	(void)state;
	answer_with(200, "", SESSION);
	ask(info);
	assert_int_equal(got.session_count, 1);
	assert_string_equal(got.session.id, SID);
	assert_string_equal(got.session.name, "app");
	assert_string_equal(got.session.node, "n1");
	assert_string_equal(got.session.ttl, "10s");
	assert_int_equal(got.session.lock_delay_ms, 15000);
	assert_true(got.session.serf_health);
	assert_true(got.session.service);
	assert_string_equal(got.session.service_id, "app");
	answer_with(200, "", "[{\"ID\":\"" SID "\",\"Name\":\"\","
	    "\"Node\":\"n\",\"LockDelay\":0,\"TTL\":\"\","
	    "\"Checks\":[\"service:app\"],\"NodeChecks\":null}]");
	ask(info);
	then(CONSUL_OK, "");
	assert_false(got.session.serf_health);
	assert_true(got.session.service);
	answer_with(200, "", "[]");
	ask(info);
	assert_int_equal(got.session_count, 0);
	answer_with(200, "", "[{\"ID\":\"" OTHER "\",\"Name\":\"\","
	    "\"Node\":\"n\",\"LockDelay\":0,\"TTL\":\"\"}]");
	ask(info);
	then(CONSUL_UNKNOWN, "can't be understood");
	assert_int_equal(got.session_count, 0);
	ask(sessions);
	then(CONSUL_OK, "");
	assert_int_equal(got.session_count, 1);
	answer_with(200, "", "{\"ID\":\"" SID "\"}");
	ask(create);
	assert_string_equal(got.id, SID);
}

static void
the_local_agent_tells_our_service_and_node(void **state)
{
	(void)state;
	answer_with(200, "", "{\"ID\":\"app\",\"Tags\":[\"a\",\"b\"],"
	    "\"Port\":3306,\"Address\":\"10.0.0.1\"}");
	ask(own_service);
	assert_string_equal(got.tags, "a,b");
	assert_string_equal(got.address, "10.0.0.1");
	assert_int_equal(got.port, 3306);
	answer_with(200, "", "{\"ID\":\"app\",\"Tags\":null,\"Port\":1}");
	ask(own_service);
	then(CONSUL_OK, "");
	assert_string_equal(got.tags, "");
	answer_with(200, "", "{\"ID\":\"app\",\"Tags\":[5],\"Port\":1}");
	ask(own_service);
	then(CONSUL_UNKNOWN, "");
	answer_with(200, "", "{\"service:app2\":{},\"service:app\":"
	    "{\"Node\":\"n1\",\"Status\":\"critical\"}}");
	ask(own_check);
	assert_string_equal(got.node, "n1");
	assert_string_equal(got.check_status, "critical");
	answer_with(200, "", "{\"service:app2\":{}}");
	ask(own_check);
	then(CONSUL_GONE, "");
}

static void
the_catalogue_lists_instances(void **state)
{
	(void)state;
	answer_with(200, "", "[{\"Node\":\"n1\",\"Address\":\"10.0.0.1\","
	    "\"ServiceID\":\"app\",\"ServiceTags\":[\"master\",\"x\"],"
	    "\"ServiceAddress\":\"\",\"ServicePort\":3306,"
	    "\"ServiceMeta\":{\"failover-since\":\"2026\"}},"
	    "{\"Node\":\"n2\",\"Address\":\"10.0.0.2\",\"ServiceID\":\"app\","
	    "\"ServiceTags\":null,\"ServiceAddress\":\"10.9.9.9\","
	    "\"ServicePort\":0,\"ServiceMeta\":null}]");
	ask(instances);
	then(CONSUL_OK, "");
	assert_int_equal(got.instance_count, 2);
	assert_string_equal(got.instances[0].node, "n1");
	assert_string_equal(got.instances[0].address, "10.0.0.1");
	assert_string_equal(got.instances[0].service_id, "app");
	assert_int_equal(got.instances[0].port, 3306);
	assert_string_equal(got.instance_tags, "master,x");
	assert_string_equal(got.since, "2026");
	assert_string_equal(got.instance_status, "");
}

#define HEALTH(address, checks)	"[{\"Node\":{\"Node\":\"n1\"," \
	"\"Address\":\"10.0.0.1\"},\"Service\":{\"ID\":\"app\",\"Tags\":[]," \
	"\"Address\":\"" address "\",\"Port\":1,\"Meta\":null},\"Checks\":" \
	checks "}]"
#define CHECK(id, status, output)	"{\"CheckID\":\"" id "\"," \
	"\"Status\":\"" status "\",\"Output\":\"" output "\"}"

static void
only_what_our_agents_registered_is_ours(void **state)
{
	(void)state;
	answer_with(200, "", HEALTH("", "[]"));
	ask(health);
	assert_false(got.instances[0].ours);
	answer_with(200, "", "[{\"Node\":{\"Node\":\"n1\",\"Address\":\"a\"},"
	    "\"Service\":{\"ID\":\"app\",\"Tags\":[],\"Address\":\"\","
	    "\"Port\":1,\"Meta\":{\"failover-agent\":\"m\"}},"
	    "\"Checks\":[]}]");
	ask(health);
	assert_true(got.instances[0].ours);
}

static void
the_catalogue_lists_services_with_their_tags(void **state)
{
	(void)state;
	answer_with(200, "", "{\"consul\":[],\"app\":[\"slave\",\"x\"]}");
	ask(services);
	then(CONSUL_OK, "");
	assert_int_equal(got.record_count, 2);
	assert_string_equal(got.key_of_last, "app");
	assert_string_equal(got.value_of_last, "slave,x");
}

static void
of_critical_checks_only_a_copy_s_own_counts(void **state)
{
	(void)state;
	answer_with(200, "", "[{\"CheckID\":\"service:a1\",\"ServiceID\":"
	    "\"a1\",\"ServiceName\":\"app\"},"
	    "{\"CheckID\":\"disk\",\"ServiceID\":\"b\",\"ServiceName\":"
	    "\"b\"},{\"CheckID\":\"serfHealth\",\"ServiceID\":\"\","
	    "\"ServiceName\":\"\"}]");
	ask(critical);
	then(CONSUL_OK, "");
	assert_int_equal(got.record_count, 1);
	assert_string_equal(got.key_of_last, "app");
}

/* Two nodes whose names begin alike would be one. */
static void
a_name_that_would_be_cut_is_no_name(void **state)
{
	char	 body[1024];
	int	 length;

	(void)state;
	for (length = CONSUL_NAME_MAX - 1; length <= CONSUL_NAME_MAX;
	    length++) {
		enum consul_outcome	want = length < CONSUL_NAME_MAX ?
					    CONSUL_OK : CONSUL_UNKNOWN;

		snprintf(body, sizeof(body), "[{\"Node\":\"%0*d\","
		    "\"Address\":\"a\",\"ServiceID\":\"app\","
		    "\"ServiceTags\":[],\"ServiceAddress\":\"\","
		    "\"ServicePort\":1}]", length, 1);
		answer_with(200, "", body);
		ask(instances);
		assert_int_equal(got.outcome, want);
		snprintf(body, sizeof(body), "{\"service:app\":{\"Node\":"
		    "\"%0*d\",\"Status\":\"passing\"}}", length, 1);
		answer_with(200, "", body);
		ask(own_check);
		assert_int_equal(got.outcome, want);
	}
}

/* Since Consul 1.11. */
static void
nodes_that_our_token_may_not_see_are_told_of(void **state)
{
	static const call	 calls[] = { instances, health };
	size_t			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		answer_with(200, INDEX, "[]");
		ask(calls[i]);
		assert_false(got.filtered);
		answer_with(200, INDEX
		    "X-Consul-Results-Filtered-By-ACLs: true\r\n", "[]");
		ask(calls[i]);
		then(CONSUL_OK, "");
		assert_true(got.filtered);
	}
}

static void
it_tells_which_other_check_is_critical(void **state)
{
	(void)state;
	answer_with(200, "", HEALTH("", "[" CHECK("service:app", "critical",
	    "") "]"));
	ask(health);
	assert_true(got.instances[0].sick);
	assert_string_equal(got.critical, "");
	answer_with(200, "", HEALTH("", "[" CHECK("service:app", "passing", "")
	    "," CHECK("disk", "critical", "") "]"));
	ask(health);
	assert_false(got.instances[0].sick);
	assert_string_equal(got.critical, "\"\" (disk)");
	assert_string_equal(got.maintenance, "");
	answer_with(200, "", HEALTH("", "[" CHECK("_service_maintenance:app",
	    "critical", "") "," CHECK("disk", "passing", "") "]"));
	ask(health);
	assert_string_equal(got.maintenance,
	    "\"\" (_service_maintenance:app)");
	answer_with(200, "", HEALTH("", "[" CHECK("_node_maintenance",
	    "critical", "") "," CHECK("disk", "warning", "") "]"));
	ask(health);
	assert_string_equal(got.maintenance, "\"\" (_node_maintenance)");
}

static void
the_health_view_tells_the_worst_check_and_our_sentence(void **state)
{
	(void)state;
	answer_with(200, "", HEALTH("10.8.8.8", "[" CHECK("serfHealth",
	    "critical", "Agent not live") "," CHECK("service:app", "passing",
	    "HTTP GET http://h/health: 200 OK Output: "
	    "\\\"flag \\\\\\\"x\\\\\\\" is there\\\"\\n") "]"));
	ask(health);
	then(CONSUL_OK, "");
	assert_string_equal(got.instances[0].address, "10.8.8.8");
	assert_string_equal(got.instance_status, "critical");
	assert_string_equal(got.output, "flag \"x\" is there");
	answer_with(200, "", HEALTH("", "[" CHECK("service:app", "warning",
	    "HTTP GET http://h/health: 429 Too Many Requests Output: "
	    "\\\"cut of") "," CHECK("other", "passing", "x") "]"));
	ask(health);
	assert_string_equal(got.instances[0].address, "10.0.0.1");
	assert_string_equal(got.instance_status, "warning");
	assert_string_equal(got.output, "\"cut of");
	answer_with(200, "", HEALTH("", "[" CHECK("service:app", "critical",
	    "Get http://h: dial tcp: connection refused") "]"));
	ask(health);
	assert_string_equal(got.output,
	    "Get http://h: dial tcp: connection refused");
	answer_with(200, "", HEALTH("", "[" CHECK("service:app", "odd", "")
	    "]"));
	ask(health);
	then(CONSUL_UNKNOWN, "");
}

/* --- what is no answer of Consul ------------------------------------------ */

/* No call takes these for anything but "unknown", or 403 for "denied". */
static void
nothing_but_consul_is_understood(void **state)
{
	char	 deep[4001];
	size_t	 i, k;
	struct {
		int			 status;
		const char		*headers, *body, *words;
		enum consul_outcome	 outcome;
	} rows[] = {
	{ 200, INDEX, "<html><body>\n\nIt works!\x01\xff.</body></html>",
	    "<html><body>  It works!?" "?.</body>", CONSUL_UNKNOWN },
	{ 200, INDEX, deep, "[[[", CONSUL_UNKNOWN },
	{ 200, INDEX, "{\"a\":", "{\"a\":", CONSUL_UNKNOWN },
	{ 200, INDEX, "\"text\"", "\"text\"", CONSUL_UNKNOWN },
	{ 302, "Location: https://login.example/?a\r\n", "<html>",
	    "302, a redirect (is this Consul?) to https://login.example/?a",
	    CONSUL_UNKNOWN },
	{ 301, "", "moved", "301: moved", CONSUL_UNKNOWN },
	{ 403, INDEX, "Permission denied", "403: Permission denied",
	    CONSUL_DENIED },
	{ 429, INDEX, "Too many", "429: Too many", CONSUL_UNKNOWN },
	{ 500, INDEX, "No cluster leader", "500: No cluster leader",
	    CONSUL_UNKNOWN },
	{ 500, INDEX, "", "500: (nothing)", CONSUL_UNKNOWN },
	{ 503, INDEX, "<html>", "503: <html>", CONSUL_UNKNOWN },
	{ 405, "", "method GET not allowed", "405", CONSUL_UNKNOWN },
	{ 201, INDEX, "true", "201", CONSUL_UNKNOWN },
	};

	(void)state;
	memset(deep, '[', 2000);
	memset(deep + 2000, ']', 2000);
	deep[4000] = '\0';
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (k = 0; k < CALLS; k++) {
			answer_with(rows[i].status, rows[i].headers,
			    rows[i].body);
			ask(all_calls[k]);
			then(rows[i].outcome, rows[i].words);
			assert_non_null(strstr(got.text, server.address));
		}
}

static void
an_empty_answer_is_a_yes_only_to_those_who_expect_it(void **state)
{
	size_t	 k;

	(void)state;
	answer_with(200, INDEX, "");
	for (k = 0; k < CALLS; k++) {
		ask(all_calls[k]);
		if (all_calls[k] == enrol || all_calls[k] == deregister)
			then(CONSUL_OK, "");
		else
			then(CONSUL_UNKNOWN, "(nothing)");
	}
}

/* A prefix of an answer, whole for HTTP or cut off, is never taken for one. */
static void
try_each_beginning(call c, int status, const char *body,
    enum consul_outcome whole)
{
	char	*part = strdup(body);
	size_t	 n, all;

	answer_with(status, INDEX, body);
	ask(c);
	assert_int_equal(got.outcome, whole);
	for (n = strlen(body) - 1; n > 0; n--) {
		part[n] = '\0';
		answer_with(status, INDEX, part);
		ask(c);
		assert_int_equal(got.outcome, CONSUL_UNKNOWN);
	}
	free(part);
	answer_with(status, INDEX, body);
	server.hang_up = true;
	for (all = server.length; server.length > 0; server.length--) {
		ask(c);
		if (server.length == all)
			assert_int_equal(got.outcome, whole);
		else
			then(CONSUL_UNKNOWN, ": ");
	}
	server.hang_up = false;
}

static void
an_answer_cut_at_any_byte_is_unknown(void **state)
{
	(void)state;
	try_each_beginning(get, 200, LOCKED, CONSUL_OK);
	try_each_beginning(lock, 200, TXN_OK(SID), CONSUL_OK);
	try_each_beginning(lock, 409, TXN_BAD("due to lock delay"),
	    CONSUL_REFUSED);
	try_each_beginning(create, 200, "{\"ID\":\"" SID "\"}", CONSUL_OK);
	try_each_beginning(info, 200, SESSION, CONSUL_OK);
	try_each_beginning(release, 200, "true", CONSUL_OK);
	try_each_beginning(health, 200, HEALTH("", "[]"), CONSUL_OK);
}

static void
raw(const char *bytes)
{
	answer_bytes(bytes, strlen(bytes));
}

#define CHUNKED	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void
broken_http_is_no_answer(void **state)
{
	static const char *const	 answers[] = {
		"", "\r\n\r\n", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrue",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\ntrue",
		CHUNKED "4\r\ntrue", CHUNKED "zz\r\n",
		"true",
	};
	size_t	 i, k;

	(void)state;
	server.hang_up = true;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		for (k = 0; k < CALLS; k++) {
			raw(answers[i]);
			ask(all_calls[k]);
			then(CONSUL_UNKNOWN, "at http://127.0.0.1:");
			assert_int_equal(got.status, 0);
		}
}

static void
an_answer_may_come_in_chunks_or_till_the_end(void **state)
{
	(void)state;
	raw(CHUNKED "2\r\ntr\r\n3\r\nue\n\r\n0\r\n\r\n");
	ask(release);
	then(CONSUL_OK, "");
	raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
	    "Content-Length: 4\r\n\r\ntrue");
	ask(release);
	then(CONSUL_OK, "");
	server.hang_up = true;
	raw("HTTP/1.0 200 OK\r\n\r\ntrue");
	ask(release);
	then(CONSUL_OK, "");
}

static void
a_large_answer_is_refused(void **state)
{
	char	*body = malloc(HTTP_BODY_MAX + 2);
	size_t	 k;

	(void)state;
	memset(body, '[', HTTP_BODY_MAX + 1);
	body[HTTP_BODY_MAX + 1] = '\0';
	answer_with(200, INDEX, body);
	for (k = 0; k < CALLS; k++) {
		ask(all_calls[k]);
		then(CONSUL_UNKNOWN, "answer larger than 1 MiB");
	}
	body[HTTP_BODY_MAX] = '\0';	/* just not too large */
	answer_with(200, INDEX, body);
	ask(get);
	then(CONSUL_UNKNOWN, "can't be understood");
	free(body);
}

static void
an_endless_answer_is_refused(void **state)
{
	char	*bytes = malloc(65536);

	(void)state;
	memset(bytes, 'x', 65535);
	bytes[65535] = '\0';
	memcpy(bytes, "HTTP/1.1 200 OK\r\n\r\n", 19);
	raw(bytes);
	server.endless = true;
	ask(get);
	then(CONSUL_UNKNOWN, "answer larger than 1 MiB");
	memset(bytes, 'x', 65535);
	memcpy(bytes, "HTTP/1.1 200 OK\r\nA: ", 20);
	memcpy(bytes + 65531, "\r\nB: ", 4);	/* endless headers */
	raw(bytes);
	ask(get);
	then(CONSUL_UNKNOWN, "headers: ");
	assert_int_equal(got.status, 0);
	server.endless = false;
	free(bytes);
}

static void
silence_ends_with_the_time_out(void **state)
{
	int64_t	 start = clock_ms();

	(void)state;
	server.silent = true;
	ask(get);
	then(CONSUL_UNKNOWN, "timed out after 3");
	assert_in_range(clock_ms() - start, 290, 1500);
	assert_in_range(got.sent_at, start, start + 50);
	raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	server.silent = false;
	ask(get);
	then(CONSUL_UNKNOWN, "timed out after 3");
}

static void
a_reset_connection_is_no_answer(void **state)
{
	size_t	 k;

	(void)state;
	server.reset = true;
	for (k = 0; k < CALLS; k++) {
		ask(all_calls[k]);
		then(CONSUL_UNKNOWN, "at http://127.0.0.1:");
		assert_int_equal(got.status, 0);
	}
}

static void
only_a_usable_answer_is_contact(void **state)
{
	int64_t	 begin = clock_ms();

	(void)state;
	assert_int_equal(consul_answered_at_ms(consul), -1);
	answer_with(403, "", "Permission denied");
	ask(get);
	then(CONSUL_DENIED, "");
	answer_with(500, "", "No cluster leader");
	ask(get);
	then(CONSUL_UNKNOWN, "");
	assert_int_equal(consul_answered_at_ms(consul), -1);
	answer_with(404, "", "Session id '" SID "' not found");
	ask(renew);
	then(CONSUL_GONE, "");
	assert_in_range(consul_answered_at_ms(consul), begin, clock_ms());
}

static void
a_closed_port_says_so(void **state)
{
	char	 text[256];

	(void)state;
	evconnlistener_disable(server.listener);
	close(evconnlistener_get_fd(server.listener));
	ask(get);
	snprintf(text, sizeof(text), "GET /v1/kv/lock/app/leader?consistent at "
	    "http://%s: Connection refused", server.address);
	assert_string_equal(got.text, text);
	then(CONSUL_UNKNOWN, "Connection refused");
}

/* --- what we send --------------------------------------------------------- */

static const char *
body_of_request(void)
{
	return strstr(server.request, "\r\n\r\n") + 4;
}

static void
requests_are_what_consul_expects(void **state)
{
	static const struct {
		call		 call;
		const char	*line, *body;
	} rows[] = {
	{ get, "GET /v1/kv/lock/app/leader?consistent HTTP/1.1\r\n", "" },
	{ watch, "GET /v1/kv/lock/app/leader?index=17&wait=55000ms ", "" },
	{ lock, "PUT /v1/txn ", "[{\"KV\":{\"Verb\":\"check-index\",\"Key\":\""
	    KEY "\",\"Index\":838}},{\"KV\":{\"Verb\":\"lock\",\"Key\":\"" KEY
	    "\",\"Value\":\"aGFsbG8=\",\"Session\":\"" SID "\"}}]" },
	{ lock_missing, "PUT /v1/txn ", "[{\"KV\":{\"Verb\":"
	    "\"check-not-exists\",\"Key\":\"" KEY "\"}},{\"KV\":{\"Verb\":"
	    "\"lock\",\"Key\":\"" KEY "\",\"Value\":\"\",\"Session\":\"" SID
	    "\"}}]" },
	{ release, "PUT /v1/kv/lock/app/leader?release=" SID " ", "bye" },
	{ fetch, "GET /v1/kv/lock/app/history?consistent ", "" },
	{ cas, "PUT /v1/kv/lock/app/history?cas=17 ", "{}" },
	{ create, "PUT /v1/session/create ", "{\"Name\":\"app\",\"Checks\":["
	    "\"serfHealth\",\"service:app\"],\"TTL\":\"10s\",\"LockDelay\":"
	    "\"1500ms\",\"Behavior\":\"release\"}" },
	{ renew, "PUT /v1/session/renew/" SID " ", "" },
	{ destroy, "PUT /v1/session/destroy/" SID " ", "" },
	{ info, "GET /v1/session/info/" SID " ", "" },
	{ sessions, "GET /v1/session/node/n1 ", "" },
	{ enrol, "PUT /v1/agent/service/register ", "{\"ID\":\"app-1\","
	    "\"Name\":\"app\",\"Port\":3306,\"Tags\":[\"slave\",\"blue\"],"
	    "\"Meta\":{\"failover-since\":\"2026\",\"failover-health\":"
	    "\"well\",\"failover-health-at\":\"2027\","
	    "\"failover-check\":\"http://h/health every 2000 ms, "
	    "time-out 1500 ms, 2 failures, token 3271\",\"failover-agent\":"
	    "\"word host h\"},\"Check\":{\"HTTP\":"
	    "\"http://h/health\",\"Interval\":\"2s\",\"Timeout\":\"1500ms\","
	    "\"FailuresBeforeCritical\":2,\"Status\":\"passing\"}}" },
	{ deregister, "PUT /v1/agent/service/deregister/app ", "" },
	{ own_service, "GET /v1/agent/service/app ", "" },
	{ own_check, "GET /v1/agent/checks ", "" },
	{ instances, "GET /v1/catalog/service/app?consistent ", "" },
	{ health, "GET /v1/health/service/app ", "" },
	};
	char	 length[64];
	size_t	 i;

	(void)state;
	config.consul_token = (char *)" secret-token\n";
	open_consul();
	answer_with(200, "", "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(rows[i].call);
		assert_memory_equal(server.request, rows[i].line,
		    strlen(rows[i].line));
		assert_string_equal(body_of_request(), rows[i].body);
		snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
		    strlen(rows[i].body));
		assert_int_equal(strstr(server.request, length) != NULL,
		    server.request[0] == 'P');
		assert_non_null(strstr(server.request,
		    "\r\nX-Consul-Token: secret-token\r\n"));
		assert_non_null(strstr(server.request,
		    "\r\nAccept: application/json\r\n"));
		assert_non_null(strstr(server.request,
		    "\r\nUser-Agent: consul-failover/" VERSION "\r\n"));
		assert_null(strstr(server.request, "Expect"));
		assert_null(strstr(server.request, "chunked"));
		assert_null(strstr(got.text, "secret"));
	}
	/* It may have been registered with the token of before. */
	registration.kept_check = "http://h/health every 1 ms, token 0001";
	registration.address = "10.1.1.1";
	registration.tags = "";
	ask(enrol);
	assert_string_equal(body_of_request(), "{\"ID\":\"app-1\",\"Name\":"
	    "\"app\",\"Address\":\"10.1.1.1\",\"Port\":3306,\"Tags\":[],"
	    "\"Meta\":{\"failover-since\":\"2026\",\"failover-health\":"
	    "\"well\",\"failover-health-at\":\"2027\","
	    "\"failover-check\":\"http://h/health every 1 ms, token 0001\","
	    "\"failover-agent\":\"word host h\"}}");
}

static void
names_are_escaped(void **state)
{
	(void)state;
	answer_with(404, INDEX, "");
	consul_get(consul, "a b/../?&#%\xc3\xa4", false, seen, NULL);
	wait_for(1);
	then(CONSUL_OK, "");
	assert_memory_equal(server.request,
	    "GET /v1/kv/a%20b/../%3F%26%23%25%C3%A4 HTTP", 43);
	consul_release(consul, "k", "s&flags=1", "", seen, NULL);
	wait_for(2);
	assert_memory_equal(server.request,
	    "PUT /v1/kv/k?release=s%26flags%3D1 ", 35);
	assert_non_null(strstr(server.request, "\r\nContent-Length: 0\r\n"));
}

static void
a_large_body_is_sent_whole_and_at_once(void **state)
{
	char	*value = malloc(50001);

	(void)state;
	memset(value, 'v', 50000);
	value[50000] = '\0';
	answer_with(200, "", "true");
	consul_release(consul, KEY, SID, value, seen, NULL);
	wait_for(1);
	then(CONSUL_OK, "");
	assert_string_equal(body_of_request(), value);
	free(value);
}

/* --- connections ---------------------------------------------------------- */

static void
two_hundred_requests_in_a_row_use_one_connection(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 200; i++) {
		answer_with(200, INDEX, i % 2 ? "true" : LOCKED);
		ask(i % 2 ? release : get);
		then(CONSUL_OK, "");
	}
	assert_int_equal(server.requests, 200);
	assert_int_equal(server.connections, 1);
}

/* libcurl repeats what it sent on a kept connection that turns out dead. */
static void
a_write_is_never_sent_twice(void **state)
{
	(void)state;
	answer_with(200, INDEX, LOCKED);
	ask(get);
	server.hang_up_at = 2;
	ask(get);
	then(CONSUL_OK, "");
	assert_int_equal(server.requests, 3);	/* so it does */
	server.hang_up_at = 4;
	ask(lock);
	then(CONSUL_UNKNOWN, "broke before an answer came");
	assert_int_equal(server.requests, 4);
	ask(get);			/* and all goes on */
	then(CONSUL_OK, "");
	assert_int_equal(server.requests, 5);
}

static void
many_requests_at_once_all_come_back(void **state)
{
	int	 i;

	(void)state;
	answer_with(200, INDEX, LOCKED);
	for (i = 0; i < 50; i++)
		get();
	wait_for(50);
	then(CONSUL_OK, "");
}

static struct consul_request	*victim;

static void
cancel_the_victim(const struct consul_reply *r, void *arg)
{
	(void)arg;
	seen(r, NULL);
	consul_cancel(victim);
	victim = NULL;
}

static void
a_request_may_be_cancelled_at_any_time(void **state)
{
	int	 loops, i;

	(void)state;
	answer_with(200, INDEX, LOCKED);
	consul_cancel(NULL);
	for (loops = 0; loops < 12; loops++) {
		victim = get();
		for (i = 0; i < loops && got.count == 0; i++)
			event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		if (got.count == 0)
			consul_cancel(victim);
		got.count = 0;
	}
	/* From the callback of another, which is done in the same moment. */
	for (i = 0; i < 20; i++) {
		got.count = 0;
		consul_get(consul, KEY, true, cancel_the_victim, NULL);
		victim = consul_get(consul, KEY, true, cancel_the_victim, NULL);
		wait_for(1);
		usleep(1000);
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_in_range(got.count, 1, 2);
	}
	victim = NULL;
}

static void
cancel_itself(const struct consul_reply *r, void *arg)
{
	(void)arg;
	seen(r, NULL);
	consul_cancel(victim);
}

static void
ask_again(const struct consul_reply *r, void *arg)
{
	(void)arg;
	seen(r, NULL);
	if (got.count < 5)
		consul_get(consul, KEY, true, ask_again, NULL);
}

static void
free_it_all(const struct consul_reply *r, void *arg)
{
	(void)arg;
	seen(r, NULL);
	consul_free(consul);
	consul = NULL;
}

static void
a_callback_may_cancel_ask_again_or_free_it_all(void **state)
{
	(void)state;
	answer_with(200, INDEX, LOCKED);
	victim = consul_get(consul, KEY, true, cancel_itself, NULL);
	wait_for(1);
	got.count = 0;
	consul_get(consul, KEY, true, ask_again, NULL);
	wait_for(5);
	get();
	consul_get(consul, KEY, true, free_it_all, NULL);
	get();
	while (consul != NULL)
		event_base_loop(base, EVLOOP_ONCE);
	assert_in_range(got.count, 6, 8);
}

static void
freeing_with_requests_under_way_runs_no_callback(void **state)
{
	(void)state;
	server.silent = true;
	get();
	lock();
	event_base_loop(base, EVLOOP_ONCE);
	watch();
	consul_free(consul);
	consul = NULL;
	server_drain();
	assert_int_equal(got.count, 0);
}

/* --- addresses, tokens, TLS ----------------------------------------------- */

static void
addresses_are_understood_or_refused(void **state)
{
	static const struct {
		const char	*text, *address, *words;
	} rows[] = {
	{ "127.0.0.1", "http://127.0.0.1:8500", NULL },
	{ "consul.example", "http://consul.example:8500", NULL },
	{ "[::1]", "http://[::1]:8500", NULL },
	{ "[::1]:99", "http://[::1]:99", NULL },
	{ "http://h", "http://h:80", NULL },
	{ "http://h:8500/", "http://h:8500", NULL },
	{ "https://h", "https://h:443", NULL },
	{ "https://h:8501/consul/", "https://h:8501/consul", NULL },
	{ "unix:///run/consul.sock", "unix:///run/consul.sock", NULL },
	{ "", NULL, "\"\"" },
	{ "ftp://h", NULL, "only http, https and unix are known" },
	{ "h:99999", NULL, "ort number" },
	{ "h:x", NULL, "ort number" },
	{ "::1", NULL, "\"::1\"" },
	{ "http://", NULL, "ost" },
	{ "a b", NULL, "\"a b\"" },
	{ "http://u:p@h", NULL, "use a token" },
	{ "http://h/?a=b", NULL, "'?'" },
	{ "http://h/#x", NULL, "'#'" },
	{ "unix://relative", NULL, "must be absolute" },
	{ "unix://", NULL, "must be absolute" },
	{ "unix:///0123456789012345678901234567890123456789012345678901234567"
	    "89012345678901234567890123456789012345678901234567890123456789",
	    NULL, "at most" },
	};
	struct error	 err;
	struct consul	*c;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config.consul_address = (char *)rows[i].text;
		err.text[0] = '\0';
		if (consul_new(&c, base, &config, &err)) {
			assert_non_null(rows[i].address);
			assert_string_equal(consul_address(c),
			    rows[i].address);
			consul_free(c);
		} else {
			if (rows[i].words == NULL ||
			    strstr(err.text, rows[i].words) == NULL)
				print_error("%s: %s\n", rows[i].text, err.text);
			assert_null(c);
			assert_null(rows[i].address);
			assert_non_null(strstr(err.text, rows[i].words));
			assert_non_null(strstr(err.text, rows[i].text));
		}
	}
}

static void
a_path_prefix_is_kept(void **state)
{
	char	 address[128];

	(void)state;
	snprintf(address, sizeof(address), "http://%s/consul/",
	    server.address);
	config.consul_address = address;
	open_consul();
	answer_with(200, "", "true");
	ask(destroy);
	then(CONSUL_OK, "");
	assert_memory_equal(server.request, "PUT /consul/v1/session", 22);
}

static void
a_proxy_in_the_environment_is_not_used(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	open_consul();
	answer_with(200, INDEX, LOCKED);
	ask(get);
	then(CONSUL_OK, "");
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void
a_unix_socket_works(void **state)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct evconnlistener	*listener;
	char			 address[128];

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/cf-test-%d.sock",
	    (int)getpid());
	unlink(sun.sun_path);
	listener = evconnlistener_new_bind(base, server_accept_cb, NULL,
	    LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&sun, sizeof(sun));
	assert_non_null(listener);
	snprintf(address, sizeof(address), "unix://%s", sun.sun_path);
	config.consul_address = address;
	open_consul();
	answer_with(200, INDEX, LOCKED);
	ask(get);
	then(CONSUL_OK, "");
	evconnlistener_free(listener);
	unlink(sun.sun_path);
	open_consul();
	ask(get);
	then(CONSUL_UNKNOWN, "No such file or directory");
	assert_non_null(strstr(got.text, address));
}

static void
a_token_file_is_read_and_trimmed_or_refused(void **state)
{
	static const struct {
		const char	*content, *words;
	} bad[] = {
		{ "", "is empty" }, { " \n\t\n", "is empty" },
		{ "two words\n", "character 4" }, { "a\nb", "character 2" },
	};
	char		 path[64];
	struct error	 err;
	struct consul	*c;
	FILE		*f;
	size_t		 i;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/cf-token-%d", (int)getpid());
	config.consul_token_file = path;
	umask(077);		/* else each try is warned about */
	unlink(path);
	assert_false(consul_new(&c, base, &config, &err));
	assert_non_null(strstr(err.text, "No such file"));
	assert_non_null(strstr(err.text, path));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = fopen(path, "w");
		fputs(bad[i].content, f);
		fclose(f);
		assert_false(consul_new(&c, base, &config, &err));
		assert_non_null(strstr(err.text, bad[i].words));
	}
	f = fopen(path, "w");
	fputs("\n  file-token \n\n", f);
	fclose(f);
	open_consul();
	answer_with(200, INDEX, LOCKED);
	ask(get);
	assert_non_null(strstr(server.request,
	    "\r\nX-Consul-Token: file-token\r\n"));
	/* It wins over a token beside it, unless it is empty. */
	config.consul_token = (char *)"other-token";
	open_consul();
	ask(get);
	assert_non_null(strstr(server.request,
	    "\r\nX-Consul-Token: file-token\r\n"));
	fclose(fopen(path, "w"));
	open_consul();
	ask(get);
	assert_non_null(strstr(server.request,
	    "\r\nX-Consul-Token: other-token\r\n"));
	unlink(path);
	config.consul_token_file = (char *)"/tmp";
	assert_false(consul_new(&c, base, &config, &err));
	assert_non_null(strstr(err.text, "directory"));
}

static void
tls_files_must_be_there_and_in_pairs(void **state)
{
	struct error	 err;
	struct consul	*c;

	(void)state;
	config.consul_address = (char *)"https://127.0.0.1:1";
	config.consul_ca_file = (char *)"/no/such/ca.pem";
	assert_false(consul_new(&c, base, &config, &err));
	assert_non_null(strstr(err.text, "/no/such/ca.pem: No such file"));
	config.consul_ca_file = (char *)"";
	config.consul_client_cert = (char *)"/dev/null";
	assert_false(consul_new(&c, base, &config, &err));
	assert_non_null(strstr(err.text, "client_key"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, given_a_server, \
	then_nothing_is_left)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(each_answer_of_consul_has_its_outcome),
		TEST(a_key_tells_its_holder_value_and_indexes),
		TEST(a_key_of_the_wrong_types_is_unknown_and_never_free),
		TEST(a_long_value_is_cut_and_every_length_is_decoded),
		TEST(an_index_is_a_number_or_nothing),
		TEST(a_lock_is_ours_only_when_the_answer_shows_our_session),
		TEST(a_refused_lock_tells_why),
		TEST(a_session_tells_its_ttl_delay_and_checks),
		TEST(the_local_agent_tells_our_service_and_node),
		TEST(the_catalogue_lists_instances),
		TEST(only_what_our_agents_registered_is_ours),
		TEST(the_catalogue_lists_services_with_their_tags),
		TEST(of_critical_checks_only_a_copy_s_own_counts),
		TEST(a_name_that_would_be_cut_is_no_name),
		TEST(nodes_that_our_token_may_not_see_are_told_of),
		TEST(it_tells_which_other_check_is_critical),
		TEST(the_health_view_tells_the_worst_check_and_our_sentence),
		TEST(nothing_but_consul_is_understood),
		TEST(an_empty_answer_is_a_yes_only_to_those_who_expect_it),
		TEST(an_answer_cut_at_any_byte_is_unknown),
		TEST(broken_http_is_no_answer),
		TEST(an_answer_may_come_in_chunks_or_till_the_end),
		TEST(a_large_answer_is_refused),
		TEST(an_endless_answer_is_refused),
		TEST(silence_ends_with_the_time_out),
		TEST(a_reset_connection_is_no_answer),
		TEST(only_a_usable_answer_is_contact),
		TEST(a_closed_port_says_so),
		TEST(requests_are_what_consul_expects),
		TEST(names_are_escaped),
		TEST(a_large_body_is_sent_whole_and_at_once),
		TEST(two_hundred_requests_in_a_row_use_one_connection),
		TEST(a_write_is_never_sent_twice),
		TEST(many_requests_at_once_all_come_back),
		TEST(a_request_may_be_cancelled_at_any_time),
		TEST(a_callback_may_cancel_ask_again_or_free_it_all),
		TEST(freeing_with_requests_under_way_runs_no_callback),
		TEST(addresses_are_understood_or_refused),
		TEST(a_path_prefix_is_kept),
		TEST(a_proxy_in_the_environment_is_not_used),
		TEST(a_unix_socket_works),
		TEST(a_token_file_is_read_and_trimmed_or_refused),
		TEST(tls_files_must_be_there_and_in_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_api.c - the agent's own HTTP server, asked by good and bad clients.
 *
 * Server and clients share one loop; a client is a bare socket, so that it can
 * send anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api.h"
#include "clock.h"
#include "json.h"

static struct event_base	*base;
static struct api		*api;
static char			 address[64];
static struct api_status	 status;

static const struct api_transition	 transitions[] = {
	{ 1795372800123, "candidate", "master", "the lock is ours \"\\\n\x01" },
	{ 0, "starting", "candidate", "bad \xff\xc3 UTF-8" },
};

static const struct api_status	 plain = {
	.service = "app", .service_id = "app-1", .node = "n1",
	.plugin_name = "example", .plugin_version = "1",
	.plugin_path = "/lib/example.so",
	.consul_address = "http://127.0.0.1:8500", .role = "slave",
	.why = "another node has the lock",
	.is_slave = true, .since_wall_ms = 1795372800123, .epoch = 7,
	.master_changed_wall_ms = -1, .consul_contact_age_ms = -1,
	.fuse_ms = 10000, .priority = 100,
	.holder = "n2", .holder_address = "10.0.0.2", .holder_port = 3306,
	.consul_error = "", .health = API_HEALTH_OK, .health_text = "fine",
	.health_age_ms = 1500, .proof_age_ms = -1, .fuse_left_ms = -1,
	.failovers = 3, .consul_requests = UINT64_MAX, .notice = "",
	.transitions = transitions, .transition_count = 2,
};

static void
tell(struct api_status *s, void *arg)
{
	(void)arg;
	*s = status;
}

/* --- a client ------------------------------------------------------------- */

static struct {
	char	 text[65536];		/* the last answer */
	size_t	 length;
	int	 status;
	char	*body;
	bool	 closed;		/* by the server */
} got;

static int
client_open(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)api_port(api)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
run_for(int ms)
{
	struct timeval	 tv = { .tv_sec = ms / 1000,
			    .tv_usec = ms % 1000 * 1000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* Gives the bytes to the server, who may hang up meanwhile. */
static void
client_send(int fd, const char *bytes, size_t length)
{
	ssize_t	 n;
	int	 tries = 0;

	while (length > 0 && tries++ < 2000) {
		n = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			return;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static bool
answer_is_whole(bool head)
{
	char	*end = strstr(got.text, "\r\n\r\n"), *length;

	if (end == NULL)
		return false;
	got.body = end + 4;
	got.status = atoi(got.text + strlen("HTTP/1.1 "));
	length = strstr(got.text, "Content-Length: ");
	if (head || length == NULL || length > end)
		return head;
	return got.length >= (size_t)(got.body - got.text) +
	    strtoul(length + 16, NULL, 10);
}

/* Runs the loop until a whole answer is there, or the end, or ms are over. */
static void
client_read(int fd, bool head, int ms)
{
	int64_t	 end = clock_ms() + ms;
	ssize_t	 n;

	memset(&got, 0, sizeof(got));
	got.body = got.text;
	while (!got.closed && clock_ms() < end && !answer_is_whole(head)) {
		run_for(1);
		n = recv(fd, got.text + got.length,
		    sizeof(got.text) - 1 - got.length, MSG_DONTWAIT);
		if (n > 0)
			got.length += (size_t)n;
		got.closed = n == 0 || (n == -1 && errno != EAGAIN);
	}
	answer_is_whole(head);
}

static void
ask_bytes(const char *bytes, size_t length)
{
	int	 fd = client_open();

	client_send(fd, bytes, length);
	client_read(fd, strncmp(bytes, "HEAD", 4) == 0, 2000);
	close(fd);
}

static void
ask(const char *method, const char *path)
{
	char	 text[512];
	int	 n = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\n"
		    "Host: h\r\n\r\n", method, path);

	ask_bytes(text, (size_t)n);
}

static void
then(int code, const char *body)
{
	assert_int_equal(got.status, code);
	assert_string_equal(got.body, body);
}

static void
then_others_are_still_answered(void)
{
	ask("GET", "/health");
	then(200, "\"fine\"\n");
}

/* --- set-up --------------------------------------------------------------- */

static int
free_port(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		 length = sizeof(sin);
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	getsockname(fd, (struct sockaddr *)&sin, &length);
	close(fd);
	return ntohs(sin.sin_port);
}

static int
count_descriptors(void)
{
	DIR	*dir = opendir("/proc/self/fd");
	int	 n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static int	 descriptors_before;

static int
given_an_api(void **state)
{
	struct error	 err;

	(void)state;
	status = plain;
	descriptors_before = count_descriptors();
	base = event_base_new();
	snprintf(address, sizeof(address), "127.0.0.1:%d", free_port());
	if (!api_new(&api, base, address, tell, NULL, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int
then_nothing_is_left(void **state)
{
	(void)state;
	api_free(api);
	event_base_free(base);
	assert_int_equal(count_descriptors(), descriptors_before);
	return 0;
}

/* --- answers -------------------------------------------------------------- */

static void
health_is_the_plugins_sentence(void **state)
{
	static const struct {
		enum api_health	 health;
		int		 code;
	} rows[] = { { API_HEALTH_OK, 200 }, { API_HEALTH_BAD, 500 },
	    { API_HEALTH_BUSY, 429 } };
	size_t	 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		status.health = rows[i].health;
		ask("GET", "/health");
		then(rows[i].code, "\"fine\"\n");
		assert_non_null(strstr(got.text,
		    "\r\nContent-Type: application/json\r\n"));
		assert_non_null(strstr(got.text,
		    "\r\nCache-Control: no-store\r\n"));
	}
}

static void
master_and_slave_answer_200_only_in_that_role(void **state)
{
	(void)state;
	ask("GET", "/slave");
	then(200, "\"slave\"\n");
	ask("GET", "/master");
	then(503, "\"slave: another node has the lock\"\n");
	status.role = "joining";
	status.why = "it has more than the master";
	status.is_slave = false;
	ask("GET", "/slave");
	then(503, "\"joining: it has more than the master\"\n");
	status.role = "master";
	status.why = "ensure_master is done";
	status.is_master = true;
	ask("GET", "/slave");
	then(503, "\"master: ensure_master is done\"\n");
	ask("GET", "/master");
	then(200, "\"master\"\n");
	status.role = "promoting";
	status.why = "we have the lock";
	status.is_master = false;
	ask("GET", "/master?x=y");
	then(503, "\"promoting: we have the lock\"\n");
}

static void
head_is_get_without_the_body(void **state)
{
	static const char *const	 paths[] = { "/health", "/status",
					    "/master", "/slave", "/metrics",
					    "/nothing" };
	char	 first[4096];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ask("GET", paths[i]);
		snprintf(first, sizeof(first), "%.*s",
		    (int)(got.body - got.text), got.text);
		ask("HEAD", paths[i]);
		assert_string_equal(got.body, "");
		assert_non_null(strstr(got.text, "Content-Length: "));
		*strstr(first, "Date: ") = '\0';	/* a second may pass */
		assert_memory_equal(got.text, first, strlen(first));
	}
}

static void
a_query_is_ignored_and_a_whole_url_understood(void **state)
{
	static const char *const	 good[] = { "/health?", "/health?a=b&c",
					    "/health?\"<>", "http://h/health",
					    "http://h:80/health?x#y" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ask("GET", good[i]);
		then(200, "\"fine\"\n");
	}
}

static void
other_paths_are_not_found(void **state)
{
	static const char *const	 bad[] = { "/", "/healthx", "/health/",
					    "//health", "/Health", "/%68ealth",
					    "/../health", "/v1/health", "*",
					    "http://h", "/health\x01" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask("GET", bad[i]);
		if (got.status != 400)		/* no URL at all */
			then(404, "\"no such path; there are /health, "
			    "/status, /master, /slave and /metrics\"\n");
	}
	ask("POST", "/");
	assert_int_equal(got.status, 404);
}

static void
other_methods_are_not_allowed(void **state)
{
	static const char *const	 methods[] = { "POST", "PUT", "DELETE",
					    "OPTIONS", "PATCH", "TRACE" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		ask(methods[i], "/health");
		then(405, "\"use GET or HEAD\"\n");
		assert_non_null(strstr(got.text, "\r\nAllow: GET, HEAD\r\n"));
	}
	ask("BREW", "/health");
	assert_int_equal(got.status, 501);
}

static yajl_val
parsed(void)
{
	struct error	 err;
	yajl_val	 v = json_parse(got.body, strlen(got.body), &err);

	if (v == NULL)
		fail_msg("%s", err.text);
	return v;
}

static void
ugly_text_is_still_json(void **state)
{
	static const struct {
		const char	*text, *json;
	} rows[] = {
		{ "say \"no\"\\", "say \"no\"\\" },
		{ "two\nlines\t\x01\x7f", "two\nlines\t\x01\x7f" },
		{ "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac" },
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "", "" },
	};
	yajl_val	 v;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status.health_text = rows[i].text;
		ask("GET", "/health");
		v = parsed();
		assert_string_equal(YAJL_GET_STRING(v), rows[i].json);
		yajl_tree_free(v);
		ask("GET", "/status");
		v = parsed();
		assert_string_equal(json_string(json_get(v, "health"), "text",
		    NULL), rows[i].json);
		yajl_tree_free(v);
	}
}

static void
status_tells_all_that_is_known(void **state)
{
	yajl_val	 v, list;

	(void)state;
	ask("GET", "/status");
	assert_int_equal(got.status, 200);
	v = parsed();
	assert_string_equal(json_string(v, "service", ""), "app");
	assert_string_equal(json_string(v, "service_id", ""), "app-1");
	assert_string_equal(json_string(v, "node", ""), "n1");
	assert_string_equal(json_string(v, "role", ""), "slave");
	assert_string_equal(json_string(v, "since", ""),
	    "2026-11-22T18:40:00.123Z");
	assert_int_equal(json_uint(v, "epoch", 0), 7);
	assert_string_equal(json_string(json_get(v, "holder"), "node", ""),
	    "n2");
	assert_int_equal(json_uint(json_get(v, "holder"), "port", 0), 3306);
	assert_string_equal(json_string(json_get(v, "health"), "status", ""),
	    "ok");
	assert_int_equal(json_uint(json_get(v, "health"), "age_ms", 0), 1500);
	assert_true(YAJL_IS_NULL(json_get(v, "proof_age_ms")));
	assert_true(YAJL_IS_NULL(json_get(v, "fuse_left_ms")));
	assert_string_equal(json_string(json_get(v, "plugin"), "path", ""),
	    "/lib/example.so");
	assert_string_equal(json_string(json_get(v, "consul"), "address", ""),
	    "http://127.0.0.1:8500");
	assert_string_equal(json_string(v, "version", ""), VERSION);
	list = json_get(v, "transitions");
	assert_true(YAJL_IS_ARRAY(list));
	assert_int_equal(list->u.array.len, 2);
	assert_string_equal(json_string(list->u.array.values[0], "why", ""),
	    transitions[0].why);
	assert_string_equal(json_string(list->u.array.values[1], "at", ""),
	    "1970-01-01T00:00:00.000Z");
	yajl_tree_free(v);
	status.holder = "";
	status.since_wall_ms = -1;
	status.fuse_left_ms = 0;
	ask("GET", "/status");
	v = parsed();
	assert_true(YAJL_IS_NULL(json_get(v, "holder")));
	assert_true(YAJL_IS_NULL(json_get(v, "since")));
	assert_int_equal(json_uint(v, "fuse_left_ms", 9), 0);
	yajl_tree_free(v);
}

/* Without the service, which is in all of them. */
static const char *
metric(const char *name)
{
	static char	 value[128];
	char		 start[128], *at;
	int		 n = snprintf(start, sizeof(start), "\nconsul_failover_"
			    "%s{service=\"app\"", name);

	ask("GET", "/metrics");
	at = strstr(got.body, start);
	if (at == NULL)
		return "none";
	snprintf(value, sizeof(value), "%.*s",
	    (int)strcspn(at + n, "\n"), at + n);
	return value;
}

static void
metrics_have_what_an_alert_needs(void **state)
{
	(void)state;
	assert_string_equal(metric("build_info"), ",version=\"" VERSION "\","
	    "plugin=\"example\",plugin_version=\"1\"} 1");
	status.plugin_version = "1\xff\xc3\xa4\xc3";
	assert_non_null(strstr(metric("build_info"),
	    ",plugin_version=\"1?\xc3\xa4?\"} 1"));
	assert_string_equal(metric("priority"), "} 100");
	assert_string_equal(metric("fuse_seconds"), "} 10.000");
	assert_string_equal(metric("master_changed_timestamp_seconds"),
	    "none");
	assert_string_equal(metric("consul_contact_age_seconds"), "none");
	status.master_changed_wall_ms = 1795372800123;
	status.consul_contact_age_ms = 1234;
	assert_string_equal(metric("master_changed_timestamp_seconds"),
	    "} 1795372800.123");
	assert_string_equal(metric("consul_contact_age_seconds"), "} 1.234");
	assert_string_equal(metric("candidate"), "} 0");
	status.candidate = true;
	assert_string_equal(metric("candidate"), "} 1");
	assert_string_equal(metric("never_master"), "} 0");
	status.never_master = true;
	assert_string_equal(metric("never_master"), "} 1");
	assert_string_equal(metric("notice"), "} 0");
	status.notice = "restart it";
	assert_string_equal(metric("notice"), "} 1");
}

/* A copy that should not be a slave neither follows nor fails to. */
static void
metrics_have_whether_a_slave_follows(void **state)
{
	(void)state;
	assert_string_equal(metric("following"), "} 1");
	status.role = "joining";
	status.is_slave = false;
	assert_string_equal(metric("following"), "} 0");
	status.role = "master";
	assert_string_equal(metric("following"), "none");
}

static void
metrics_are_prometheus_text(void **state)
{
	char	*line, *rest;

	(void)state;
	status.service = "a\"p\\p\n";
	ask("GET", "/metrics");
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.text,
	    "\r\nContent-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(got.body, "# TYPE consul_failover_role gauge\n"
	    "consul_failover_role{service=\"a\\\"p\\\\p\\n\",role=\"starting\"}"
	    " 0\n"));
	assert_non_null(strstr(got.body, "role=\"slave\"} 1\n"));
	assert_non_null(strstr(got.body, "role=\"master\"} 0\n"));
	assert_non_null(strstr(got.body, "status=\"ok\"} 1\n"));
	assert_non_null(strstr(got.body, "health_age_seconds{service="
	    "\"a\\\"p\\\\p\\n\"} 1.500\n"));
	assert_null(strstr(got.body, "\nconsul_failover_proof_age_seconds"));
	assert_non_null(strstr(got.body, "# TYPE consul_failover_failovers_"
	    "total counter\nconsul_failover_failovers_total{service="
	    "\"a\\\"p\\\\p\\n\"} 3\n"));
	assert_non_null(strstr(got.body, "} 18446744073709551615\n"));
	for (rest = got.body; (line = strsep(&rest, "\n")) != NULL;)
		assert_true(line[0] == '\0' ? rest == NULL :
		    strncmp(line, "# HELP consul_failover_", 23) == 0 ||
		    strncmp(line, "# TYPE consul_failover_", 23) == 0 ||
		    strncmp(line, "consul_failover_", 16) == 0);
}

static void
a_connection_is_kept_and_takes_requests_at_once(void **state)
{
	static const char	 two[] = "GET /master HTTP/1.1\r\n\r\n"
				    "GET /slave HTTP/1.1\r\n\r\n";
	int	 fd = client_open(), i;

	(void)state;
	for (i = 0; i < 100; i++) {
		client_send(fd, "GET /health HTTP/1.1\r\n\r\n", 24);
		client_read(fd, false, 2000);
		then(200, "\"fine\"\n");
		assert_false(got.closed);
	}
	client_send(fd, two, sizeof(two) - 1);
	client_read(fd, false, 2000);
	run_for(20);
	assert_int_equal(got.status, 503);
	if (strstr(got.body, " 200 OK") == NULL)
		client_read(fd, false, 2000);
	assert_non_null(strstr(got.text, " 200 OK"));
	close(fd);
	fd = client_open();
	client_send(fd, "GET /health HTTP/1.0\r\n\r\n", 24);
	client_read(fd, false, 2000);
	then(200, "\"fine\"\n");
	client_read(fd, false, 2000);
	assert_true(got.closed);
	close(fd);
}

/* --- bad clients ---------------------------------------------------------- */

static void
broken_requests_cost_others_nothing(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 length;
	} rows[] = {
#define BYTES(text)	{ text, sizeof(text) - 1 }
		BYTES("\r\n\r\n"),
		BYTES("GET\r\n\r\n"),
		BYTES("GET /health\r\n\r\n"),
		BYTES("GET  HTTP/1.1\r\n\r\n"),
		BYTES("GET /health HTTP/9.9\r\n\r\n"),
		BYTES("GET /health FTP/1.1\r\n\r\n"),
		BYTES("GET /he\0alth HTTP/1.1\r\n\r\n"),
		BYTES("\0\0\0\0\r\n\r\n"),
		BYTES("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"),
		BYTES("GET /health HTTP/1.1\r\nno colon\r\n\r\n"),
		BYTES("GET /health HTTP/1.1\r\n folded\r\n\r\n"),
		BYTES("POST /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
		BYTES("POST /health HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
		BYTES("POST /health HTTP/1.1\r\nContent-Length: "
		    "99999999999999999999\r\n\r\n"),
		BYTES("POST /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
		    "\r\nffffffffffffffff\r\n"),
		BYTES("CONNECT h:80 HTTP/1.1\r\n\r\n"),
	};
	size_t	 i;
	int	 fd;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = client_open();
		client_send(fd, rows[i].bytes, rows[i].length);
		client_read(fd, false, 50);
		assert_int_not_equal(got.status, 200);
		then_others_are_still_answered();
		close(fd);
	}
}

static void
a_huge_request_is_refused(void **state)
{
	char	*bytes = malloc(1 << 20);

	(void)state;
	memset(bytes, 'x', 1 << 20);
	ask_bytes(bytes, 1 << 20);			/* a request line */
	assert_true(got.closed || got.status >= 400);
	memcpy(bytes, "GET /health HTTP/1.1\r\nA: ", 25);
	ask_bytes(bytes, 1 << 20);			/* one header */
	assert_true(got.closed || got.status >= 400);
	memcpy(bytes, "POST /health HTTP/1.1\r\n"
	    "Content-Length: 1000000\r\n\r\n", 50);
	ask_bytes(bytes, 1 << 20);
	assert_true(got.closed || got.status >= 400);
	then_others_are_still_answered();
	free(bytes);
}

static bool
connection_is_over(int fd)
{
	char	 byte;
	ssize_t	 n;

	while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) == 1)
		;
	return n == 0 || errno != EAGAIN;
}

#define SILENT	100

/* evhttp's own time-out starts again with each byte. */
static void
silent_and_slow_clients_are_answered_by_the_end(void **state)
{
	int	 silent[SILENT], slow, chunks, i;
	int64_t	 start = clock_ms();

	(void)state;
	for (i = 0; i < SILENT; i++)
		silent[i] = client_open();
	slow = client_open();
	chunks = client_open();
	client_send(chunks, "POST /health HTTP/1.1\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n", 53);
	while (clock_ms() - start < 6500) {
		client_send(slow, "G", 1);
		client_send(chunks, "1\r\nx\r\n", 6);
		then_others_are_still_answered();
		run_for(500);
	}
	for (i = 0; i < SILENT; i++) {
		assert_true(connection_is_over(silent[i]));
		close(silent[i]);
	}
	assert_false(connection_is_over(slow));
	while (clock_ms() - start < 11500) {
		client_send(slow, "G", 1);
		client_send(chunks, "1\r\nx\r\n", 6);
		run_for(500);
	}
	assert_true(connection_is_over(slow));
	assert_true(connection_is_over(chunks));
	close(slow);
	close(chunks);
}

/* Another process opens connection after connection and says nothing; it keeps
 * 400 of them. */
static pid_t
given_a_flood(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)api_port(api)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int			 fds[400], i;
	pid_t			 pid = fork();

	if (pid != 0)
		return pid;
	alarm(20);
	for (i = 0;; i++) {
		if (i >= 400)
			close(fds[i % 400]);
		fds[i % 400] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i % 400], (struct sockaddr *)&sin,
		    sizeof(sin));
		usleep(1000);
	}
}

static void
a_flood_does_not_take_the_last_descriptors(void **state)
{
	struct rlimit	 limit, low;
	int		 fd = client_open(), i, most = 0, n;
	pid_t		 flood;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	flood = given_a_flood();
	low = limit;
	low.rlim_cur = 200;
	setrlimit(RLIMIT_NOFILE, &low);
	for (i = 0; i < 100; i++) {
		run_for(20);
		client_send(fd, "GET /health HTTP/1.1\r\n\r\n", 24);
		client_read(fd, false, 2000);
		then(200, "\"fine\"\n");	/* the old connection */
		then_others_are_still_answered();	/* and a new one */
		n = count_descriptors();
		if (n > most)
			most = n;
	}
	assert_in_range(most, 100, 200 - 32);
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
	close(fd);
	setrlimit(RLIMIT_NOFILE, &limit);
	run_for(1500);
	then_others_are_still_answered();
}

/* libevent alone would try to accept again and again, as fast as it can. */
static void
running_out_of_descriptors_takes_no_time(void **state)
{
	struct rlimit	 limit, low;
	int		 fd = client_open(), lowest = dup(fd);
	clock_t		 used = clock();

	(void)state;
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = (rlim_t)lowest;
	setrlimit(RLIMIT_NOFILE, &low);
	run_for(500);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_true(clock() - used < CLOCKS_PER_SEC / 5);
	close(fd);
	then_others_are_still_answered();
}

/* --- listening ------------------------------------------------------------ */

static void
a_bad_or_taken_address_is_refused_with_advice(void **state)
{
	static const struct {
		const char	*listen, *words;
	} rows[] = {
		{ "127.0.0.1", "no port" }, { "127.0.0.1:x", "\"x\"" },
		{ "127.0.0.1:99999", "\"99999\"" }, { "::1:8000", "[host]" },
		{ "192.0.2.1:8000", "no such address" },
		{ "no.such.host.invalid:8000", "no such address" },
		{ "", "no port" },
	};
	struct error	 err;
	struct api	*other;
	size_t		 i;

	(void)state;
	assert_false(api_new(&other, base, address, tell, NULL, &err));
	assert_null(other);
	assert_non_null(strstr(err.text, address));
	assert_non_null(strstr(err.text,
	    "another program uses it; change [api] listen"));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(api_new(&other, base, rows[i].listen, tell, NULL,
		    &err));
		assert_non_null(strstr(err.text, "[api] listen"));
		assert_non_null(strstr(err.text, rows[i].words));
	}
	api_free(NULL);
}

static void
no_host_means_all_addresses(void **state)
{
	struct error	 err;
	struct api	*loopback = api;
	char		 any[64];
	int		 port = free_port();

	(void)state;
	snprintf(any, sizeof(any), ":%d", port);
	if (!api_new(&api, base, any, tell, NULL, &err))
		fail_msg("%s", err.text);
	assert_int_equal(api_port(api), port);
	then_others_are_still_answered();
	api_free(api);
	api = loopback;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, given_an_api, \
	then_nothing_is_left)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(health_is_the_plugins_sentence),
		TEST(master_and_slave_answer_200_only_in_that_role),
		TEST(head_is_get_without_the_body),
		TEST(a_query_is_ignored_and_a_whole_url_understood),
		TEST(other_paths_are_not_found),
		TEST(other_methods_are_not_allowed),
		TEST(ugly_text_is_still_json),
		TEST(status_tells_all_that_is_known),
		TEST(metrics_are_prometheus_text),
		TEST(metrics_have_what_an_alert_needs),
		TEST(metrics_have_whether_a_slave_follows),
		TEST(a_connection_is_kept_and_takes_requests_at_once),
		TEST(broken_requests_cost_others_nothing),
		TEST(a_huge_request_is_refused),
		TEST(silent_and_slow_clients_are_answered_by_the_end),
		TEST(a_flood_does_not_take_the_last_descriptors),
		TEST(running_out_of_descriptors_takes_no_time),
		TEST(a_bad_or_taken_address_is_refused_with_advice),
		TEST(no_host_means_all_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

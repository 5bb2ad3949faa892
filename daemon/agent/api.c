/*
 * api.c - the agent's own HTTP server.
 *
 * Anybody may connect, so a connection costs little and lasts no longer than it
 * is used: API_SILENCE without a byte or API_PATIENCE without a whole request
 * end it, and when descriptors run low those that have asked nothing for
 * longest make room for the new ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <consul-failover/plugin.h>

#include "api.h"
#include "clock.h"
#include "core.h"
#include "json.h"
#include "timer.h"
#include "value.h"

#define API_SILENCE	5		/* seconds */
#define API_PATIENCE	10000		/* ms */
#define API_SWEEP	1000		/* ms between two looks at all */
#define API_PAUSE	10		/* ms of not accepting */
#define API_HEADERS_MAX	8192
#define API_BODY_MAX	4096
#define API_FD_MAX	512		/* descriptors, all of ours included */
#define API_FD_RESERVE	64		/* for the agent itself */
#define API_FD_ROOM	32		/* connections ended to make room */

/*
 * evhttp does not tell when it ends a connection that has asked nothing yet,
 * so we keep a reference to the bufferevent: what evhttp has freed is left
 * without callbacks.
 */
struct api_connection {
	TAILQ_ENTRY(api_connection)	 entry;
	struct api			*api;
	struct bufferevent		*bev;
	int64_t				 since;	/* accepted, or last asked */
};

struct api {
	struct event_base		*base;
	struct evhttp			*http;
	struct evconnlistener		*listener;
	struct event			*sweep, *resume;
	int				 port;
	api_status_cb			 status;
	void				*arg;
	char				*said;	/* the last string, … */
	char				*said_json;	/* … and as JSON */
	/* Those that have asked nothing for longest first. */
	TAILQ_HEAD(api_connections, api_connection) connections;
};

static struct api	*api_running;	/* a process has one */

/* --- connections ---------------------------------------------------------- */

static void
api_forget(struct api_connection *c)
{
	TAILQ_REMOVE(&c->api->connections, c, entry);
	if (TAILQ_EMPTY(&c->api->connections))
		evtimer_del(c->api->sweep);
	bufferevent_decref(c->bev);
	free(c);
}

static bool
api_is_gone(const struct api_connection *c)
{
	bufferevent_event_cb	 cb;

	bufferevent_getcb(c->bev, NULL, NULL, &cb, NULL);
	return cb == NULL;
}

/* evhttp finds the end of the input, and cleans up. */
static void
api_end(struct api_connection *c)
{
	if (!api_is_gone(c))
		shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	api_forget(c);
}

static void
api_sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct api		*api = arg;
	struct api_connection	*c, *next;
	int64_t			 now = clock_ms();

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&api->connections); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (now - c->since >= API_PATIENCE || api_is_gone(c))
			api_end(c);
	}
	if (!TAILQ_EMPTY(&api->connections))
		timer_in(api->sweep, API_SWEEP);
}

static void
api_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct api	*api = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(api->listener);
}

static void
api_pause(struct api *api)
{
	evconnlistener_disable(api->listener);
	timer_in(api->resume, API_PAUSE);
}

/* The lowest free descriptor is as high as there are open ones. */
static bool
api_is_crowded(const struct api *api)
{
	struct rlimit	 limit = { .rlim_cur = API_FD_MAX };
	rlim_t		 most;
	int		 fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	most = limit.rlim_cur > 2 * API_FD_RESERVE ?
	    limit.rlim_cur - API_FD_RESERVE : limit.rlim_cur / 2;
	if (most > API_FD_MAX)
		most = API_FD_MAX;
	fd = fcntl(evconnlistener_get_fd(api->listener), F_DUPFD_CLOEXEC, 0);
	if (fd != -1)
		close(fd);
	return fd == -1 || (rlim_t)fd >= most;
}

static void
api_make_room(struct api *api)
{
	int	 n;

	for (n = 0; n < API_FD_ROOM && !TAILQ_EMPTY(&api->connections); n++)
		api_end(TAILQ_FIRST(&api->connections));
	api_pause(api);
}

/* Without this, libevent tries again at once, for ever.  The argument is
 * evhttp's, whose listener it is now. */
static void
api_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	(void)arg;
	api_make_room(api_running);
}

/* Runs for each connection that evhttp has accepted. */
static struct bufferevent *
api_connected(struct event_base *base, void *arg)
{
	struct api		*api = arg;
	struct api_connection	*c;
	struct bufferevent	*bev;

	if (api_is_crowded(api))
		api_make_room(api);
	bev = bufferevent_socket_new(base, -1, 0);
	c = bev == NULL ? NULL : calloc(1, sizeof(*c));
	if (c == NULL)
		return bev;		/* NULL: evhttp tries by itself */
	bufferevent_incref(bev);
	c->api = api;
	c->bev = bev;
	c->since = clock_ms();
	if (TAILQ_EMPTY(&api->connections))
		timer_in(api->sweep, API_SWEEP);
	TAILQ_INSERT_TAIL(&api->connections, c, entry);
	return bev;
}

static void
api_closed(struct evhttp_connection *evcon, void *arg)
{
	struct api		*api = arg;
	struct bufferevent	*bev = evhttp_connection_get_bufferevent(evcon);
	struct api_connection	*c;

	TAILQ_FOREACH_REVERSE(c, &api->connections, api_connections, entry)
		if (c->bev == bev) {
			api_forget(c);
			return;
		}
}

/* --- answers -------------------------------------------------------------- */

struct api_answer {
	struct api	*api;
	int		 status;
	const char	*type;
	struct evbuffer	*body;
};

static void
api_put(struct api_answer *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
api_put(struct api_answer *a, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	evbuffer_add_vprintf(a->body, fmt, ap);
	va_end(ap);
}

/* Adds the JSON and a newline; frees the generator. */
static void
api_put_json(struct api_answer *a, yajl_gen g)
{
	size_t		 length = 0;
	const char	*text = json_text(g, &length);

	evbuffer_add(a->body, text, length);
	evbuffer_add(a->body, "\n", 1);
	json_free(g);
}

/* What /health says stays the same for hours, so its JSON is kept. */
static void
api_put_string(struct api_answer *a, int status, const char *text)
{
	struct api	*api = a->api;
	yajl_gen	 g;

	a->status = status;
	if (api->said == NULL || strcmp(api->said, text) != 0) {
		free(api->said);
		free(api->said_json);
		g = json_new();
		json_put(g, text);
		if (asprintf(&api->said_json, "%s\n", json_text(g, NULL)) < 0)
			api->said_json = NULL;
		api->said = api->said_json == NULL ? NULL : strdup(text);
		json_free(g);
	}
	if (api->said == NULL)
		a->status = 503;	/* no memory even for that */
	else
		evbuffer_add(a->body, api->said_json, strlen(api->said_json));
}

static void
api_answer_health(struct api_answer *a, const struct api_status *s)
{
	static const int	 status[] = {
		[API_HEALTH_BAD] = 500,
		[API_HEALTH_OK] = 200,
		[API_HEALTH_BUSY] = 429,	/* to Consul: a warning */
	};

	api_put_string(a, status[s->health], s->health_text);
}

static void
api_answer_role(struct api_answer *a, const struct api_status *s, bool yes)
{
	char	text[CORE_TEXT + 32];

	snprintf(text, sizeof(text), "%s: %s", s->role, s->why);
	api_put_string(a, yes ? 200 : 503, yes ? s->role : text);
}

static void
api_answer_master(struct api_answer *a, const struct api_status *s)
{
	api_answer_role(a, s, s->is_master);
}

static void
api_answer_slave(struct api_answer *a, const struct api_status *s)
{
	api_answer_role(a, s, s->is_slave);
}

/* --- /status -------------------------------------------------------------- */

static const char *
api_health_name(enum api_health health)
{
	return health == API_HEALTH_OK ? "ok" :
	    health == API_HEALTH_BUSY ? "busy" : "bad";
}

/* An age or a rest; null where there is none. */
static void
api_member_ms(yajl_gen g, const char *name, int64_t ms)
{
	if (ms < 0)
		json_put_member_null(g, name);
	else
		json_put_member_int(g, name, ms);
}

/* RFC 3339, in UTC. */
static void
api_member_time(yajl_gen g, const char *name, int64_t wall_ms)
{
	time_t		 seconds = (time_t)(wall_ms / 1000);
	struct tm	 tm;
	char		 day[32], text[48];

	if (wall_ms < 0 || gmtime_r(&seconds, &tm) == NULL) {
		json_put_member_null(g, name);
		return;
	}
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(wall_ms % 1000));
	json_put_member(g, name, text);
}

static void
api_member_holder(yajl_gen g, const struct api_status *s)
{
	if (s->holder[0] == '\0') {
		json_put_member_null(g, "holder");
		return;
	}
	json_put(g, "holder");
	yajl_gen_map_open(g);
	json_put_member(g, "node", s->holder);
	json_put_member(g, "address", s->holder_address);
	json_put_member_int(g, "port", s->holder_port);
	yajl_gen_map_close(g);
}

static void
api_member_transitions(yajl_gen g, const struct api_status *s)
{
	size_t	 i;

	json_put(g, "transitions");
	yajl_gen_array_open(g);
	for (i = 0; i < s->transition_count; i++) {
		yajl_gen_map_open(g);
		api_member_time(g, "at", s->transitions[i].wall_ms);
		json_put_member(g, "from", s->transitions[i].from);
		json_put_member(g, "to", s->transitions[i].to);
		json_put_member(g, "why", s->transitions[i].why);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
}

static void
api_member_parts(yajl_gen g, const struct api_status *s)
{
	json_put(g, "health");
	yajl_gen_map_open(g);
	json_put_member(g, "status", api_health_name(s->health));
	json_put_member(g, "text", s->health_text);
	api_member_ms(g, "age_ms", s->health_age_ms);
	yajl_gen_map_close(g);
	json_put(g, "plugin");
	yajl_gen_map_open(g);
	json_put_member(g, "name", s->plugin_name);
	json_put_member(g, "version", s->plugin_version);
	json_put_member(g, "path", s->plugin_path);
	yajl_gen_map_close(g);
	json_put(g, "consul");
	yajl_gen_map_open(g);
	json_put_member(g, "address", s->consul_address);
	json_put_member(g, "error", s->consul_error);
	yajl_gen_map_close(g);
	json_put(g, "guard");
	yajl_gen_map_open(g);
	if (s->guard_pid > 0)
		json_put_member_int(g, "pid", s->guard_pid);
	else
		json_put_member_null(g, "pid");
	json_put_member_int(g, "demotions", (int64_t)s->guard_demotions);
	yajl_gen_map_close(g);
}

static void
api_answer_status(struct api_answer *a, const struct api_status *s)
{
	yajl_gen	 g = json_new();

	yajl_gen_map_open(g);
	json_put_member(g, "service", s->service);
	json_put_member(g, "service_id", s->service_id);
	json_put_member(g, "node", s->node);
	json_put_member(g, "role", s->role);
	json_put_member(g, "why", s->why);
	api_member_time(g, "since", s->since_wall_ms);
	json_put_member_int(g, "epoch", (int64_t)s->epoch);
	api_member_holder(g, s);
	if (s->waiting != NULL)
		json_put_member(g, "waiting", s->waiting);
	api_member_ms(g, "proof_age_ms", s->proof_age_ms);
	api_member_ms(g, "fuse_left_ms", s->fuse_left_ms);
	json_put_member(g, "warning", s->may_be_master ? CORE_UNFENCED : "");
	json_put_member(g, "notice", s->notice);
	api_member_parts(g, s);
	api_member_transitions(g, s);
	json_put_member(g, "version", VERSION);
	json_put_member_int(g, "abi", FAILOVER_PLUGIN_ABI);
	yajl_gen_map_close(g);
	api_put_json(a, g);
}

/* --- /metrics ------------------------------------------------------------- */

static void
api_metric(struct api_answer *a, const char *name, const char *type,
    const char *help)
{
	api_put(a, "# HELP consul_failover_%s %s\n"
	    "# TYPE consul_failover_%s %s\n", name, help, name, type);
}

static void
api_put_label(struct api_answer *a, const char *name, const char *value)
{
	api_put(a, "%s=\"", name);
	for (; *value != '\0'; value++)
		if (*value == '\n')
			api_put(a, "\\n");
		else
			api_put(a, "%s%c", *value == '"' || *value == '\\' ?
			    "\\" : "", *value);
	api_put(a, "\"");
}

/* "consul_failover_NAME{service=…": the caller closes the brace. */
static void
api_sample(struct api_answer *a, const struct api_status *s, const char *name)
{
	api_put(a, "consul_failover_%s{", name);
	api_put_label(a, "service", s->service);
}

/* One sample a possible value, 1 for the one that is true now. */
static void
api_sample_of(struct api_answer *a, const struct api_status *s,
    const char *name, const char *label, const char *value, bool is)
{
	api_sample(a, s, name);
	api_put(a, ",");
	api_put_label(a, label, value);
	api_put(a, "} %d\n", is);
}

static void
api_put_truth(struct api_answer *a, const struct api_status *s,
    const char *name, bool is, const char *help)
{
	api_metric(a, name, "gauge", help);
	api_sample(a, s, name);
	api_put(a, "} %d\n", is);
}

static void
api_put_states(struct api_answer *a, const struct api_status *s)
{
	enum core_state	 state;
	enum api_health	 health;
	const char	*name;

	api_metric(a, "role", "gauge", "1 for what the copy is.");
	for (state = 0; state <= CORE_STATES; state++) {
		name = state < CORE_STATES ? core_state_name(state) :
		    CORE_JOINING;
		api_sample_of(a, s, "role", "role", name,
		    strcmp(s->role, name) == 0);
	}
	api_metric(a, "health", "gauge",
	    "1 for what the plugin last said of the application.");
	for (health = API_HEALTH_BAD; health <= API_HEALTH_BUSY; health++)
		api_sample_of(a, s, "health", "status",
		    api_health_name(health), s->health == health);
	api_put_truth(a, s, "consul_up", s->consul_error[0] == '\0',
	    "1 while Consul answers.");
	api_put_truth(a, s, "guard_up", s->guard_pid > 0,
	    "1 while the process runs that demotes the copy if we don't.");
	api_put_truth(a, s, "may_be_master", s->may_be_master,
	    "1 while the copy may be a master although it must not.");
}

/* Milliseconds as seconds; no sample where there is none. */
static void
api_put_seconds(struct api_answer *a, const struct api_status *s)
{
	const struct {
		const char	*name;
		int64_t		 ms;
		const char	*help;
	} rows[] = {
		{ "role_since_seconds", s->since_wall_ms,
		    "When the agent got into this state, since 1970." },
		{ "health_age_seconds", s->health_age_ms,
		    "Age of the plugin's last verdict." },
		{ "proof_age_seconds", s->proof_age_ms,
		    "Age of Consul's last proof that the lock is ours." },
		{ "fuse_left_seconds", s->fuse_left_ms,
		    "As master: time until it stops without a new proof." },
	};
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		api_metric(a, rows[i].name, "gauge", rows[i].help);
		if (rows[i].ms < 0)
			continue;
		api_sample(a, s, rows[i].name);
		api_put(a, "} %" PRId64 ".%03d\n", rows[i].ms / 1000,
		    (int)(rows[i].ms % 1000));
	}
}

static void
api_put_counts(struct api_answer *a, const struct api_status *s)
{
	const struct {
		const char	*name;
		const char	*type;
		uint64_t	 count;
		const char	*help;
	} rows[] = {
		{ "epoch", "gauge", s->epoch,
		    "The lock's epoch: grows with each new master." },
		{ "failovers_total", "counter", s->failovers,
		    "Times this agent became master." },
		{ "demotions_total", "counter", s->demotions,
		    "Times it stopped being master." },
		{ "guard_demotions_total", "counter", s->guard_demotions,
		    "Times the guard demoted the copy in its place." },
		{ "health_calls_total", "counter", s->health_calls,
		    "Calls of the plugin's health." },
		{ "health_failures_total", "counter", s->health_failures,
		    "Those that did not say the application is fit." },
		{ "role_calls_total", "counter", s->role_calls,
		    "Calls of the plugin's ensure_master and its like." },
		{ "role_failures_total", "counter", s->role_failures,
		    "Those that failed." },
		{ "handler_restarts_total", "counter", s->handler_restarts,
		    "Plugin processes that were started again." },
		{ "consul_requests_total", "counter", s->consul_requests,
		    "Requests to Consul." },
		{ "consul_failures_total", "counter", s->consul_failures,
		    "Those that brought no good answer." },
	};
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		api_metric(a, rows[i].name, rows[i].type, rows[i].help);
		api_sample(a, s, rows[i].name);
		api_put(a, "} %" PRIu64 "\n", rows[i].count);
	}
}

static void
api_answer_metrics(struct api_answer *a, const struct api_status *s)
{
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	api_put_states(a, s);
	api_put_seconds(a, s);
	api_put_counts(a, s);
}

/* --- requests ------------------------------------------------------------- */

static const struct api_route {
	const char	*path;
	void		(*answer)(struct api_answer *,
			    const struct api_status *);
} api_routes[] = {
	{ "/health",	api_answer_health },
	{ "/status",	api_answer_status },
	{ "/master",	api_answer_master },
	{ "/slave",	api_answer_slave },
	{ "/metrics",	api_answer_metrics },
};

static const struct api_route *
api_find(struct evhttp_request *req)
{
	const char	*path = evhttp_uri_get_path(
			    evhttp_request_get_evhttp_uri(req));
	size_t		 i;

	for (i = 0; i < sizeof(api_routes) / sizeof(api_routes[0]); i++)
		if (path != NULL && strcmp(path, api_routes[i].path) == 0)
			return &api_routes[i];
	return NULL;
}

/* A connection that asks is kept longer than one that does not. */
static void
api_asked(struct api *api, struct evhttp_request *req)
{
	struct evhttp_connection	*evcon;
	struct bufferevent		*bev;
	struct api_connection		*c;

	evcon = evhttp_request_get_connection(req);
	bev = evhttp_connection_get_bufferevent(evcon);
	evhttp_connection_set_closecb(evcon, api_closed, api);
	TAILQ_FOREACH_REVERSE(c, &api->connections, api_connections, entry)
		if (c->bev == bev) {
			c->since = clock_ms();
			TAILQ_REMOVE(&api->connections, c, entry);
			TAILQ_INSERT_TAIL(&api->connections, c, entry);
			return;
		}
}

static void
api_send(struct evhttp_request *req, struct api_answer *a)
{
	struct evkeyvalq	*headers =
				    evhttp_request_get_output_headers(req);
	bool			 head = evhttp_request_get_command(req) ==
				    EVHTTP_REQ_HEAD;
	char			 length[32];

	snprintf(length, sizeof(length), "%zu", evbuffer_get_length(a->body));
	evhttp_add_header(headers, "Content-Type", a->type);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (a->status == 405)
		evhttp_add_header(headers, "Allow", "GET, HEAD");
	evhttp_send_reply(req, a->status, NULL, head ? NULL : a->body);
}

static void
api_request_cb(struct evhttp_request *req, void *arg)
{
	struct api		*api = arg;
	struct api_status	 status = { 0 };
	struct api_answer	 a = { api, 200, "application/json", NULL };
	const struct api_route	*route = api_find(req);
	enum evhttp_cmd_type	 method = evhttp_request_get_command(req);

	api_asked(api, req);
	if ((a.body = evbuffer_new()) == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	if (route == NULL)
		api_put_string(&a, 404, "no such path; there are /health, "
		    "/status, /master, /slave and /metrics");
	else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
		api_put_string(&a, 405, "only GET and HEAD are answered here");
	else {
		api->status(&status, api->arg);
		route->answer(&a, &status);
	}
	api_send(req, &a);
	evbuffer_free(a.body);
}

/* --- start and end -------------------------------------------------------- */

static struct evconnlistener *
api_bind(struct event_base *base, const char *host, int port, int *error)
{
	struct addrinfo		 hints = { .ai_flags = AI_PASSIVE,
				    .ai_socktype = SOCK_STREAM }, *list, *ai;
	struct evconnlistener	*listener = NULL;
	char			 service[16];

	snprintf(service, sizeof(service), "%d", port);
	*error = EADDRNOTAVAIL;
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return NULL;
	for (ai = list; ai != NULL && listener == NULL; ai = ai->ai_next) {
		listener = evconnlistener_new_bind(base, NULL, NULL,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
		    LEV_OPT_REUSEABLE, -1, ai->ai_addr, (int)ai->ai_addrlen);
		if (listener == NULL)
			*error = errno;
	}
	freeaddrinfo(list);
	return listener;
}

static bool
api_listen(struct api *api, const char *text, struct error *err)
{
	struct error	 why;
	char		 host[256];
	int		 port, error;

	if (!value_split_address(text, host, sizeof(host), &port, &why))
		return error_set(err, "[api] listen: %s", why.text);
	/* "::" takes IPv4 too, where there is IPv6 at all. */
	api->listener = api_bind(api->base, host[0] == '\0' ? "::" : host,
	    port, &error);
	if (api->listener == NULL && host[0] == '\0' && error != EADDRINUSE)
		api->listener = api_bind(api->base, "0.0.0.0", port, &error);
	if (api->listener != NULL)
		return true;
	if (error == EADDRINUSE)
		return error_set(err, "[api] listen %s: another program uses "
		    "it; change [api] listen", text);
	if (error == EADDRNOTAVAIL)
		return error_set(err, "[api] listen %s: this machine has no "
		    "such address; change [api] listen", text);
	return error_set(err, "[api] listen %s: %s; change [api] listen", text,
	    strerror(error));
}

static int
api_bound_port(struct evconnlistener *listener)
{
	struct sockaddr_storage	 ss;
	socklen_t		 length = sizeof(ss);

	if (getsockname(evconnlistener_get_fd(listener),
	    (struct sockaddr *)&ss, &length) == -1)
		return 0;
	return ntohs(ss.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)&ss)->sin6_port :
	    ((struct sockaddr_in *)&ss)->sin_port);
}

static void
api_set_limits(struct api *api)
{
	evhttp_set_timeout(api->http, API_SILENCE);
	evhttp_set_max_headers_size(api->http, API_HEADERS_MAX);
	evhttp_set_max_body_size(api->http, API_BODY_MAX);
	/* All of them, so that it is we who answer 405. */
	evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET |
	    EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
	    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
	    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(api->http, api_request_cb, api);
	evhttp_set_bevcb(api->http, api_connected, api);
	evconnlistener_set_error_cb(api->listener, api_accept_failed);
}

bool
api_new(struct api **out, struct event_base *base, const char *listen,
    api_status_cb status, void *arg, struct error *err)
{
	struct api	*api = calloc(1, sizeof(*api));

	*out = NULL;
	if (api == NULL)
		return error_set(err, "out of memory");
	TAILQ_INIT(&api->connections);
	api->base = base;
	api->status = status;
	api->arg = arg;
	if (!api_listen(api, listen, err))
		goto fail;
	api->port = api_bound_port(api->listener);
	if ((api->sweep = evtimer_new(base, api_sweep_cb, api)) == NULL ||
	    (api->resume = evtimer_new(base, api_resume_cb, api)) == NULL ||
	    (api->http = evhttp_new(base)) == NULL) {
		error_set(err, "out of memory");
		goto fail;
	}
	if (evhttp_bind_listener(api->http, api->listener) == NULL) {
		error_set(err, "[api] listen %s: libevent does not listen",
		    listen);
		goto fail;
	}
	api_set_limits(api);
	*out = api_running = api;
	return true;
fail:
	api_free(api);
	return false;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	if (api->http != NULL)
		evhttp_free(api->http);		/* the listener too */
	else if (api->listener != NULL)
		evconnlistener_free(api->listener);
	while (!TAILQ_EMPTY(&api->connections))
		api_forget(TAILQ_FIRST(&api->connections));
	free(api->said);
	free(api->said_json);
	if (api->sweep != NULL)
		event_free(api->sweep);
	if (api->resume != NULL)
		event_free(api->resume);
	free(api);
}

int
api_port(const struct api *api)
{
	return api->port;
}

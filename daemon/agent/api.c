/* api.c - the agent's own HTTP server. */
#include "api.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "api_answer.h"
#include "api_connections.h"
#include "api_metrics.h"
#include "api_status.h"
#include "core.h"
#include "must.h"
#include "value.h"

#define API_HEADERS_MAX	8192
#define API_BODY_MAX	4096

struct api {
	struct event_base	*base;
	struct evhttp		*http;
	struct evconnlistener	*listener;
	int			 port;
	api_status_cb		 status;
	void			*arg;
	struct api_said		 said;
	struct api_connections	 connections;
};

/*
 * Answers.
 */

static void
api_health_answer(struct api_answer *a, const struct api_status *s)
{
	static const int	 status[] = {
		[API_HEALTH_BAD] = 500,
		[API_HEALTH_OK] = 200,
		[API_HEALTH_BUSY] = 429,	/* to Consul: a warning */
	};

	api_answer_put_string(a, status[s->health], s->health_text);
}

static void
api_role_answer(struct api_answer *a, const struct api_status *s, bool yes)
{
	char	text[CORE_TEXT + 32];

	snprintf(text, sizeof text, "%s: %s", s->role, s->why);
	api_answer_put_string(a, yes ? 200 : 503, yes ? s->role : text);
}

static void
api_master_answer(struct api_answer *a, const struct api_status *s)
{
	api_role_answer(a, s, s->is_master);
}

static void
api_slave_answer(struct api_answer *a, const struct api_status *s)
{
	api_role_answer(a, s, s->is_slave);
}

/*
 * Requests.
 */

static const struct api_route {
	const char	*path;
	void		(*answer)(struct api_answer *,
			    const struct api_status *);
} api_routes[] = {
	{ "/health",	api_health_answer },
	{ "/status",	api_status_answer },
	{ "/master",	api_master_answer },
	{ "/slave",	api_slave_answer },
	{ "/metrics",	api_metrics_answer },
};

static const struct api_route *
api_find(struct evhttp_request *req)
{
	const char	*path = evhttp_uri_get_path(
			    evhttp_request_get_evhttp_uri(req));
	size_t		 i;

	for (i = 0; i < sizeof api_routes / sizeof api_routes[0]; i++)
		if (path != NULL && strcmp(path, api_routes[i].path) == 0)
			return &api_routes[i];
	return NULL;
}

static void
api_send(struct evhttp_request *req, struct api_answer *a)
{
	struct evkeyvalq	*headers =
				    evhttp_request_get_output_headers(req);
	bool			 head = evhttp_request_get_command(req) ==
				    EVHTTP_REQ_HEAD;
	char			 length[32];

	snprintf(length, sizeof length, "%zu", evbuffer_get_length(a->body));
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
	struct api_answer	 a = { &api->said, 200, "application/json",
				    NULL };
	const struct api_route	*route = api_find(req);
	enum evhttp_cmd_type	 method = evhttp_request_get_command(req);

	api_connections_asked(&api->connections, req);
	a.body = must(evbuffer_new());
	if (route == NULL)
		api_answer_put_string(&a, 404, "no such path; there are "
		    "/health, /status, /master, /slave and /metrics");
	else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
		api_answer_put_string(&a, 405, "use GET or HEAD");
	else {
		api->status(&status, api->arg);
		route->answer(&a, &status);
	}
	api_send(req, &a);
	evbuffer_free(a.body);
}

/*
 * Start and end.
 */

static struct evconnlistener *
api_bind(struct event_base *base, const char *host, int port, int *error)
{
	struct addrinfo		 hints = { .ai_flags = AI_PASSIVE,
				    .ai_socktype = SOCK_STREAM }, *list, *ai;
	struct evconnlistener	*listener = NULL;
	char			 service[16];

	snprintf(service, sizeof service, "%d", port);
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

static CHECKED bool
api_listen(struct api *api, const char *text, struct error *err)
{
	struct error	 why;
	char		 host[256];
	int		 port, error;

	if (!value_split_address(text, host, sizeof host, &port, &why))
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
	socklen_t		 length = sizeof ss;

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
	evhttp_set_max_headers_size(api->http, API_HEADERS_MAX);
	evhttp_set_max_body_size(api->http, API_BODY_MAX);
	/* All of them, so that it is we who answer 405. */
	evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET |
	    EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
	    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
	    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(api->http, api_request_cb, api);
	api_connections_serve(&api->connections, api->http);
}

bool
api_new(struct api **out, struct event_base *base, const char *listen,
    api_status_cb status, void *arg, struct error *err)
{
	struct api	*api = must_zeroed(1, sizeof *api);

	*out = NULL;
	TAILQ_INIT(&api->connections.list);
	api->base = base;
	api->status = status;
	api->arg = arg;
	if (!api_listen(api, listen, err))
		goto fail;
	api->port = api_bound_port(api->listener);
	api_connections_begin(&api->connections, base, api->listener);
	api->http = must(evhttp_new(base));
	if (evhttp_bind_listener(api->http, api->listener) == NULL) {
		error_set(err, "[api] listen %s: libevent does not listen",
		    listen);
		goto fail;
	}
	api_set_limits(api);
	*out = api;
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
	api_connections_end(&api->connections);
	api_said_free(&api->said);
	free(api);
}

int
api_port(const struct api *api)
{
	return api->port;
}

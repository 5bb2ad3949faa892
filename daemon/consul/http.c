/*
 * http.c - requests to Consul's HTTP port: curl_multi on the event loop.
 *
 *   http_send -> active -> http_done -> done -> http_deliver_cb -> cb
 *
 * Callbacks run from one event of their own, one at a time, and the client is
 * not used after them: they may send, cancel, or free it.
 */
#include "http.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "clock.h"
#include "http_address.h"
#include "http_loop.h"
#include "http_token.h"
#include "must.h"

struct http_request {
	TAILQ_ENTRY(http_request)	 entry;
	struct http			*http;
	CURL				*curl;
	char				*what;	/* "GET /v1/… at …" */
	char				*sending;
	size_t				 sending_length, sent;
	char				*body;
	size_t				 length;
	bool				 too_large, done, running;
	CURLcode			 code;
	char				 error[CURL_ERROR_SIZE];
	int64_t				 sent_at_ms;
	http_cb				 cb;
	void				*arg;
};

TAILQ_HEAD(http_queue, http_request);

struct http {
	struct http_loop	 loop;
	const struct config	*config;
	CURL			*model;		/* each request is a copy */
	struct curl_slist	*headers;
	struct http_address	 address;
	uint16_t		 token_mark;
	struct event		*deliver;
	struct http_queue	 active, done;
};

/*
 * One request.
 */

/* Only the body: libcurl itself bounds the headers. */
static size_t
http_write_cb(char *data, size_t one, size_t n, void *arg)
{
	struct http_request	*r = arg;

	n *= one;
	r->too_large = n > HTTP_BODY_MAX - r->length;
	if (r->too_large)
		return 0;
	r->body = must_grow(r->body, r->length + n + 1, 1);
	memcpy(r->body + r->length, data, n);
	r->length += n;
	r->body[r->length] = '\0';
	return n;
}

static size_t
http_read_cb(char *data, size_t one, size_t n, void *arg)
{
	struct http_request	*r = arg;
	size_t			 left = r->sending_length - r->sent;

	n *= one;
	if (n > left)
		n = left;
	memcpy(data, r->sending + r->sent, n);
	r->sent += n;
	return n;
}

static const char *
http_reason(const struct http_request *r)
{
	long	 error = 0;

	if (r->too_large)
		return "answer larger than 1 MiB";
	if (r->code == CURLE_SEND_FAIL_REWIND)
		return "the connection broke before an answer came";
	curl_easy_getinfo(r->curl, CURLINFO_OS_ERRNO, &error);
	if (r->code == CURLE_COULDNT_CONNECT && error != 0)
		return strerror((int)error);
	/* As OpenSSL and GnuTLS call an answer in plain text. */
	if (r->code == CURLE_SSL_CONNECT_ERROR &&
	    (strstr(r->error, "wrong version number") != NULL ||
	    strstr(r->error, "unexpected TLS packet") != NULL))
		return "it does not speak https there: write http:// into "
		    "[consul] address, or the port of Consul's https";
	return r->error[0] != '\0' ? r->error : curl_easy_strerror(r->code);
}

/* Since Consul 1.11: the token may not see all that there is. */
static bool
http_filtered(CURL *curl)
{
	struct curl_header	*header;

	return curl_easy_header(curl, "X-Consul-Results-Filtered-By-ACLs", 0,
	    CURLH_HEADER, -1, &header) == CURLHE_OK &&
	    strcmp(header->value, "true") == 0;
}

/* 0 unless the header is there once, and a number that Consul can count to. */
static uint64_t
http_index(CURL *curl)
{
	struct curl_header	*header;
	unsigned long long	 index;
	char			*end;

	if (curl_easy_header(curl, "X-Consul-Index", 0, CURLH_HEADER, -1,
	    &header) != CURLHE_OK || header->amount != 1 ||
	    header->value[0] < '0' || header->value[0] > '9')
		return 0;
	errno = 0;
	index = strtoull(header->value, &end, 10);
	return errno == 0 && *end == '\0' ? index : 0;
}

static void
http_request_free(struct http_request *r)
{
	curl_easy_cleanup(r->curl);
	free(r->what);
	free(r->sending);
	free(r->body);
	free(r);
}

static void
http_answer(struct http_request *r)
{
	struct http_reply	 reply = { .body = "", .text = "",
				    .location = "",
				    .sent_at_ms = r->sent_at_ms };
	char			*text = NULL, *location = NULL, *redirect;
	long			 status = 0;

	if (r->code == CURLE_OK)
		curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 0) {
		text = must_format("%s: %s", r->what, http_reason(r));
		reply.text = text;
		reply.too_large = r->too_large;
		reply.stranger = r->code == CURLE_SSL_CONNECT_ERROR ||
		    r->code == CURLE_PEER_FAILED_VERIFICATION ||
		    r->code == CURLE_UNSUPPORTED_PROTOCOL ||
		    r->code == CURLE_WEIRD_SERVER_REPLY;
	} else {
		reply.status = (int)status;
		reply.index = http_index(r->curl);
		reply.filtered = http_filtered(r->curl);
		reply.length = r->length;
		if (r->body != NULL)
			reply.body = r->body;
		curl_easy_getinfo(r->curl, CURLINFO_REDIRECT_URL, &redirect);
		if (redirect != NULL)
			reply.location = location = must_copy(redirect);
	}
	curl_easy_cleanup(r->curl);	/* before cb, which may free http */
	r->curl = NULL;
	r->cb(&reply, r->arg);
	free(text);
	free(location);
}

static void
http_done(CURL *curl, CURLcode code, void *arg)
{
	struct http		*h = arg;
	struct http_request	*r;

	curl_easy_getinfo(curl, CURLINFO_PRIVATE, &r);
	r->code = code;
	r->done = true;
	TAILQ_REMOVE(&h->active, r, entry);
	TAILQ_INSERT_TAIL(&h->done, r, entry);
	event_active(h->deliver, 0, 0);
}

/* One callback a run, and nothing of http after it: it may be freed there. */
static void
http_deliver_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http		*h = arg;
	struct http_request	*r = TAILQ_FIRST(&h->done);

	(void)fd;
	(void)what;
	if (r == NULL)			/* it was cancelled meanwhile */
		return;
	TAILQ_REMOVE(&h->done, r, entry);
	if (!TAILQ_EMPTY(&h->done))
		event_active(h->deliver, 0, 0);
	curl_multi_remove_handle(h->loop.multi, r->curl);
	r->running = true;
	http_answer(r);
	http_request_free(r);
}

/*
 * A body goes through a callback that can't rewind: where a kept connection
 * turns out dead, curl repeats a request by itself, and a write that Consul may
 * have done already must not be done again behind our back.
 */
static CURLcode
http_prepare(struct http_request *r, const char *method, const char *url,
    int64_t timeout_ms)
{
	int64_t		 connect = r->http->config->request_timeout;
	int		 code = 0;

	if (timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	if (connect > timeout_ms)
		connect = timeout_ms;
#define SET(option, value) code |= (int)curl_easy_setopt(r->curl, option, value)
	SET(CURLOPT_PRIVATE, r);
	SET(CURLOPT_ERRORBUFFER, r->error);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_READDATA, r);
	if (strcmp(method, "PUT") == 0) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->sending_length);
	} else if (strcmp(method, "GET") != 0)
		SET(CURLOPT_CUSTOMREQUEST, method);
#undef SET
	return code == 0 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

struct http_request *
http_send(struct http *h, const char *method, const char *path,
    const char *body, int64_t timeout_ms, http_cb cb, void *arg)
{
	struct http_request	*r = must_zeroed(1, sizeof *r);
	char			*url = must_format("%s%s", h->address.url,
				    path);

	r->http = h;
	r->cb = cb;
	r->arg = arg;
	r->what = must_format("%s %s at %s", method, path, h->address.text);
	r->sending = must_copy(body == NULL ? "" : body);
	r->sending_length = strlen(r->sending);
	r->curl = must(curl_easy_duphandle(h->model));
	r->code = http_prepare(r, method, url,
	    timeout_ms > 0 ? timeout_ms : h->config->request_timeout);
	r->sent_at_ms = clock_ms();
	if (r->code == CURLE_OK &&
	    curl_multi_add_handle(h->loop.multi, r->curl) != CURLM_OK)
		r->code = CURLE_FAILED_INIT;
	r->done = r->code != CURLE_OK;
	if (r->done)
		event_active(h->deliver, 0, 0);
	TAILQ_INSERT_TAIL(r->done ? &h->done : &h->active, r, entry);
	free(url);
	return r;
}

void
http_cancel(struct http_request *r)
{
	struct http	*h;

	if (r == NULL || r->running)
		return;
	h = r->http;
	TAILQ_REMOVE(r->done ? &h->done : &h->active, r, entry);
	curl_multi_remove_handle(h->loop.multi, r->curl);
	http_request_free(r);
}

/*
 * All of it.
 */

static CHECKED bool
http_set_headers(struct http *h, struct error *err)
{
	char		 token[HTTP_TOKEN_MAX];
	char		*header;
	struct curl_slist	*list = NULL;

	if (!http_token(h->config, token, sizeof token, err))
		return false;
	if (h->address.host != NULL)
		list = must(curl_slist_append(list, h->address.host));
	list = must(curl_slist_append(list, "Accept: application/json"));
	/* Else curl waits for a "100 Continue" before a large body. */
	list = must(curl_slist_append(list, "Expect:"));
	if (token[0] != '\0') {
		h->token_mark = http_token_hash(token);
		header = must_format("X-Consul-Token: %s", token);
		list = must(curl_slist_append(list, header));
		free(header);
	}
	h->headers = list;
	return true;
}

/* curl's own sockets would be inherited by the plugins' processes. */
static curl_socket_t
http_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)arg;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CHECKED bool
http_readable(const char *key, const char *path, struct error *err)
{
	if (path[0] == '\0' || access(path, R_OK) == 0)
		return true;
	return error_set(err, "[consul] %s %s: %s", key, path,
	    strerror(errno));
}

#define SET(option, value) do {						\
	if (curl_easy_setopt(h->model, option, value) != CURLE_OK)	\
		return error_set(err, "libcurl %s does not take "	\
		    #option, LIBCURL_VERSION);				\
} while (0)

static CHECKED bool
http_set_tls(struct http *h, const struct config *c, struct error *err)
{
	if (!http_readable("ca_file", c->consul_ca_file, err) ||
	    !http_readable("client_cert", c->consul_client_cert, err) ||
	    !http_readable("client_key", c->consul_client_key, err))
		return false;
	if ((c->consul_client_cert[0] == '\0') !=
	    (c->consul_client_key[0] == '\0'))
		return error_set(err, "[consul] client_cert and client_key "
		    "must be given together");
	if (c->consul_ca_file[0] != '\0') {
		SET(CURLOPT_CAINFO, c->consul_ca_file);
		SET(CURLOPT_CAPATH, NULL);	/* that one, and no other */
	}
	if (c->consul_client_cert[0] != '\0') {
		SET(CURLOPT_SSLCERT, c->consul_client_cert);
		SET(CURLOPT_SSLKEY, c->consul_client_key);
	}
	SET(CURLOPT_SSL_VERIFYPEER, c->consul_verify ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, c->consul_verify ? 2L : 0L);
	if (h->address.connect_to != NULL)
		SET(CURLOPT_CONNECT_TO, h->address.connect_to);
	return true;
}

/* What all requests have in common. */
static CHECKED bool
http_set_model(struct http *h, struct error *err)
{
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOPROXY, "*");	/* the environment may name one */
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Else a time-out waits for the thread that resolves a name. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);	/* a key may be named "a/../b" */
	SET(CURLOPT_USERAGENT, "consul-failover/" VERSION);
	SET(CURLOPT_HTTPHEADER, h->headers);
	SET(CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
	SET(CURLOPT_WRITEFUNCTION, http_write_cb);
	SET(CURLOPT_READFUNCTION, http_read_cb);
	if (h->address.socket_path[0] != '\0')
		SET(CURLOPT_UNIX_SOCKET_PATH, h->address.socket_path);
	return !h->address.tls || http_set_tls(h, h->config, err);
}
#undef SET

bool
http_new(struct http **out, struct event_base *base,
    const struct config *config, struct error *err)
{
	struct http	*h = must_zeroed(1, sizeof *h);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	TAILQ_INIT(&h->active);
	TAILQ_INIT(&h->done);
	h->config = config;
	h->deliver = must(event_new(base, -1, 0, http_deliver_cb, h));
	http_loop_init(&h->loop, base, http_done, h);
	h->model = must(curl_easy_init());
	if (!http_address_set(&h->address, config->consul_address,
	    config->consul_tls_server_name, err) ||
	    !http_set_headers(h, err) || !http_set_model(h, err)) {
		http_free(h);
		*out = NULL;
		return false;
	}
	*out = h;
	return true;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (!TAILQ_EMPTY(&h->active))
		http_cancel(TAILQ_FIRST(&h->active));
	while (!TAILQ_EMPTY(&h->done))
		http_cancel(TAILQ_FIRST(&h->done));
	http_loop_free(&h->loop);
	curl_easy_cleanup(h->model);
	curl_slist_free_all(h->headers);
	event_free(h->deliver);
	http_address_free(&h->address);
	free(h);
	curl_global_cleanup();
}

bool
http_is_idle(const struct http *h)
{
	return TAILQ_EMPTY(&h->active) && TAILQ_EMPTY(&h->done);
}

uint16_t
http_token_mark(const struct http *h)
{
	return h->token_mark;
}

const char *
http_address(const struct http *h)
{
	return h->address.text;
}

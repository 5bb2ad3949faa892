/* http.h - requests to Consul's HTTP port: curl_multi on the event loop. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "config.h"
#include "error.h"

#define HTTP_BODY_MAX	(1024 * 1024)	/* a larger answer is an error */

struct http;
struct http_request;

struct http_reply {
	int		 status;	/* 0: no complete answer, see text */
	const char	*body;		/* never NULL, ends with a NUL beside length */
	size_t		 length;
	bool		 too_large;	/* the reason: above HTTP_BODY_MAX */
	bool		 stranger;	/* the reason: the server does not speak
					 * the configured protocol */
	bool		 filtered;	/* X-Consul-Results-Filtered-By-ACLs */
	uint64_t	 index;		/* X-Consul-Index, 0 if missing, bad */
	const char	*text;		/* status 0: the reason, for people */
	const char	*location;	/* where a redirect points; "" for none */
	int64_t		 sent_at_ms;	/* before the first byte was sent */
};

/* Runs once, from the loop, never before http_send has returned.  Reply is
 * borrowed for the call. */
typedef void (*http_cb)(const struct http_reply *, void *arg);

/* Takes address, TLS settings and request_timeout from the config (borrowed).
 * The token is read from consul_token_file when one is set. */
bool	http_new(struct http **, struct event_base *, const struct config *,
	    struct error *) CHECKED;
void	http_free(struct http *);	/* cancels what is under way */
bool	http_is_idle(const struct http *);	/* no callback is pending */

/*
 * Sends one request.  Method is "GET" or "PUT"; path begins with '/' and is
 * copied; body may be NULL and is copied; Content-Length is always sent.
 * timeout_ms 0 means the config's request_timeout.  No redirect is followed.
 * A request that cannot even be started reports status 0 through cb.
 */
struct http_request	*http_send(struct http *, const char *method,
			    const char *path, const char *body,
			    int64_t timeout_ms, http_cb cb, void *arg);
void	http_cancel(struct http_request *);	/* cb never runs; NULL is fine */

/* Differs from token to token; 0 for none. */
uint16_t	 http_token_mark(const struct http *);

/* Where requests go, for messages: "http://127.0.0.1:8500". */
const char	*http_address(const struct http *);

#endif

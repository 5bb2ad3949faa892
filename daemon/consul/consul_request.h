/*
 * consul_request.h - one request to Consul's HTTP API, from its creation to its
 * callback.  Only for the files that make requests: consul.c and its subjects.
 */
#ifndef CONSUL_REQUEST_H
#define CONSUL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "consul_reply.h"
#include "http.h"
#include "json.h"

#define CONSUL_OLD_MAX	8		/* reloads within one long poll */

struct consul_answer;

struct consul_request {
	LIST_ENTRY(consul_request)	 entry;
	struct consul		*consul;
	struct http_request	*http;
	char			*what;		/* "PUT /v1/txn" */
	char			*subject;	/* key or id that it is for */
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
	struct http			*old[CONSUL_OLD_MAX];	/* replaced */
	uint64_t			 asked, failed, silences;
	int64_t				 answered_at_ms;	/* -1 */
	LIST_HEAD(, consul_request)	 requests;
};

/* subject is a key, an id or a name; read makes a reply of a good answer.
 * consul owns the request until its callback has run. */
struct consul_request	*consul_request_new(struct consul *,
    const char *subject, enum consul_outcome (*read)(struct consul_answer *),
    consul_cb, void *);
/* Frees one that is no longer under way. */
void	 consul_request_free(struct consul_request *);

/* All of these return the request.  Fmt is the path; body may be NULL;
 * timeout_ms 0 means the config's request_timeout. */
struct consul_request	*consul_request_send(struct consul_request *,
    const char *method, const char *body, int64_t timeout_ms,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* PUT, with a JSON body; frees the generator. */
struct consul_request	*consul_request_send_json(struct consul_request *,
    const char *path, yajl_gen);
/* GET /v1/OF/SUBJECT?HOW..., answered when X-Consul-Index passes index or after
 * wait_ms. */
struct consul_request	*consul_request_poll(struct consul_request *,
    const char *of, const char *how, uint64_t index, int64_t wait_ms);

/* Escapes for a path or a query, but keeps '/', as in keys.  The caller frees
 * it. */
char	*consul_request_escape(const char *text);
/* The id of a service's own check; the caller frees it. */
char	*consul_request_check_id(const char *service_id);
/* Adds a member "10s", or "1500ms". */
void	 consul_request_put_duration(yajl_gen, const char *name, int64_t ms);

/* Frees the client from before a reload, once its requests have ended. */
void	 consul_request_forget_old(struct consul *);

#endif

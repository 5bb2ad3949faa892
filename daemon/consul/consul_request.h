/*
 * consul_request.h - one request to Consul's HTTP API, from its making to its
 * callback.  For those alone who make them: consul.c and its subjects.
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

/* About a key, an id, a name; read makes a reply of a good answer.  It is the
 * consul's until its callback has run. */
struct consul_request	*consul_request_new(struct consul *,
    const char *subject, enum consul_outcome (*read)(struct consul_answer *),
    consul_cb, void *);
/* Of one that is under way no more. */
void	 consul_request_free(struct consul_request *);

/* All of them give the request.  Fmt is the path; body may be NULL; timeout_ms
 * 0 means the config's request_timeout. */
struct consul_request	*consul_request_send(struct consul_request *,
    const char *method, const char *body, int64_t timeout_ms,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* PUT, with a JSON body; frees the generator. */
struct consul_request	*consul_request_send_json(struct consul_request *,
    const char *path, yajl_gen);
/* GET /v1/OF/SUBJECT?HOW..., answered when X-Consul-Index passes index or
 * wait_ms are over. */
struct consul_request	*consul_request_poll(struct consul_request *,
    const char *of, const char *how, uint64_t index, int64_t wait_ms);

/* For a path or a query: a '/' stands for itself, as keys are written.  The
 * caller frees it. */
char	*consul_request_escape(const char *text);
/* The id of a service's own check; the caller frees it. */
char	*consul_request_check_id(const char *service_id);
/* A member "10s", or "1500ms". */
void	 consul_request_put_duration(yajl_gen, const char *name, int64_t ms);

/* Frees what a reload has left behind, once it has ended. */
void	 consul_request_forget_old(struct consul *);

#endif

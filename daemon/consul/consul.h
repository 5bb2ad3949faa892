/*
 * consul.h - Consul's HTTP API: one function a request, typed answers.
 *
 * Every function returns a request that stays ours: consul_cancel it (cb never
 * runs) or let cb run once.  All strings given are copied; those in an answer
 * are borrowed for the callback.
 */
#ifndef CONSUL_H
#define CONSUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consul_reply.h"
#include "http.h"

struct consul;
struct consul_request;

bool	consul_new(struct consul **, struct event_base *, const struct config *,
	    struct error *);
void	consul_free(struct consul *);
/* The config (the same struct) has changed: new requests go by it; those under
 * way end where they were sent.  Fails, and changes nothing, if it is bad. */
bool	consul_reload(struct consul *, struct error *);
void	consul_cancel(struct consul_request *);		/* NULL is fine */
const char	*consul_address(const struct consul *);
/* Requests sent, and those that were denied or came to no usable answer. */
void	consul_count(const struct consul *, uint64_t *asked, uint64_t *failed);
/* Requests that came to no usable answer.  A long poll sent before the last of
 * them may hang, and say nothing of what has changed since. */
uint64_t	consul_silences(const struct consul *);

/* GET /v1/kv/KEY; a missing key is CONSUL_OK with key->exists false. */
struct consul_request	*consul_get(struct consul *, const char *key,
    bool consistent, consul_cb, void *);
/* The same, answered when X-Consul-Index passes index or wait_ms are over. */
struct consul_request	*consul_watch(struct consul *, const char *key,
    uint64_t index, int64_t wait_ms, consul_cb, void *);
/* All keys below prefix, answered as consul_watch is. */
struct consul_request	*consul_list(struct consul *, const char *prefix,
    uint64_t index, int64_t wait_ms, consul_cb, void *);
/* The names of them alone: records without session and value. */
struct consul_request	*consul_keys(struct consul *, const char *prefix,
    consul_cb, void *);
/* Writes a key.  Session: it is the session's from now on, and REFUSED where it
 * is another's; NULL: whatever it was. */
struct consul_request	*consul_put(struct consul *, const char *key,
    const char *session, const char *value, consul_cb, void *);
struct consul_request	*consul_delete(struct consul *, const char *key,
    consul_cb, void *);
/* One transaction: the key is as `seen` showed it, and is locked by session
 * with value.  CONSUL_OK: reply->key has the new indexes.  REFUSED: text tells
 * why, delayed that it was the lock-delay.  GONE: the session is dead. */
struct consul_request	*consul_lock(struct consul *, const char *key,
    const struct consul_key *seen, const char *session, const char *value,
    consul_cb, void *);
/* REFUSED: the session does not hold it. */
struct consul_request	*consul_release(struct consul *, const char *key,
    const char *session, const char *value, consul_cb, void *);

/* REFUSED: a check is missing or critical (text says which). */
struct consul_request	*consul_session_create(struct consul *,
    const char *name, const char *service_id, bool serf_health,
    int64_t ttl_ms, int64_t lock_delay_ms, consul_cb, void *);
struct consul_request	*consul_session_renew(struct consul *, const char *id,
    consul_cb, void *);		/* GONE: 404 */
struct consul_request	*consul_session_destroy(struct consul *, const char *id,
    consul_cb, void *);
struct consul_request	*consul_session_info(struct consul *, const char *id,
    const char *service_id, consul_cb, void *);	/* count 0: gone or no right */
struct consul_request	*consul_sessions(struct consul *, const char *node,
    const char *service_id, consul_cb, void *);

struct consul_registration {
	const char	*id, *name, *address;	/* address "" is left out */
	uint16_t	 port;
	const char	*tags;		/* comma separated, "" for none */
	const char	*since;		/* for meta failover-since */
	const char	*health;	/* for meta failover-health: Consul shows
				 * what a check says only 5 minutes later, as
				 * long as its status stays as it was born */
	const char	*health_at;	/* for meta failover-health-at: RFC 3339 */
	const char	*warning;	/* for meta failover-warning; "" */
	const char	*notice;	/* for meta failover-notice; "" */
	const char	*agent;		/* for meta failover-agent */
	const char	*check_url;
	int64_t		 check_interval_ms, check_timeout_ms, check_failures;
	bool		 with_check;	/* false: keep the check as it is */
	bool		 passing;	/* with_check: born "passing" */
};
/* Is the check that a reply's check describes the one wanted here, and brought
 * by the token that we have?  Consul goes on with the one that brought it. */
bool	consul_same_check(const struct consul *, const char *check,
    const struct consul_registration *);
struct consul_request	*consul_register(struct consul *,
    const struct consul_registration *, consul_cb, void *);
struct consul_request	*consul_deregister(struct consul *, const char *id,
    consul_cb, void *);
/* GET /v1/agent/service/ID: CONSUL_GONE where the local agent lost us. */
struct consul_request	*consul_own_service(struct consul *, const char *id,
    consul_cb, void *);
/* The same, answered when the hash of an answer before is not its hash any more,
 * or wait_ms are over. */
struct consul_request	*consul_watch_own_service(struct consul *,
    const char *id, const char *hash, int64_t wait_ms, consul_cb, void *);
/* GET /v1/agent/checks, the entry service:ID: node name and status;
 * CONSUL_GONE where there is none. */
struct consul_request	*consul_own_check(struct consul *, const char *id,
    consul_cb, void *);
/* GET /v1/catalog/service/NAME?consistent, from all nodes. */
struct consul_request	*consul_instances(struct consul *, const char *name,
    consul_cb, void *);
/* The same, not consistent, answered as consul_watch is. */
struct consul_request	*consul_watch_instances(struct consul *,
    const char *name, uint64_t index, int64_t wait_ms, consul_cb, void *);
/* GET /v1/health/service/NAME, from all nodes, with status and output. */
struct consul_request	*consul_health(struct consul *, const char *name,
    consul_cb, void *);
/* The same, answered as consul_watch is. */
struct consul_request	*consul_watch_health(struct consul *, const char *name,
    uint64_t index, int64_t wait_ms, consul_cb, void *);

#endif

/* consul_keys.h - Consul's keys, and the locks on them. */
#ifndef CONSUL_KEYS_H
#define CONSUL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "consul_reply.h"

struct consul;
struct consul_request;

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

#endif

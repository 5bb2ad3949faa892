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
/* The same, answered when X-Consul-Index passes index or after wait_ms. */
struct consul_request	*consul_watch(struct consul *, const char *key,
    uint64_t index, int64_t wait_ms, consul_cb, void *);
/* All keys below prefix, answered like consul_watch. */
struct consul_request	*consul_list(struct consul *, const char *prefix,
    uint64_t index, int64_t wait_ms, consul_cb, void *);
/* Only their names: records without session and value. */
struct consul_request	*consul_keys(struct consul *, const char *prefix,
    consul_cb, void *);
/* One key with a value of any length, by a consistent read: a record, or
 * none. */
struct consul_request	*consul_fetch(struct consul *, const char *key,
    consul_cb, void *);
/* Writes it if its ModifyIndex is still this one (0: it is missing).  REFUSED:
 * it is not. */
struct consul_request	*consul_cas(struct consul *, const char *key,
    uint64_t index, const char *value, consul_cb, void *);
/* Writes a key.  With a session it also locks the key, and is REFUSED if
 * another session holds it; with NULL it writes in any case. */
struct consul_request	*consul_put(struct consul *, const char *key,
    const char *session, const char *value, consul_cb, void *);
struct consul_request	*consul_delete(struct consul *, const char *key,
    consul_cb, void *);
/* One transaction: if the key is still as in `seen`, session locks it, with
 * value.  CONSUL_OK: reply->key has the new indexes.  REFUSED: text has the
 * reason, delayed: the lock-delay was the reason.  GONE: the session is
 * dead. */
struct consul_request	*consul_lock(struct consul *, const char *key,
    const struct consul_key *seen, const char *session, const char *value,
    consul_cb, void *);
/* REFUSED: the session does not hold it. */
struct consul_request	*consul_release(struct consul *, const char *key,
    const char *session, const char *value, consul_cb, void *);

#endif

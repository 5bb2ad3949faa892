/* consul_sessions.h - Consul's sessions. */
#ifndef CONSUL_SESSIONS_H
#define CONSUL_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "consul_reply.h"

struct consul;
struct consul_request;

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

#endif

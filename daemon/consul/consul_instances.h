/* consul_instances.h - the instances of a service, on all nodes. */
#ifndef CONSUL_INSTANCES_H
#define CONSUL_INSTANCES_H

#include <stdbool.h>
#include <stdint.h>

#include "consul_reply.h"

struct consul;
struct consul_request;

/* GET /v1/catalog/service/NAME?consistent, from all nodes. */
struct consul_request	*consul_instances(struct consul *, const char *name,
    consul_cb, void *);
/* The same, not consistent, answered like consul_watch (consul_keys.h). */
struct consul_request	*consul_watch_instances(struct consul *,
    const char *name, uint64_t index, int64_t wait_ms, consul_cb, void *);
/* GET /v1/catalog/services: the names of all services, as records. */
struct consul_request	*consul_services(struct consul *, consul_cb, void *);
/* GET /v1/health/state/critical: the names of services of which a copy's own
 * check is critical, as records, one for each copy. */
struct consul_request	*consul_critical(struct consul *, consul_cb, void *);
/* GET /v1/health/service/NAME, from all nodes, with status and output. */
struct consul_request	*consul_health(struct consul *, const char *name,
    consul_cb, void *);
/* The same, answered like consul_watch. */
struct consul_request	*consul_watch_health(struct consul *, const char *name,
    uint64_t index, int64_t wait_ms, consul_cb, void *);

#endif

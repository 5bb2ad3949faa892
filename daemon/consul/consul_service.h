/* consul_service.h - our service, as the local agent of Consul has it. */
#ifndef CONSUL_SERVICE_H
#define CONSUL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "consul_reply.h"

struct consul;
struct consul_request;

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

#endif

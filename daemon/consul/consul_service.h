/* consul_service.h - our service in the local Consul agent. */
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
	const char	*health;	/* for meta failover-health: Consul
					 * shows a check's output only 5 minutes
					 * late, while its status has not
					 * changed since it was registered */
	const char	*health_at;	/* for meta failover-health-at: RFC 3339 */
	const char	*warning;	/* for meta failover-warning; "" */
	const char	*notice;	/* for meta failover-notice; "" */
	const char	*agent;		/* for meta failover-agent */
	const char	*check_url;
	int64_t		 check_interval_ms, check_timeout_ms, check_failures;
	const char	*kept_check;	/* the description, from own_service, of
					 * the check, which stays as it is; NULL:
					 * the check is registered, too */
	bool		 passing;	/* how the new check begins */
};
/* Does a reply's check describe the check that we want, registered with our
 * current token?  Consul continues to use the token that registered it. */
bool	consul_same_check(const struct consul *, const char *check,
    const struct consul_registration *);
struct consul_request	*consul_register(struct consul *,
    const struct consul_registration *, consul_cb, void *);
struct consul_request	*consul_deregister(struct consul *, const char *id,
    consul_cb, void *);
/* GET /v1/agent/service/ID: CONSUL_GONE if the local agent does not have us. */
struct consul_request	*consul_own_service(struct consul *, const char *id,
    consul_cb, void *);
/* The same, answered when the hash differs from that of an earlier answer, or
 * after wait_ms. */
struct consul_request	*consul_watch_own_service(struct consul *,
    const char *id, const char *hash, int64_t wait_ms, consul_cb, void *);
/* GET /v1/agent/checks, the entry service:ID: node name and status; CONSUL_GONE
 * if there is none. */
struct consul_request	*consul_own_check(struct consul *, const char *id,
    consul_cb, void *);

#endif

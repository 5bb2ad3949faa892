/* consul_meta.h - the names of the metadata that we write into Consul with our
 * service. */
#ifndef CONSUL_META_H
#define CONSUL_META_H

/* "consul-…" is reserved. */
#define CONSUL_SINCE	"failover-since"
#define CONSUL_HEALTH	"failover-health"
#define CONSUL_HEALTH_AT	"failover-health-at"
#define CONSUL_WARNING	"failover-warning"
#define CONSUL_NOTICE	"failover-notice"
#define CONSUL_CHECK	"failover-check"
#define CONSUL_AGENT	"failover-agent"
#define CONSUL_META_MAX	512		/* Consul's limit for one value */

#endif

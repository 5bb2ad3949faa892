/* registration_events.h - what our registration in Consul says of itself. */
#ifndef REGISTRATION_EVENTS_H
#define REGISTRATION_EVENTS_H

#define REGISTRATION_INTERVAL_MS	30000	/* what ends our session makes
						 * us look at once */

struct registration_events {
	/* We are registered; node and address (of the service) as Consul
	 * knows them.  Runs again when we had to be registered anew. */
	void	(*registered)(const char *node, const char *address, void *arg);
	/* Another agent's registration stands in the place of ours: no session
	 * may be had, or ended, until registered runs again. */
	void	(*barred)(void *arg);
	/* He lives, so one must go: text is who he is, and who we are. */
	void	(*taken)(const char *text, void *arg);
	/* What goes wrong now; "" when it has ended. */
	void	(*trouble)(const char *text, void *arg);
};

#define REGISTRATION_FILTERED	"Consul hides nodes of this service from our token, " \
	"so that we can't tell whether we are alone: give it node_prefix \"\" { " \
	"policy = \"read\" } and service:read, as conf/acl-policy.hcl does"

#endif

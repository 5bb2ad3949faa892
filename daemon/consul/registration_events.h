/* registration_events.h - what our registration in Consul reports. */
#ifndef REGISTRATION_EVENTS_H
#define REGISTRATION_EVENTS_H

#define REGISTRATION_INTERVAL_MS	30000	/* the end of our session causes
						 * a check at once */

struct registration_events {
	/* We are registered; node and address (of the service) are Consul's.
	 * Runs again after each new registration. */
	void	(*registered)(const char *node, const char *address, void *arg);
	/* Another agent's registration has replaced ours: no session may be
	 * created or destroyed until registered runs again. */
	void	(*barred)(void *arg);
	/* That agent is alive, so one of the two must end: text names both. */
	void	(*taken)(const char *text, void *arg);
	/* The current problem; "" when it has ended. */
	void	(*trouble)(const char *text, void *arg);
};

#define REGISTRATION_FILTERED	"Consul hides nodes of this service from our token, " \
	"so that we can't tell whether we are alone: give it node_prefix \"\" { " \
	"policy = \"read\" } and service:read, as conf/acl-policy.hcl does"

#endif

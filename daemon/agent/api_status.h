/* api_status.h - what the agent's own HTTP server reports, and /status. */
#ifndef API_STATUS_H
#define API_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api_answer.h"

enum api_health { API_HEALTH_BAD, API_HEALTH_OK, API_HEALTH_BUSY };

#define API_TRANSITIONS	16

struct api_transition {
	int64_t		 wall_ms;	/* since 1970 */
	const char	*from, *to;	/* state names */
	char		 why[512];
};

/* What the agent knows at this moment.  Strings are borrowed until the agent
 * next runs; ages and times are milliseconds, -1 for none. */
struct api_status {
	const char		*service, *service_id, *node, *plugin_name,
				*plugin_version, *plugin_path, *consul_address;
	const char		*role, *why;	/* core_role_name, core_role_why */
	bool			 is_master, is_slave;
	int64_t			 since_wall_ms;
	uint64_t		 epoch;
	const char		*holder;	/* node that has the lock; "" none */
	const char		*holder_address;
	int			 holder_port;
	int64_t			 master_changed_wall_ms;	/* as we saw it */
	const char		*notice;	/* of files that have changed; "" */
	const char		*waiting;	/* why a free lock is not taken,
						 * or NULL */
	bool			 candidate;	/* could take a free lock */
	bool			 never_master;
	int64_t			 priority;
	const char		*consul_error;	/* "" while Consul answers */
	int64_t			 consul_contact_age_ms;
	enum api_health		 health;	/* as published on /health */
	const char		*health_text;
	int64_t			 health_age_ms;
	int64_t			 proof_age_ms;
	int64_t			 fuse_ms;
	int64_t			 fuse_left_ms;	/* as master; else -1 */
	int			 guard_pid;	/* -1 while it is started again */
	bool			 may_be_master;	/* although it must not */
	uint64_t		 guard_demotions;	/* in our place */
	uint64_t		 failovers;	/* times we became master */
	uint64_t		 demotions;
	uint64_t		 health_calls, health_failures;
	uint64_t		 role_calls, role_failures;
	uint64_t		 handler_restarts;
	uint64_t		 consul_requests, consul_failures;
	const struct api_transition	*transitions;	/* newest first */
	size_t			 transition_count;
};

const char	*api_health_name(enum api_health);
/* All of it, as JSON. */
void		 api_status_answer(struct api_answer *,
		    const struct api_status *);

#endif

/*
 * agent_private.h - what the parts of an agent share: one struct, because an
 * event for the core may come from any of them, and an action of it may be for
 * any.  Only agent.c and agent_*.c know it; who uses an agent knows agent.h.
 */
#ifndef AGENT_PRIVATE_H
#define AGENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <consul-failover/plugin.h>
#include <event2/event.h>

#include "api_status.h"
#include "config.h"
#include "consul.h"
#include "core.h"
#include "description.h"
#include "files.h"
#include "handover.h"
#include "runfile.h"
#include "trouble.h"

#define AGENT_SIGNALS	6	/* that we listen to */

struct agent {
	const struct config			*config;
	const struct plugin_description		*plugin;
	struct runfile				*runfile;

	struct event_base	*base;
	struct consul		*consul;
	struct lock		*lock;
	struct registration	*registration;
	struct api		*api;
	struct handler		*health;
	struct handler		*role;
	struct guard		*guard;
	struct candidates	*candidates;	/* the elector's */
	struct namesake		*namesake;
	struct heed		*heed;
	char			 heed_said[512];
	struct elector		*elector;
	struct core		 core;

	int			 wake_fd;	/* timerfd: it counts in suspend */
	struct event		*wake;
	struct event		*health_timer;
	struct event		*watchdog;
	struct event		*leave_timer;
	struct event		*position_timer;	/* while master */
	struct event		*signals[AGENT_SIGNALS];

	int64_t			 health_asked_at;
	bool			 health_again;	/* once more when it ends */
	bool			 health_retried;	/* it was lost once */
	enum api_health		 published;
	char			 published_text[CORE_TEXT];
	int64_t			 published_at;
	bool			 disabled;
	char			 not_disabled[512];	/* by a file that is there */
	bool			 was_bad;	/* said in the log */

	struct files		 files;
	char			 notice[512];	/* as told; "" */
	int64_t			 noticed_at;
	int64_t			 slave_at;	/* not joining: the last time */
	char			 shown[CORE_TEXT + 32];	/* role and reason */

	int64_t			 inherited_lease;
	uint32_t		 call;		/* the core's number for it */
	enum core_op		 op;
	char			 call_said[CORE_TEXT];
	enum failover_role	 role_done;	/* what the last one made */
	bool			 refused;	/* to be a slave, and it is none */

	char			 node[CONSUL_NAME_MAX];
	char			 address[256];	/* of this copy; "" */
	struct trouble		 key_trouble;
	struct trouble		 write_trouble;
	struct trouble		 session_trouble;
	struct trouble		 registration_trouble;
	struct trouble		 election_trouble;
	struct trouble		 namesake_trouble;
	struct trouble		 stranger_trouble;	/* has the lock */
	struct trouble		 address_trouble;
	struct trouble		 refusal;	/* of the lock, by max_behind */
	struct handover		 handover;

	struct api_transition	 transitions[API_TRANSITIONS];
	size_t			 transition_count;
	int64_t			 since_wall_ms;
	struct api_status	 counters;	/* only the counters of it */

	bool			 stopping;
	int64_t			 stopping_at;
	bool			 clean_stop;
	bool			 misnamed;	/* that is why we stop */
	void			(*reload)(void *);
	void			*reload_arg;
	bool			 in_good_order;	/* ended: AGENT_STOPPED */
};

#endif

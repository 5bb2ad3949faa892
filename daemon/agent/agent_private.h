/*
 * agent_private.h - what the parts of an agent share: one struct, because an
 * event for the core may come from any of them, and one of its actions may be
 * for any.  Only agent.c and agent_*.c include this; users of an agent include
 * agent.h.
 */
#ifndef AGENT_PRIVATE_H
#define AGENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <consul-failover/plugin.h>
#include <event2/event.h>

#include "alarm.h"
#include "api_status.h"
#include "config.h"
#include "consul.h"
#include "core.h"
#include "description.h"
#include "elector.h"
#include "error.h"
#include "files.h"
#include "handler.h"
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

	struct alarm		*wake;
	struct event		*health_timer;
	struct event		*watchdog;
	struct event		*leave_timer;
	struct event		*position_timer;	/* while master */
	struct event		*signals[AGENT_SIGNALS];

	int64_t			 health_asked_at;
	bool			 health_again;	/* once more after this call */
	bool			 health_retried;	/* once, a lost call */
	enum api_health		 published;
	char			 published_text[CORE_TEXT];
	bool			 disabled;
	char			 not_disabled[512];	/* the reason */
	bool			 was_bad;	/* logged */

	struct files		 files;
	char			 notice[512];	/* as published; "" for none */
	int64_t			 noticed_at;
	int64_t			 slave_at;	/* last not joining */
	char			 shown[CORE_TEXT + 32];	/* role and reason */

	int64_t			 inherited_lease;
	uint32_t		 call;		/* the core's number of it */
	enum core_op		 op;
	char			 call_said[CORE_TEXT];
	enum failover_role	 role_done;	/* the last result */
	bool			 refused;	/* ensure_slave was refused */

	char			 node[CONSUL_NAME_MAX];
	char			 address[256];	/* of this copy; "" */
	struct trouble		 key_trouble;
	struct trouble		 write_trouble;
	struct trouble		 session_trouble;
	struct trouble		 registration_trouble;
	struct trouble		 election_trouble;
	struct trouble		 namesake_trouble;
	struct trouble		 stranger_trouble;	/* it has the lock */
	struct trouble		 address_trouble;
	struct trouble		 refusal;	/* of the lock, by max_behind */
	struct handover		 handover;

	/* for the history of masters, and for that of this node's states */
	struct history		*history;
	struct trouble		 history_trouble;
	bool			 resumed;	/* an earlier run's mastership */
	int64_t			 no_master_at;	/* since then; 0: unknown */
	char			 despite[CORE_TEXT];	/* the lock was taken despite
							 * this; "" */
	char			*states;	/* lines to be written; or NULL */
	bool			 states_failed;	/* it is logged */

	struct api_transition	 transitions[API_TRANSITIONS];
	size_t			 transition_count;
	int64_t			 since_wall_ms;
	struct api_status	 counters;	/* only these fields of it */

	bool			 stopping;
	int64_t			 stopping_at;
	bool			 clean_stop, deregisters;
	bool			 misnamed;	/* why we stop */
	void			(*reload)(void *);
	void			*reload_arg;
	bool			 in_good_order;	/* end as AGENT_STOPPED */
};

/* agent_event.c */

/* Reports the event to the core, and performs the core's actions.  Borrows the
 * event. */
void	agent_event(struct agent *, const struct core_event *);
void	agent_event_tick(void *arg);	/* wake's */
/* After the actions of an event, and whatever else they may have changed. */
void	agent_settle(struct agent *);

/* agent_perform.c */

void	agent_perform(struct agent *, const struct core_action *);
/* The session and the epoch, for the next run of the agent. */
void	agent_remember(struct agent *, const char *session, uint64_t epoch);

/* agent_change.c */

/* CORE_DO_CHANGED. */
void	agent_change(struct agent *, const struct core_action *);

/* agent_history.c */

/* The lock that is about to be reported to the core. */
void	agent_history_lock(struct agent *, const struct core_lock *);
/* CORE_DO_CHANGED. */
void	agent_history_change(struct agent *, const struct core_action *);
/* Writes this node's changes of state to the disk, which may be slow: after the
 * actions of an event, once nothing is under way. */
void	agent_history_write(struct agent *);
void	agent_history_flush(struct agent *);	/* the same, now */
/* history.h's. */
void	agent_history_trouble(const char *text, void *arg);

/* agent_leave.c */

/* CORE_DO_LEAVE; demoted: the copy is not a master, so the exit status may be
 * 0. */
void	agent_leave(struct agent *, bool demoted, bool deregister);
void	agent_leave_timer(evutil_socket_t, short, void *arg);

/* agent_health.c */

/* Now, or as soon as the running call has ended. */
void	agent_health_ask(struct agent *);
void	agent_health_timer(evutil_socket_t, short, void *arg);
/* The plugin's watch_fd became readable. */
void	agent_health_watched(void *arg);
/* Another call in the health handler has ended; health may be waiting for
 * that. */
void	agent_health_handler_free(struct agent *);
/* Checks whether the copy is disabled; also done after each health call. */
void	agent_health_look_for_disable(struct agent *);

/* agent_role.c */

/* CORE_DO_CALL. */
void	agent_role_call(struct agent *, const struct core_action *);
/* Fills in what every call gets, those of health too; the call borrows it. */
void	agent_role_tell(const struct agent *, struct handler_call *,
	    const char *reason);
/* The role handler's process; -1: none. */
void	agent_role_process(pid_t, void *arg);
/* guard_cb. */
void	agent_role_guard(enum core_guard, int64_t until, const char *text,
	    void *arg);

/* agent_election.c */

extern const struct elector_events	agent_election_events;

/* Our own part of an election, as it is now. */
void	agent_election_config(const struct agent *, struct election_config *);
/* Our part may have changed. */
void	agent_election_rank(struct agent *);
void	agent_election_position_timer(evutil_socket_t, short, void *arg);

/* agent_notice.c */

/* For /status, and in Consul for "status": why a slave follows no master; else
 * why Consul's DNS leaves this copy out; else a notice about the files. */
void	agent_notice_set(struct agent *);
/* Why Consul's DNS leaves this copy out, and the consequence; "" if it does
 * not. */
void	agent_notice_heed(const struct agent *, char *text, size_t);

/* agent_news.c */

extern const struct lock_events		agent_news_lock;
extern const struct registration_events	agent_news_registration;
extern const struct heed_events		agent_news_heed;
extern const struct namesake_events	agent_news_namesake;

/* agent_status.c */

/* The current state, for the API. */
void	agent_status(struct api_status *, void *arg);

/* agent_signals.c */

/* Handles signals from now on, also one that has been blocked since the process
 * began.  False: not all of them can be handled. */
bool	agent_signals_start(struct agent *) CHECKED;

#endif

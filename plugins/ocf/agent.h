/*
 * agent.h - the resource agent: its program, its environment, and one action of
 * it.
 */
#ifndef AGENT_H
#define AGENT_H

#include "command.h"

/* Exit codes of a resource agent. */
enum ocf_code {
	OCF_SUCCESS = 0,		/* monitor: runs, as a slave */
	OCF_ERR_GENERIC = 1,
	OCF_ERR_ARGS = 2,
	OCF_ERR_UNIMPLEMENTED = 3,
	OCF_ERR_PERM = 4,
	OCF_ERR_INSTALLED = 5,
	OCF_ERR_CONFIGURED = 6,
	OCF_NOT_RUNNING = 7,
	OCF_RUNNING_PROMOTED = 8,
	OCF_FAILED_PROMOTED = 9,
	OCF_DEGRADED = 190,
	OCF_DEGRADED_PROMOTED = 191,
	OCF_NONE = -1			/* it did not end by itself */
};

/* Its program is set by agent_start. */
extern struct command	agent;

/* Finds it by the option agent, and sets its environment; FAILOVER_FAILED with
 * the sentence set. */
enum failover_result	agent_start(struct failover *);

/* Runs one of its actions for that many milliseconds, or the remaining time of
 * the call; OCF_NONE: it could not be run, took too long, or has died. */
enum ocf_code	agent_run(struct failover *, const char *action,
		    int64_t limit);

/* Reports how the last action, of that name, has ended; returns result, or
 * FAILOVER_FAILED if it did not end by itself. */
enum failover_result	agent_tell(struct failover *, enum failover_result,
			    const char *action, enum ocf_code);

/* An action that can only succeed or fail; false with the sentence set. */
bool	agent_act(struct failover *, const char *action, int64_t limit);

/* Results of monitor. */
bool	agent_is_slave(enum ocf_code);
bool	agent_is_master(enum ocf_code);

#endif

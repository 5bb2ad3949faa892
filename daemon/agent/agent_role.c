/* agent_role.c - the plugin's role: the calls that change it, and the guard. */
#include "agent_private.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "handler.h"
#include "handover.h"
#include "lock.h"
#include "log.h"
#include "runfile.h"

static void	agent_call_done(enum handler_result, const char *, void *);

void
agent_role_tell(const struct agent *a, struct handler_call *call,
    const char *reason)
{
	const struct core_lock	*l = &a->core.lock;

	call->what.epoch = a->core.epoch;
	call->what.node = a->node;
	call->what.address = a->address;
	call->what.reason = reason;
	call->what.role = a->role_done;
	/* A copy that lacks data is no slave to wait with: it becomes fit for
	 * the lock when nobody has that. */
	call->what.promote = l->owner != CORE_LOCK_THEIRS &&
	    runfile_is_promoted(a->config);
	if (l->owner == CORE_LOCK_THEIRS) {
		call->what.master_host = l->host;
		call->what.master_port = l->port;
	}
}

static void
agent_say_call(struct agent *a, enum core_op op, enum handler_result result,
    const char *text)
{
	char	line[CORE_TEXT];

	if (result == HANDLER_DONE) {
		a->call_said[0] = '\0';
		log_debug("%s is done: %s", core_op_name(op), text);
		return;
	}
	snprintf(line, sizeof line, "%s %s: %.400s", core_op_name(op),
	    result == HANDLER_AGAIN ? "is under way" : "failed", text);
	if (strcmp(line, a->call_said) == 0)
		return;
	memcpy(a->call_said, line, sizeof line);
	log_line(result == HANDLER_AGAIN ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	    "%s", line);
}

static void
agent_ask_position(struct agent *a, const struct core_action *act, bool again)
{
	struct handler_call	call = { .timeout_ms = act->call.timeout_ms };

	agent_role_tell(a, &call, act->call.reason);
	handover_ask(&a->handover, lock_before(a->lock), act, again, &call);
	may_fail(handler_call(a->role, &call, agent_call_done, a),
	    "the call before it was cancelled, or has just ended");
}

/* Then every other copy goes first in an election, as far as it is not behind. */
static void
agent_refused(struct agent *a, bool refused)
{
	if (a->refused == refused)
		return;
	a->refused = refused;
	agent_election_rank(a);
}

static void
agent_call_done(enum handler_result result, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = {
		.type = CORE_EV_CALL_DONE,
		.call = {
			.number = a->call,
			.result = result == HANDLER_DONE ? CORE_RESULT_DONE :
			    result == HANDLER_AGAIN ? CORE_RESULT_AGAIN :
			    CORE_RESULT_FAILED,
			.text = text,
		},
	};

	a->handover.position[0] = '\0';
	if (a->op == CORE_OP_POSITION) {
		if (handover_answered(&a->handover, result, &ev))
			agent_event(a, &ev);
		else
			agent_ask_position(a, &a->handover.asked, true);
		return;
	}
	a->counters.role_failures += ev.call.result == CORE_RESULT_FAILED;
	if (ev.call.result == CORE_RESULT_DONE)
		a->role_done =
		    a->op == CORE_OP_ENSURE_MASTER ? FAILOVER_MASTER :
		    a->op == CORE_OP_ENSURE_SLAVE ? FAILOVER_SLAVE :
		    FAILOVER_NO_ROLE;
	if (a->op == CORE_OP_ENSURE_SLAVE)
		agent_refused(a, ev.call.result == CORE_RESULT_FAILED &&
		    a->role_done != FAILOVER_SLAVE);
	a->counters.handler_restarts += result == HANDLER_LOST ||
	    result == HANDLER_TIMEOUT;
	agent_say_call(a, a->op, result, text);
	agent_event(a, &ev);
}

void
agent_role_call(struct agent *a, const struct core_action *act)
{
	static const enum operation	ops[] = {
		[CORE_OP_ENSURE_MASTER] = OPERATION_ENSURE_MASTER,
		[CORE_OP_ENSURE_SLAVE] = OPERATION_ENSURE_SLAVE,
		[CORE_OP_ENSURE_DEMOTED] = OPERATION_ENSURE_DEMOTED,
		[CORE_OP_POSITION] = OPERATION_POSITION,
	};
	struct handler_call		call = {
		.op = ops[act->call.op],
		.timeout_ms = act->call.timeout_ms,
	};

	agent_role_tell(a, &call, act->call.reason);
	call.what.epoch = act->call.epoch;
	call.what.not_after_ms = act->call.not_after;
	if (act->call.op == CORE_OP_ENSURE_SLAVE) {
		call.what.master_host = act->call.host;
		call.what.master_port = act->call.port;
	}
	if (act->call.op == CORE_OP_ENSURE_MASTER)
		handover_tell(&a->handover, lock_before(a->lock),
		    act->call.enough, a->core.state == CORE_STATE_PROMOTING,
		    &call);
	a->call = act->call.number;
	a->op = act->call.op;
	a->counters.role_calls++;
	handler_cancel(a->role);
	if (act->call.op == CORE_OP_POSITION) {
		agent_ask_position(a, act, false);
		return;
	}
	may_fail(handler_call(a->role, &call, agent_call_done, a),
	    "the call before it was cancelled");
}

/*
 * The guard.
 */

void
agent_role_guard(enum core_guard what, int64_t until, const char *text,
    void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = {
		.type = CORE_EV_GUARD,
		.guard = { .what = what, .until = until, .text = text },
	};

	if (what == CORE_GUARD_DEMOTED)
		a->role_done = FAILOVER_NO_ROLE;
	a->counters.guard_demotions += what == CORE_GUARD_FIRED &&
	    !a->core.guard.fired;
	agent_event(a, &ev);
}

void
agent_role_process(pid_t pid, void *arg)
{
	struct agent	*a = arg;

	guard_role(a->guard, pid);
}

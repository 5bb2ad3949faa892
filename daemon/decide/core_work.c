/* core_work.c - the work of each state, and its results. */

#include "core_work.h"

#include <string.h>

#include "core_acquire.h"
#include "core_adopt.h"
#include "core_call.h"
#include "core_demotion.h"
#include "core_due.h"
#include "core_guard.h"
#include "core_lock.h"
#include "text.h"

/* A call that failed or said "again" is made again after this, then twice that,
 * up to CALL_PAUSE_MAX on the way to or from mastership, up to role_interval
 * for a slave, who may need hours. */
#define CALL_PAUSE	100
#define CALL_PAUSE_MAX	500

/* When to call again what was not done. */
static int64_t
call_pause(struct core *c)
{
	bool	patient = c->state == CORE_STATE_SLAVE ||
		    c->state == CORE_STATE_UNHEALTHY;
	int64_t	most = patient ? c->config.role_interval_ms : CALL_PAUSE_MAX;
	int64_t	pause = (int64_t)CALL_PAUSE <<
		    (c->not_done < 10 ? c->not_done : 10);

	return pause < most ? pause : most;
}

void
core_work_done(struct core *c, const struct core_event *ev)
{
	enum core_op	op = c->op;

	if (op == CORE_OP_NONE || ev->call.number != c->call)
		return;
	c->op = CORE_OP_NONE;
	if (op == CORE_OP_POSITION) {
		core_demotion_learn(c, ev);
		return;
	}
	c->failed = ev->call.result == CORE_RESULT_FAILED;
	c->done = ev->call.result == CORE_RESULT_DONE ? op : CORE_OP_NONE;
	if (ev->call.result == CORE_RESULT_DONE) {
		c->not_done = 0;
		c->call_at = c->now + c->config.role_interval_ms;
	} else {
		if (c->not_done == 0)
			c->not_done_at = c->now;
		c->call_at = c->now + call_pause(c);
		c->not_done++;
	}
	text_copy(c->call_text, sizeof c->call_text, ev->call.text);
	if (op == CORE_OP_ENSURE_MASTER)
		c->master_failures = c->failed ? c->master_failures + 1 : 0;
	else if (c->done == op)
		core_call_demoted(c);
	else if (op == CORE_OP_ENSURE_DEMOTED && c->failed)
		core_guard_ask(c);
}

static void
work_master(struct core *c)
{
	if (c->op != CORE_OP_ENSURE_MASTER)
		core_call_cancel(c);
	/* No master without a guard.  Of a lease that it has not heard of it
	 * has ended the one before, maybe, demoted the copy and given the lock
	 * back: all of that can happen while we stand still. */
	if (c->now >= c->guard.held)
		return;
	if (c->op == CORE_OP_NONE && core_due(c, c->grace_until) &&
	    core_due(c, c->call_at))
		core_call(c, CORE_OP_ENSURE_MASTER,
		    c->config.master_deadline_ms);
}

/* An unhealthy copy is kept a slave too: that may be what heals it. */
static void
work_slave(struct core *c)
{
	bool	moved = strcmp(c->call_host, c->lock.host) != 0 ||
		    c->call_port != c->lock.port;

	if (!core_lock_is_theirs(c) || c->lock.host[0] == '\0')
		return;
	if (moved)
		core_call_cancel(c);
	if (c->op == CORE_OP_NONE && (moved || core_due(c, c->call_at)))
		core_call(c, CORE_OP_ENSURE_SLAVE, c->config.slave_deadline_ms);
}

void
core_work(struct core *c)
{
	switch (c->state) {
	case CORE_STATE_CANDIDATE:
		core_acquire_work(c);
		break;
	case CORE_STATE_PROMOTING:
	case CORE_STATE_MASTER:
		work_master(c);
		break;
	case CORE_STATE_SLAVE:
	case CORE_STATE_UNHEALTHY:
		work_slave(c);
		break;
	case CORE_STATE_DEMOTING:
		core_demotion_work(c);
		break;
	case CORE_STATE_STARTING:
		core_adopt_work(c);
		break;
	case CORE_STATE_DISABLED:
	case CORE_STATE_FENCED:
	case CORE_STATE_STOPPING:
	case CORE_STATES:
		break;
	}
}

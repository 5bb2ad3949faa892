/* core_call.c - the call of the plugin that is under way, one at most. */

#include "core_call.h"

#include "core_do.h"
#include "text.h"

int64_t
core_call_promotion_begun(const struct core *c)
{
	return c->since > c->grace_until ? c->since : c->grace_until;
}

void
core_call_cancel(struct core *c)
{
	if (c->op == CORE_OP_NONE)
		return;
	core_do(c, CORE_DO_CANCEL);
	c->op = CORE_OP_NONE;
	c->call++;		/* an answer that is on its way is too late */
}

void
core_call(struct core *c, enum core_op op, int64_t timeout_ms)
{
	struct core_action	*a = core_do(c, CORE_DO_CALL);

	a->call.number = ++c->call;
	a->call.op = op;
	a->call.epoch = c->epoch;
	a->call.timeout_ms = timeout_ms;
	text_copy(a->call.reason, sizeof a->call.reason, c->why);
	text_copy(c->call_host, sizeof c->call_host, "");
	c->call_port = 0;
	if (op == CORE_OP_ENSURE_SLAVE) {
		text_copy(c->call_host, sizeof c->call_host, c->lock.host);
		c->call_port = c->lock.port;
	}
	text_copy(a->call.host, sizeof a->call.host, c->call_host);
	a->call.port = c->call_port;
	if (op == CORE_OP_ENSURE_MASTER) {
		a->call.not_after = c->guard.held;
		a->call.enough = c->state == CORE_STATE_MASTER ||
		    c->now >= core_call_promotion_begun(c) +
		    c->config.catch_up_ms;
		c->maybe_master = c->made_master = true;
	}
	if (op == CORE_OP_POSITION)
		a->call.was_master = c->demotion.was_master ||
		    c->lock.epoch == c->config.resume_epoch;
	c->op = op;
}

void
core_call_demoted(struct core *c)
{
	c->maybe_master = c->made_master = c->unfenced = false;
}

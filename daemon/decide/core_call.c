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
	if (c->op == CORE_NO_OP)
		return;
	core_do(c, CORE_CANCEL);
	c->op = CORE_NO_OP;
	c->call++;		/* an answer that is on its way is too late */
}

void
core_call(struct core *c, enum core_op op, int64_t timeout)
{
	struct core_action	*a = core_do(c, CORE_CALL);

	a->call = ++c->call;
	a->op = op;
	a->epoch = c->epoch;
	a->timeout = timeout;
	text_copy(a->text, sizeof a->text, c->why);
	text_copy(c->call_host, sizeof c->call_host, "");
	c->call_port = 0;
	if (op == CORE_ENSURE_SLAVE) {
		text_copy(c->call_host, sizeof c->call_host, c->lock.host);
		c->call_port = c->lock.port;
	}
	text_copy(a->host, sizeof a->host, c->call_host);
	a->port = c->call_port;
	if (op == CORE_ENSURE_MASTER) {
		a->until = c->held;
		a->yes = c->state == CORE_MASTER ||
		    c->now >= core_call_promotion_begun(c) + c->config.catch_up;
		c->maybe_master = c->made_master = true;
	}
	if (op == CORE_POSITION)
		a->yes = c->was_master ||
		    c->lock.epoch == c->config.resume_epoch;
	c->op = op;
}

void
core_call_demoted(struct core *c)
{
	c->maybe_master = c->made_master = c->unfenced = false;
}

/*
 * plugin_model.c - handler.h: the two handlers of an agent, and the plugin in
 * them.  How long a call takes, and what comes of it, is chance.
 */

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The role's calls, as the core names them. */
static enum core_op
op_of(const struct handler *h)
{
	switch (h->op) {
	case OPERATION_ENSURE_MASTER:
		return CORE_OP_ENSURE_MASTER;
	case OPERATION_ENSURE_SLAVE:
		return CORE_OP_ENSURE_SLAVE;
	case OPERATION_ENSURE_DEMOTED:
		return CORE_OP_ENSURE_DEMOTED;
	default:
		return CORE_OP_POSITION;
	}
}

static const char *
op_name(const struct handler *h)
{
	return h->op == OPERATION_HAS_POSITION ? "has_position" :
	    h->op == OPERATION_BEHIND ? "behind" : core_op_name(op_of(h));
}

static void
call_ended(struct node *n, void *arg, int64_t result)
{
	static const char	*said[] = {
		[HANDLER_DONE] = "so it is", [HANDLER_FAILED] = "it failed",
		[HANDLER_AGAIN] = "not yet", [HANDLER_TIMEOUT] = "no answer",
		[HANDLER_LOST] = "the handler is gone",
	};
	struct handler		*h = arg;
	bool			 role = h == &n->role_handler;

	if (role && n->orphan)
		return;
	h->running = h->at_work = false;
	h->stamp++;
	if (role)
		say(n, "%s: %s", op_name(h), said[result]);
	h->cb((enum handler_result)result, result == HANDLER_DONE &&
	    (h->op == OPERATION_POSITION || h->op == OPERATION_BEHIND) ? h->text : said[result], h->cb_arg);
}

/* What the plugin says of the data. */
static enum handler_result
data_answer(struct handler *h, enum handler_result result)
{
	struct node	*n = h->node;

	if (h->op == OPERATION_BEHIND)
		n->copy.unmeasured = result != HANDLER_DONE;
	if (result != HANDLER_DONE)
		return result;
	if (h->op == OPERATION_POSITION) {
		copy_position(n, h->text, sizeof h->text);
		n->copy.told = n->copy.data;
	} else if (h->op == OPERATION_BEHIND)
		snprintf(h->text, sizeof h->text, "%lld",
		    (long long)copy_behind(n, h->text));
	else if (!copy_has_position(n, h->text))
		return HANDLER_FAILED;
	return HANDLER_DONE;
}

/* What hangs keeps the handler until it is killed, and others from it. */
static int64_t
call_goes_wrong(struct node *n, int64_t takes)
{
	copy_disturbed_for(n, takes < 0 ? n->config.health_deadline : takes);
	return takes;
}

int64_t
node_call_chance(struct node *n, enum core_op op, enum core_result *result)
{
	int64_t	luck = between(0, 99);

	*result = n->alive || op == CORE_OP_ENSURE_DEMOTED ? CORE_RESULT_DONE :
	    CORE_RESULT_FAILED;
	if (world.quiet || (n->trouble == 0 && luck >= world.noise))
		return between(1, 50);
	if (luck % 4 == 0)
		return call_goes_wrong(n, -1);
	if (luck % 4 == 1)
		return call_goes_wrong(n, between(1, luck % 8 == 1 ? 4000 :
		    15000));
	if (luck % 4 == 2)
		*result = CORE_RESULT_FAILED;
	else if (*result == CORE_RESULT_DONE)
		*result = CORE_RESULT_AGAIN;
	return call_goes_wrong(n, between(1, 500));
}

static enum handler_result
as_handled(enum core_result result)
{
	return result == CORE_RESULT_DONE ? HANDLER_DONE :
	    result == CORE_RESULT_AGAIN ? HANDLER_AGAIN : HANDLER_FAILED;
}

static void
handler_take(struct handler *h, const struct handler_call *call, handler_cb cb,
    void *arg)
{
	h->running = true;
	h->op = call->op;
	h->cb = cb;
	h->cb_arg = arg;
	snprintf(h->text, sizeof h->text, "%s", call->what.position == NULL ?
	    "" : call->what.position);
	snprintf(h->host, sizeof h->host, "%s", call->what.master_host == NULL ?
	    "" : call->what.master_host);
}

/*
 * The role's handler.
 */

/* A call that fails may have done it all the same; but never before the copy
 * has what it was told to wait for. */
static enum handler_result
role_promotes(struct node *n, enum handler_result result)
{
	act(n, true);
	n->said = n->half_said = false;	/* what was said of it until now */
	if (!copy_complete(n))
		return result == HANDLER_DONE ? HANDLER_AGAIN : result;
	if (result == HANDLER_DONE || chance(50))
		copy_opens(n);
	return result;
}

/* In the handler: the plugin's call is over, and the agent is told. */
static void
role_has_effect(struct node *n, void *arg, int64_t unused)
{
	struct handler		*h = arg;
	enum handler_result	 result = h->result;

	(void)unused;
	h->at_work = false;
	/* It has died in the call: no plugin that keeps its word says done. */
	if (h->op == OPERATION_ENSURE_MASTER)
		result = n->alive ? role_promotes(n, result) : HANDLER_FAILED;
	else if (op_of(h) == CORE_OP_POSITION)
		result = data_answer(h, result);
	else if (result == HANDLER_DONE) {
		act(n, false);
		if (h->op == OPERATION_ENSURE_SLAVE)
			copy_follows(n, h->host);
	}
	if (n->orphan) {
		h->running = n->orphan = false;
		h->stamp++;
	} else
		world_in(between(50, MS), OF_AGENT, n, call_ended, h, result,
		    &h->stamp);
}

/* Our guard kills it if it has to. */
static void
role_set(struct node *n, uint32_t role)
{
	n->role = role;
	n->role_handler.process(role == 0 ? -1 : (pid_t)role,
	    n->role_handler.process_arg);
}

static void
role_late(struct node *n, void *arg, int64_t due)
{
	struct handler	*h = arg;
	int64_t		 left = due - node_monotonic(n);

	if (n->orphan)
		return;
	if (left > 0) {
		world_in(node_delay(n, left), OF_AGENT, n, role_late, h, due,
		    &h->stamp);
		return;
	}
	say(n, "the handler is killed: no answer in time");
	role_set(n, 0);
	call_ended(n, h, HANDLER_TIMEOUT);
}

/* For the bug: a call that its agent has forgotten, but not killed. */
static void
role_outlives(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->alive)
		act(n, true);
}

void
handler_cancel(struct handler *h)
{
	struct node	*n = h->node;

	if (h->running && h->op == OPERATION_ENSURE_MASTER &&
	    world.bug == BUG_CALL_LIVES_ON)
		world_in(between(MS, 10 * SEC), OF_HOST, n, role_outlives,
		    NULL, 0, NULL);
	if (h->running && n->role != 0)
		role_set(n, 0);
	h->running = h->at_work = n->orphan = false;
	h->stamp++;
}

/* The guard's doing, while the agent lives or after its death. */
void
node_kill_role(struct node *n, uint32_t role)
{
	struct handler	*h = &n->role_handler;

	if (role == 0 || n->role != role)
		return;
	n->role = 0;
	if (!h->running)
		return;
	say(n, "the guard kills the call of %s", op_name(h));
	h->at_work = false;
	h->stamp++;
	if (n->orphan)
		h->running = n->orphan = false;
	else
		world_in(between(50, MS), OF_AGENT, n, call_ended, h,
		    HANDLER_LOST, &h->stamp);
}

/* A handler dies with its agent; what it has started, a script, may live. */
void
plugin_leaves_call(struct node *n)
{
	struct handler	*h = &n->role_handler;

	n->health.running = false;
	n->health.stamp++;
	if (h->running && n->guard != NULL && node_is_guarded(n) &&
	    chance(60) && h->at_work) {
		n->unguarded = n->orphan && n->unguarded;
		n->orphan = true;
		return;
	}
	n->role = 0;
	h->running = false;
	h->stamp++;
}

static void
role_makes_master(struct node *n, const struct handler_call *call)
{
	bool	promoting = n->core->state == CORE_STATE_PROMOTING;

	copy_told_target(n, call->what.target, call->what.previous_host,
	    call->what.enough);
	check_epoch(n, call->what.epoch);
	act(n, n->alive);
	n->woken_until = 0;
	if (promoting)
		n->guarded = n->lease_until != 0 &&
		    n->lease_until <= n->core->guard.until;
	check_masters(n);
	world.counts.promotions += promoting;
}

static void
role_begins(struct handler *h, const struct handler_call *call)
{
	struct node		*n = h->node;
	enum core_result	 result;
	int64_t			 takes;

	if (n->role == 0)
		role_set(n, ++n->roles);
	if (call->what.not_after_ms != 0 &&
	    node_clock(n) >= call->what.not_after_ms &&
	    world.bug != BUG_CALL_UNDATED) {
		say(n, "%s comes too late", op_name(h));
		world_in(between(50, MS), OF_AGENT, n, call_ended, h,
		    HANDLER_FAILED, &h->stamp);
		return;
	}
	takes = node_call_chance(n, op_of(h), &result);
	h->result = as_handled(result);
	n->asked = h->op == OPERATION_ENSURE_DEMOTED ||
	    (n->asked && h->op != OPERATION_ENSURE_MASTER);
	say(n, "calls %s%s%s", op_name(h), h->op == OPERATION_ENSURE_SLAVE ?
	    " of " : "", h->op == OPERATION_ENSURE_SLAVE ? h->host : "");
	if (h->op == OPERATION_ENSURE_MASTER)
		role_makes_master(n, call);
	if (takes >= 0)
		world_in(node_delay(n, takes), OF_HOST, n, role_has_effect, h,
		    0, &h->stamp);
	h->at_work = true;
	world_in(node_delay(n, call->timeout_ms), OF_AGENT, n, role_late, h,
	    node_monotonic(n) + call->timeout_ms, &h->stamp);
}

/* For the bug only: the call waits until Consul has answered.  Where its agent
 * has died before that, it never begins. */
static void
role_after_tag(struct node *n, void *arg, int64_t began)
{
	struct handler		*h = arg;
	struct handler_call	 call = {
		.op = h->op, .timeout_ms = n->config.demote_deadline };

	if (n->orphan) {
		h->running = n->orphan = false;
		h->stamp++;
	} else if (!consul_reaches(n) && world.now - began < 40 * SEC)
		world_in(50 * MS, OF_AGENT, n, role_after_tag, h, began,
		    &h->stamp);
	else
		role_begins(h, &call);
}

/*
 * The health's handler, which also answers what an election asks.
 */

static void
health_answers(struct node *n, void *arg, int64_t result)
{
	struct handler	*h = arg;

	if (h->op == OPERATION_HEALTH)
		parts_look_at_checks(n);
	else
		result = data_answer(h, (enum handler_result)result);
	call_ended(n, h, result);
}

static void
health_begins(struct handler *h, const struct handler_call *call)
{
	struct node		*n = h->node;
	enum handler_result	 result = !n->alive || n->sick > 0 ?
				    HANDLER_FAILED : n->busy > 0 ?
				    HANDLER_AGAIN : HANDLER_DONE;
	int64_t			 takes = between(1, 20);

	if (!world.quiet && n->trouble > 0 && chance(30)) {
		result = chance(50) ? HANDLER_TIMEOUT : HANDLER_LOST;
		takes = call_goes_wrong(n, result == HANDLER_TIMEOUT ?
		    call->timeout_ms : between(1, 500));
	}
	world_in(node_delay(n, takes), OF_AGENT, n, health_answers, h, result,
	    &h->stamp);
}

static void
question_begins(struct handler *h, const struct handler_call *call)
{
	struct node		*n = h->node;
	enum core_result	 luck;
	enum handler_result	 result;
	int64_t			 takes;

	n->questions++;
	if (h->op == OPERATION_BEHIND)
		n->copy.unmeasured = true;
	say(n, "asks its plugin for %s %s", op_name(h), h->text);
	takes = node_call_chance(n, CORE_OP_POSITION, &luck);
	result = as_handled(luck);
	if (takes < 0 || takes >= call->timeout_ms) {
		takes = call->timeout_ms;
		result = HANDLER_TIMEOUT;
	}
	world_in(node_delay(n, takes), OF_AGENT, n, health_answers, h, result,
	    &h->stamp);
}

/*
 * handler.h
 */

bool
handler_call(struct handler *h, const struct handler_call *call, handler_cb cb,
    void *arg)
{
	struct node	*n = h->node;

	if (h->running)
		return false;
	handler_take(h, call, cb, arg);
	if (h == &n->health && call->op == OPERATION_HEALTH)
		health_begins(h, call);
	else if (h == &n->health)
		question_begins(h, call);
	else if (world.bug == BUG_TAG_FIRST &&
	    call->op == OPERATION_ENSURE_DEMOTED)
		world_in(MS, OF_AGENT, n, role_after_tag, h, world.now,
		    &h->stamp);
	else
		role_begins(h, call);
	return true;
}

struct handler *
handler_new(struct event_base *base, const char *name,
    const struct config *config, const struct plugin_description *plugin,
    handler_watch_cb watched, void *arg)
{
	struct node	*n = base->node;
	struct handler	*h = strcmp(name, "role") == 0 ? &n->role_handler :
			    &n->health;

	(void)config;
	(void)plugin;
	if (h == &n->role_handler && n->orphan && !n->unguarded)
		world_fail("%s starts beside a call of the agent before",
		    n->name);
	h->node = n;
	h->watched = watched;
	h->arg = arg;
	return h;
}

/* See plugin_leaves_call(). */
void
handler_free(struct handler *h)
{
	(void)h;
}

void
handler_watch_process(struct handler *h, void (*process)(pid_t, void *),
    void *arg)
{
	h->process = process;
	h->process_arg = arg;
}

void
handler_reload(struct handler *h, const struct plugin_description *plugin)
{
	(void)h;
	(void)plugin;
}

/*
 * node.c - one machine: our agent around the daemon's own core and lock, the
 * handlers with their plugin, the application, and Consul's polls of /health.
 *
 * What agent_*.c and registration.c do is done here in their order; what they
 * stand on (processes, sockets, curl) is chance.
 */

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"

#define HEALTH_PAUSE		100
#define REGISTRATION_INTERVAL_MS	10000

static void	agent_ask_health(struct node *, void *, int64_t);
static void	node_wakes(struct node *);
static void	agent_register(struct node *, void *, int64_t);

/*
 * The application.
 */

void
act(struct node *n, bool yes)
{
	if (n->acting == yes)
		return;
	n->acting = yes;
	n->said = n->half_said = false;
	/* A call of before a pause may make it one as its machine wakes up. */
	if (!yes)
		n->woken_until = 0;
	say(n, yes ? "ACTS AS MASTER" : "does not act as master any more");
	if (yes)
		check_masters(n);
	else
		copy_closes(n);
}

void
application_dies(struct node *n)
{
	if (n->dead++ > 0)
		return;
	n->alive = false;
	copy_disturbed(n);
	say(n, "the application dies");
	act(n, false);
	if (n->watched && n->running)
		world_in(node_delay(n, between(1, HEALTH_PAUSE)), OF_AGENT, n,
		    agent_ask_health, NULL, 0, &n->health_stamp);
}

void
application_starts(struct node *n)
{
	if (--n->dead > 0)
		return;
	n->alive = true;
	copy_disturbed(n);
	say(n, "the application runs again");
}

void
application_repaired(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	application_starts(n);
}

/*
 * The role handler.
 */

static void
call_ended(struct node *n, void *arg, int64_t result)
{
	struct core_event	ev = {
		.type = CORE_EV_CALL_DONE,
		.call = {
			.number = n->call.number,
			.result = (enum core_result)result,
			.text = result == CORE_RESULT_FAILED ? "it failed" :
			    "so it is",
		},
	};

	(void)arg;
	if (n->orphan)
		return;
	n->call.running = false;
	n->call.stamp++;
	if (n->call.op != CORE_OP_POSITION || result != CORE_RESULT_DONE)
		n->final_position[0] = '\0';
	if (world.bug == BUG_DEMOTION_PRESUMED &&
	    n->call.op == CORE_OP_ENSURE_DEMOTED)
		ev.call.result = CORE_RESULT_DONE;
	say(n, "%s: %s", core_op_name(n->call.op), result == CORE_RESULT_DONE ?
	    "done" : result == CORE_RESULT_FAILED ? "failed" : "again");
	agent_event(n, &ev);
}

/* A call that fails may have done it all the same; but never before the copy
 * has what it was told to wait for. */
static enum core_result
call_promotes(struct node *n, enum core_result result)
{
	act(n, true);
	n->said = n->half_said = false;	/* what was said of it until now */
	if (!copy_complete(n))
		return result == CORE_RESULT_DONE ? CORE_RESULT_AGAIN : result;
	if (result == CORE_RESULT_DONE || chance(50))
		copy_opens(n);
	return result;
}

/* What is left with the lock: see handover.c, whose two calls are one here. */
static void
call_tells(struct node *n)
{
	const struct lock_before	*b = lock_before(n->lock);

	copy_position(n, n->final_position, sizeof n->final_position);
	n->leaves = OWN;
	if (n->final || b->position[0] == '\0')
		return;
	n->final = b->final;
	if (!copy_has_position(n, b->position))
		n->leaves = PASS_ON;
}

/* In the handler: the plugin's call is over, and the agent is told. */
static void
call_has_effect(struct node *n, void *arg, int64_t op)
{
	enum core_result	result = n->call.result;

	(void)arg;
	/* It has died in the call: no plugin that keeps its word says done. */
	if (op == CORE_OP_ENSURE_MASTER)
		result = n->alive ? call_promotes(n, result) :
		    CORE_RESULT_FAILED;
	else if (op == CORE_OP_POSITION && result == CORE_RESULT_DONE) {
		if (!n->orphan)
			call_tells(n);
	} else if (result == CORE_RESULT_DONE) {
		act(n, false);
		if (op == CORE_OP_ENSURE_SLAVE)
			copy_follows(n, n->call.host);
	}
	if (n->orphan) {
		n->call.running = n->orphan = false;
		n->call.stamp++;
	} else
		world_in(between(50, MS), OF_AGENT, n, call_ended, NULL,
		    result, &n->call.stamp);
}

/* The same for a call that its agent has forgotten, but not killed. */
static void
call_outlives(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->alive)
		act(n, true);
}

/* Our guard kills it if it has to. */
static void
role_set(struct node *n, uint32_t role)
{
	n->role = role;
	client_role(n);
}

static void
call_late(struct node *n, void *arg, int64_t due)
{
	int64_t	left = due - node_monotonic(n);

	if (n->orphan)
		return;
	if (left > 0) {
		world_in(node_delay(n, left), OF_AGENT, n, call_late, NULL,
		    due, &n->call.stamp);
		return;
	}
	say(n, "the handler is killed: no answer in time");
	role_set(n, 0);
	call_ended(n, arg, CORE_RESULT_FAILED);
}

static void
call_cancel(struct node *n)
{
	if (n->call.running && n->call.op == CORE_OP_ENSURE_MASTER &&
	    world.bug == BUG_CALL_LIVES_ON)
		world_in(between(MS, 10 * SEC), OF_HOST, n, call_outlives,
		    NULL, 0, NULL);
	if (n->call.running && n->role != 0)
		role_set(n, 0);
	n->call.running = n->orphan = false;
	n->call.stamp++;
}

/* The guard's doing, while the agent lives or after its death. */
void
node_kill_role(struct node *n, uint32_t role)
{
	if (role == 0 || n->role != role)
		return;
	n->role = 0;
	if (!n->call.running)
		return;
	say(n, "the guard kills the call of %s", core_op_name(n->call.op));
	n->call.stamp++;
	if (n->orphan)
		n->call.running = n->orphan = false;
	else
		world_in(between(50, MS), OF_AGENT, n, call_ended, NULL,
		    CORE_RESULT_FAILED, &n->call.stamp);
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

static void
call_begin(struct node *n, const struct core_action *a)
{
	int64_t	takes;

	call_cancel(n);
	n->call.running = true;
	n->call.number = a->call.number;
	n->call.op = a->call.op;
	memcpy(n->call.host, a->call.host, sizeof n->call.host);
	n->final = a->call.op == CORE_OP_POSITION && a->call.was_master;
	if (n->role == 0)
		role_set(n, ++n->roles);
	if (a->call.not_after != 0 && node_clock(n) >= a->call.not_after &&
	    world.bug != BUG_CALL_UNDATED) {
		say(n, "%s comes too late", core_op_name(a->call.op));
		world_in(between(50, MS), OF_AGENT, n, call_ended, NULL,
		    CORE_RESULT_FAILED, &n->call.stamp);
		return;
	}
	takes = node_call_chance(n, a->call.op, &n->call.result);
	n->asked = a->call.op == CORE_OP_ENSURE_DEMOTED ||
	    (n->asked && a->call.op != CORE_OP_ENSURE_MASTER);
	say(n, "calls %s%s%s", core_op_name(a->call.op), a->call.op ==
	    CORE_OP_ENSURE_SLAVE ? " of " : "", a->call.host);
	if (a->call.op == CORE_OP_ENSURE_MASTER) {
		copy_told_target(n, lock_before(n->lock), a->call.enough);
		check_epoch(n, a->call.epoch);
		act(n, n->alive);
		n->woken_until = 0;
		if (n->core.state == CORE_STATE_PROMOTING)
			n->guarded = n->file.until != 0 &&
			    n->file.until <= n->core.lease;
		check_masters(n);
		if (n->core.state == CORE_STATE_PROMOTING)
			world.counts.promotions++;
	}
	if (takes >= 0)
		world_in(node_delay(n, takes), OF_HOST, n, call_has_effect,
		    NULL, a->call.op, &n->call.stamp);
	world_in(node_delay(n, a->call.timeout), OF_AGENT, n, call_late, NULL,
	    node_monotonic(n) + a->call.timeout, &n->call.stamp);
}

static void
call_after_tag(struct node *n, void *arg, int64_t began)
{
	const struct core_action	*late = arg;

	if (!consul_reaches(n) && world.now - began < 40 * SEC) {
		world_in(50 * MS, OF_AGENT, n, call_after_tag, arg, began,
		    &n->call.stamp);
		return;
	}
	call_begin(n, late);
}

/* For the bug only: the action waits until Consul has answered. */
static void
call_with_tag(struct node *n, const struct core_action *a)
{
	static struct core_action	late[NODES_MAX];

	call_cancel(n);
	late[n->id] = *a;
	world_in(MS, OF_AGENT, n, call_after_tag, &late[n->id], world.now,
	    &n->call.stamp);
}

/*
 * Health.
 */

static void
health_done(struct node *n, void *arg, int64_t health)
{
	struct core_event	ev = {
		.type = CORE_EV_HEALTH,
		.health = {
			.verdict = (enum core_health)health,
			.text = health == CORE_HEALTH_OK ? "fine" :
			    health == CORE_HEALTH_BUSY ? "busy" : "sick",
		},
	};
	struct core_event	file = {
		.type = CORE_EV_DISABLED,
		.disabled = {
			.exists = n->disabled > 0,
			.file = "the disable file",
		},
	};
	struct core_event	check = {
		.type = CORE_EV_YIELD,
		.yield = { .wanted = n->yields > 0, .why = "a check" },
	};

	(void)arg;
	n->verdict = ev.health.verdict;
	n->health_stamp++;
	n->health_busy = false;
	world_in(node_delay(n, n->health_again ? HEALTH_PAUSE :
	    n->config.health_interval), OF_AGENT, n, agent_ask_health, NULL, 0,
	    &n->health_stamp);
	n->health_again = false;
	electing_soon(n);
	if (file.disabled.exists != n->was_disabled) {
		n->was_disabled = file.disabled.exists;
		agent_event(n, &file);
	}
	if (check.yield.wanted != n->yielding) {
		n->yielding = check.yield.wanted;
		electing_rank(n);
		agent_event(n, &check);
	}
	if (!n->tried) {
		n->tried = true;
		agent_register(n, NULL, 0);
	}
	agent_event(n, &ev);
}

static void
agent_ask_health(struct node *n, void *arg, int64_t unused)
{
	enum core_health	health = !n->alive || n->sick > 0 ?
				    CORE_HEALTH_BAD : n->busy > 0 ?
				    CORE_HEALTH_BUSY : CORE_HEALTH_OK;
	int64_t			takes = between(1, 20);

	(void)unused;
	n->health_again = n->health_busy;
	if (n->health_busy)
		return;
	n->health_stamp++;
	n->health_busy = true;
	if (!world.quiet && n->trouble > 0 && chance(30)) {
		takes = call_goes_wrong(n, n->config.health_deadline);
		health = CORE_HEALTH_BAD;
	}
	world_in(node_delay(n, takes), OF_AGENT, n, health_done, arg, health,
	    &n->health_stamp);
}

void
agent_health_soon(struct node *n)
{
	n->health_stamp++;
	world_in(1, OF_AGENT, n, agent_ask_health, NULL, 0, &n->health_stamp);
}

/* Consul polls /health, which the agent answers from what it knows. */
static void
poll_health(struct node *n, void *arg, int64_t unused)
{
	bool	fine = n->running && n->stopped == 0 &&
		    (n->published == CORE_HEALTH_OK ||
		    n->published == CORE_HEALTH_BUSY);

	(void)unused;
	world_in(node_delay(n, n->config.check_interval), OF_HOST, n,
	    poll_health, arg, 0, NULL);
	if (!n->registered || n->consul_down > 0 || n->consul_frozen > 0)
		return;
	n->polls_failed = fine ? 0 : n->polls_failed + 1;
	if (fine != n->check && (fine ||
	    n->polls_failed >= n->config.check_failures))
		consul_set_check(n, fine);
}

/*
 * Registration: what registration.c comes to.
 */

static void
agent_identify(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	n->identified = true;
	electing_identify(n);
	lock_identify(n->lock, n->name, n->host);
}

static void
agent_register(struct node *n, void *arg, int64_t failures)
{
	bool	ok = consul_reaches(n) && n->cut_local == 0 &&
		    consul_has_leader();

	n->registration_stamp++;
	world_in(node_delay(n, ok ? REGISTRATION_INTERVAL_MS :
	    failures < 4 ? 250 << failures : 5000), OF_AGENT, n,
	    agent_register, arg, ok ? 0 : failures + 1,
	    &n->registration_stamp);
	if (!ok)
		return;
	if (!n->registered) {
		n->identified = false;
		consul_register_service(n);
	}
	if (!n->identified)
		world_in(between(MS, 20 * MS), OF_AGENT, n, agent_identify,
		    NULL, 0, &n->life);
}

static void
agent_look_at_registration(struct node *n)
{
	if (!n->tried)
		return;
	n->registration_stamp++;
	world_in(between(MS, 5 * MS), OF_AGENT, n, agent_register, NULL, 0,
	    &n->registration_stamp);
}

/*
 * The agent: the core's actions, and the lock's news.
 */

/* In good order the guard goes with it; else it takes over. */
static void
agent_ends(struct node *n)
{
	say(n, "the agent ends%s", n->clean_stop ? "" : ", in a hurry");
	if (n->clean_stop)
		client_stop(n, true);
	agent_kill(n);
}

static void
agent_gone(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (!consul_reaches(n) || n->cut_local > 0 || !consul_has_leader())
		n->clean_stop = false;
	else if (n->registered && n->deregisters)
		consul_deregister_service(n);
	agent_ends(n);
}

static void
agent_left_late(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	n->clean_stop = false;
	agent_ends(n);
}

static void
agent_left(void *arg)
{
	struct node	*n = arg;

	world_in(between(MS, 5 * MS), OF_AGENT, n, agent_gone, NULL, 0,
	    &n->life);
}

static void
agent_leave(struct node *n, bool demoted, bool deregister)
{
	n->clean_stop = demoted;
	n->deregisters = deregister;
	world_in(node_delay(n, 2 * n->config.request_timeout + 1000), OF_AGENT,
	    n, agent_left_late, NULL, 0, &n->life);
	if (deregister)
		candidates_leave(n->candidates);
	lock_leave(n->lock, agent_left, n);
}

static void
agent_changed(struct node *n, const struct core_action *a)
{
	say(n, "%s -> %s: %s", core_state_name(a->changed.from),
	    core_state_name(a->changed.to), a->changed.text);
	if (a->changed.to == CORE_STATE_MASTER) {
		lock_settle(n->lock);
		world.counts.failovers += world.master >= 0 &&
		    world.master != n->id;
		world.master = n->id;
	}
	if (a->changed.to == CORE_STATE_DEMOTING &&
	    world.bug == BUG_RELEASE_FIRST &&
	    lock_session(n->lock)[0] != '\0')
		lock_release(n->lock, true, "", false);
	if (a->changed.to == CORE_STATE_DEMOTING &&
	    world.bug == BUG_POSITION_EARLY)
		copy_position(n, n->early_position, sizeof n->early_position);
	if (a->changed.to == CORE_STATE_CANDIDATE)
		candidates_look(n->candidates);
	faults_moment(n, (int)a->changed.to);
}

void
agent_guard(struct node *n, enum core_guard what, int64_t until)
{
	struct core_event	ev = {
		.type = CORE_EV_GUARD,
		.guard = { .what = what, .until = until, .text = "" },
	};

	agent_event(n, &ev);
}

/* For the bug only: it believes to have heard of the guard. */
static void
agent_hears_itself(struct node *n, void *arg, int64_t until)
{
	(void)arg;
	agent_guard(n, CORE_GUARD_HOLDS, until);
}

static void
agent_lease(struct node *n, const struct core_action *a)
{
	struct core_action	late = *a;

	if (world.bug == BUG_SILENCE_TRUSTED && !a->lease.demote_now &&
	    n->core.state == CORE_STATE_DEMOTING)
		late.lease.until = a->lease.by + n->config.demote_deadline;
	client_lease(n, &late);
	if (world.bug == BUG_GUARD_UNANSWERED)
		world_in(MS / 10, OF_AGENT, n, agent_hears_itself, NULL,
		    a->lease.until, &n->life);
}

static void
agent_remember(struct node *n, const char *session, uint64_t epoch)
{
	snprintf(n->run_session, sizeof n->run_session, "%s", session);
	memcpy(n->file_session, n->run_session, sizeof n->file_session);
	n->file_epoch = n->run_epoch = epoch;
}

/* That the copy may still be a master: while a guard is there in time, it must
 * not be believed before that has tried all it can. */
void
node_said(struct node *n, bool tried)
{
	n->half_said = n->acting && n->asked;
	if (!n->half_said || (!tried && world.fences && node_is_guarded(n) &&
	    n->woken_until == 0))
		return;
	world.counts.warned += !n->said;
	n->said = true;
}

/* With what is left for the next one. */
static void
agent_release(struct node *n, const struct core_action *a)
{
	bool		 clean = a->release.clean ||
			    world.bug == BUG_ALWAYS_CLEAN;
	bool		 with_position = a->release.with_position;
	const char	*position = with_position ? n->final_position : "";

	if (world.bug == BUG_OLD_READ)
		lock_look(n->lock);
	if (world.bug == BUG_POSITION_UNAWAITED)
		position = "";
	if (world.bug == BUG_POSITION_EARLY && with_position)
		position = n->early_position;
	if (with_position && n->leaves == PASS_ON &&
	    position == n->final_position)
		lock_pass_on(n->lock, clean);
	else
		lock_release(n->lock, clean, position, n->final);
}

static void
agent_perform(struct node *n, const struct core_action *a)
{
	switch (a->type) {
	case CORE_DO_WANT_SESSION:
		lock_want_session(n->lock, a->session.wanted);
		break;
	case CORE_DO_ELECT:
		elect(n, a->elect.begin);
		break;
	case CORE_DO_ACQUIRE:
		lock_acquire(n->lock, a->acquire.epoch);
		break;
	case CORE_DO_LOOK:
		lock_look(n->lock);
		break;
	case CORE_DO_RELEASE:
		agent_release(n, a);
		break;
	case CORE_DO_CALL:
		if (world.bug == BUG_TAG_FIRST &&
		    a->call.op == CORE_OP_ENSURE_DEMOTED)
			call_with_tag(n, a);
		else
			call_begin(n, a);
		break;
	case CORE_DO_CANCEL:
		call_cancel(n);
		break;
	case CORE_DO_PUBLISH:
		n->published = a->publish.health;
		break;
	case CORE_DO_REMEMBER:
		/* Nothing to go on with: not even the session. */
		agent_remember(n, a->remember.epoch == 0 ? "" :
		    lock_session(n->lock), a->remember.epoch);
		break;
	case CORE_DO_CHANGED:
		agent_changed(n, a);
		break;
	case CORE_DO_SAY:
		say(n, "says: %s", a->say.text);
		node_said(n, false);
		break;
	case CORE_DO_LEAVE:
		agent_leave(n, a->leave.demoted, a->leave.deregister);
		break;
	case CORE_DO_LEASE:
		agent_lease(n, a);
		break;
	case CORE_DO_END_LEASE:
		client_end(n);
		break;
	case CORE_DO_SET_TAG:
		break;
	}
}

static void
agent_tick(struct node *n, void *arg, int64_t unused)
{
	struct core_event	ev = { .type = CORE_EV_TICK };

	(void)arg;
	(void)unused;
	agent_event(n, &ev);
}

/* A timerfd of CLOCK_BOOTTIME, set to the moment itself. */
static void
agent_set_wake(struct node *n)
{
	int64_t	left = n->core.wake - node_clock(n);

	n->wake_stamp++;
	if (n->core.wake != INT64_MAX)
		world_in(left > 0 ? node_delay(n, left) : 1, OF_AGENT, n,
		    agent_tick, NULL, 0, &n->wake_stamp);
}

static int
action_moment(const struct core_action *a)
{
	if (a->type == CORE_DO_CALL && a->call.op == CORE_OP_ENSURE_DEMOTED)
		return MOMENT_OF_DEMOTION;
	if (a->type == CORE_DO_CALL && a->call.op == CORE_OP_ENSURE_MASTER)
		return MOMENT_OF_PROMOTION;
	return MOMENT_OF_ACTION + (int)a->type;
}

/* A fault may come between what is decided and what is done. */
static void
agent_keep(struct node *n, const struct core_actions *todo, size_t i)
{
	for (; i < todo->count; i++) {
		if (n->rest.count == CORE_ACTIONS)
			abort();
		n->rest.list[n->rest.count++] = todo->list[i];
	}
}

static void
agent_do(struct node *n, const struct core_actions *todo)
{
	size_t	i;

	for (i = 0; i < todo->count && n->rest.count == 0; i++) {
		if (faults_moment(n, action_moment(&todo->list[i])))
			break;
		agent_perform(n, &todo->list[i]);
	}
	agent_keep(n, todo, i);
	if (n->rest.count == 0)
		candidates_session(n->candidates, lock_session(n->lock));
	agent_set_wake(n);
}

void
agent_goes_on(struct node *n)
{
	struct core_actions	rest;

	if (n->rest.count == 0)
		return;
	rest = n->rest;
	n->rest.count = 0;
	if (n->running)
		agent_do(n, &rest);
}

void
agent_event(struct node *n, const struct core_event *ev)
{
	struct core_actions	todo;

	core_event(&n->core, ev, node_clock(n), &todo);
	if (n->core.broken != NULL)
		world_fail("%s: it is not true that %s", n->name,
		    n->core.broken);
	agent_do(n, &todo);
}

static void
agent_lock_plant_bug(struct node *n, struct core_lock *l)
{
	if (l->owner == CORE_LOCK_FREE && (world.bug == BUG_SHORT_DELAY ||
	    (world.bug == BUG_NO_GRACE && l->epoch == 0)))
		l->clean = true;
	if (world.bug == BUG_OLD_READ && l->owner == CORE_LOCK_OURS &&
	    l->at <= n->core.given_back_at)
		l->at = n->core.given_back_at + 1;
}

static void
agent_lock_seen(const struct core_lock *lock, void *arg)
{
	struct node		*n = arg;
	struct core_lock	 l = *lock;
	struct core_event	 ev = { .type = CORE_EV_LOCK, .lock = &l };

	agent_lock_plant_bug(n, &l);
	agent_event(n, &ev);
	if (n->core.lock.owner == CORE_LOCK_FREE)
		stand_aside(n);
	if (world.bug == BUG_COMPARED_EARLY)
		elect_early(n);
}

/* For the bug only. */
void
agent_renewed(struct node *n, int64_t sent_at)
{
	struct core_lock	l = n->core.lock;
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	if (l.owner != CORE_LOCK_OURS)
		return;
	l.at = sent_at;
	l.proof = true;
	agent_event(n, &ev);
}

static void
agent_lock_refused(bool usual, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_REFUSED,
				    .refused = { .held = usual } };

	(void)text;
	agent_event(arg, &ev);
}

static void
agent_session(bool yes, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_SESSION,
				    .session = { .exists = yes } };
	struct node		*n = arg;

	if (!yes) {
		say(n, "its session is gone: %s", text);
		agent_look_at_registration(n);
	} else if (strcmp(text, n->run_session) != 0)
		agent_remember(n, text, n->run_epoch);
	agent_event(n, &ev);
}

static void
agent_released(bool yes, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_RELEASED,
				    .released = { .known = yes } };

	(void)text;
	agent_event(arg, &ev);
}

static void
agent_write_trouble(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

static void
agent_trouble(const char *text, void *arg)
{
	struct core_event	 ev = { .type = CORE_EV_ELECTION_VOID };
	struct node		*n = arg;

	if (text[0] != '\0')
		return;
	candidates_refresh(n->candidates);
	if (!candidates_are_current(n->candidates) && n->core.elected_at >= 0)
		agent_event(n, &ev);
}

static const struct lock_events lock_events = {
	.seen = agent_lock_seen,
	.refused = agent_lock_refused,
	.session = agent_session,
	.released = agent_released,
	.key_trouble = agent_trouble,
	.write_trouble = agent_write_trouble,
	.session_trouble = agent_trouble,
};

/* A waiter that does not look whether the lock is free. */
static void
agent_blind(struct node *n, void *arg, int64_t unused)
{
	(void)unused;
	if (n->core.state == CORE_STATE_SLAVE)
		lock_acquire(n->lock, n->core.lock.epoch);
	world_in(node_delay(n, 50), OF_AGENT, n, agent_blind, arg, 0,
	    &n->life);
}

static void
agent_resume_unread(struct node *n)
{
	struct core_lock	l = {
		.owner = CORE_LOCK_OURS, .proof = true, .at = node_clock(n),
		.epoch = n->run_epoch,
	};
	struct core_event	session = { .type = CORE_EV_SESSION,
				    .session = { .exists = true } };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	agent_event(n, &session);
	agent_event(n, &ev);
}

/*
 * The agent's life.
 */

static void
agent_start_core(struct node *n)
{
	const struct config	*g = &n->config;
	struct core_config	 c = {
		.fuse = g->fuse,
		.demote_deadline = g->demote_deadline,
		.request_timeout = g->request_timeout,
		.lock_delay = g->lock_delay,
		.role_interval = g->role_interval,
		.master_deadline = g->master_deadline,
		.slave_deadline = g->slave_deadline,
		.busy_limit = g->busy_limit,
		.promote_limit = g->promote_limit,
		.catch_up = g->catch_up,
		.election_wait = g->election_wait,
		.can_demote = true,
		.can_tell = world.tells,
		.never_master = g->never_master,
		.resume_epoch = n->run_epoch,
		.inherited_lease = n->inherited,
	};

	core_init(&n->core, &c, node_clock(n));
	agent_tick(n, NULL, 0);
}

void
agent_start(struct node *n)
{
	if (n->running || n->starting)
		return;
	n->starting = true;
	n->identified = n->tried = n->stopping = false;
	n->was_disabled = n->yielding = false;
	n->published = CORE_HEALTH_UNKNOWN;
	n->rest.count = 0;
	say(n, "the agent starts");
	client_start(n);
}

/* Its guard stands, and nobody else is at work on the copy. */
void
agent_started(struct node *n, int64_t inherited)
{
	struct core_event	stop = { .type = CORE_EV_STOP,
				    .stop = { .why = "SIGTERM" } };

	n->starting = false;
	n->running = true;
	n->inherited = inherited;
	memcpy(n->run_session, n->file_session, sizeof n->run_session);
	n->run_epoch = n->file_epoch;
	copy_disturbed(n);
	n->copy.election_epoch = UINT64_MAX;
	electing_start(n);
	n->lock = lock_new(&n->base, &n->consul, &n->config, n->run_session,
	    &lock_events, n);
	agent_start_core(n);
	agent_ask_health(n, NULL, 0);
	if (world.bug == BUG_BLIND_ACQUIRE)
		agent_blind(n, NULL, 0);
	if (world.bug == BUG_RESUME_UNREAD && n->run_epoch != 0)
		agent_resume_unread(n);
	if (n->stopping)
		agent_event(n, &stop);
}

static void
agent_starts_again(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->down == 0)
		agent_start(n);
}

void
agent_not_started(struct node *n)
{
	say(n, "the agent ends: it has no guard");
	agent_kill(n);
	world_in(SEC, OF_WORLD, n, agent_starts_again, NULL, 0, NULL);
}

/* A handler dies with its agent; what it has started, a script, may live. */
static void
agent_leaves_call(struct node *n)
{
	if (n->call.running && n->guard != NULL && node_is_guarded(n) &&
	    chance(60)) {
		n->orphan = true;
		return;
	}
	n->role = 0;
	n->call.running = false;
	n->call.stamp++;
}

/* In the demotion that is forgiven: its guard begins a new one. */
static void
agent_interrupted(struct node *n)
{
	if (n->acting && world.now <= n->woken_until)
		node_wakes(n);
}

/* It may stand still as it is killed. */
void
agent_kill(struct node *n)
{
	if (!n->running && !n->starting)
		return;
	agent_leaves_call(n);
	n->running = n->starting = n->stopping = false;
	n->life++;
	n->wake_stamp++;
	n->registration_stamp++;
	n->health_stamp++;
	copy_disturbed(n);
	agent_interrupted(n);
	client_stop(n, false);
	electing_end(n);
	lock_free(n->lock);
	n->lock = NULL;
	if (n->stopped > 0) {
		n->stopped = 0;
		if (n->suspended == 0)
			world_resume(n);
	}
	node_helpless_changed(n);
}

void
agent_stop(struct node *n)
{
	struct core_event	ev = { .type = CORE_EV_STOP,
				    .stop = { .why = "SIGTERM" } };

	if ((!n->running && !n->starting) || n->stopping)
		return;
	n->stopping = true;
	say(n, "the agent is told to stop");
	if (n->starting)
		return;
	if (world.bug == BUG_DESTROY_FIRST)
		agent_leave(n, true, true);
	else
		agent_event(n, &ev);
}

void
agent_pause(struct node *n, bool yes)
{
	n->stopped += yes ? 1 : -1;
	copy_disturbed(n);
	if (yes)
		agent_interrupted(n);
	if (n->stopped == 0 && n->suspended == 0)
		world_resume(n);
	node_helpless_changed(n);
}

/* Its first act must be to demote; that is all that is forgiven: see acts() */
static void
node_woken(struct node *n, void *arg, int64_t again)
{
	(void)arg;
	n->woken_until = world.now - 1;
	if (again && ((n->running && n->stopped == 0 &&
	    n->core.state == CORE_STATE_DEMOTING) ||
	    node_guard_demotes(n))) {
		n->woken_until += node_delay(n, n->config.demote_deadline) +
		    400 * MS;
		world_in(n->woken_until - world.now, OF_HOST, n, node_woken,
		    NULL, false, &n->woken_stamp);
	} else if (again && node_guard_fires_soon(n)) {
		n->woken_until = world.now + 100 * MS;
		world_in(100 * MS, OF_HOST, n, node_woken, NULL, true,
		    &n->woken_stamp);
	}
	check_masters(n);
}

static void
node_wakes(struct node *n)
{
	world.counts.woken += n->acting;
	n->woken_until = world.now + 100 * MS;
	n->woken_stamp++;
	world_in(100 * MS, OF_HOST, n, node_woken, NULL, true,
	    &n->woken_stamp);
}

/* With agent and guard gone or still, nobody can end a mastership, nor with the
 * guard still that fires for an agent whose plugin has failed to; whoever
 * comes back ends it at once, if the lease has run out meanwhile. */
void
node_helpless_changed(struct node *n)
{
	bool	was = n->helpless, had_guard = n->had_guard;

	n->had_guard = node_is_guarded(n);
	n->helpless = (!n->running || n->stopped > 0 || n->half_said) &&
	    !node_is_guarded(n);
	if (!was && n->helpless)
		n->interrupted = n->acting && world.now <= n->woken_until;
	/* The guard was at it, and has left it to an agent that came to later. */
	if (!was && !n->helpless && had_guard && !n->had_guard &&
	    n->acting && world.now <= n->woken_until)
		node_wakes(n);
	if (!was || n->helpless)
		return;
	/* Or it was in the demotion that is forgiven, under a lease of moments. */
	if (n->file.until != 0 && (n->interrupted ||
	    node_clock(n) >= n->file.until + LEASE_SLACK))
		node_wakes(n);
	check_masters(n);
}

void
host_suspend(struct node *n, bool yes)
{
	if (yes && n->suspended++ == 0) {
		n->suspended_at = node_boottime(n);
		n->woken_stamp++;
	} else if (!yes && --n->suspended == 0) {
		n->slept += node_boottime(n) - n->suspended_at;
		node_wakes(n);
		world_resume(n);
	}
	consul_path_changed(n);
}

void
node_begin(struct node *n, int id, const struct config *config)
{
	n->id = id;
	snprintf(n->name, sizeof n->name, "n%d", id + 1);
	snprintf(n->host, sizeof n->host, "10.0.0.%d", id + 1);
	n->config = *config;
	n->ppm = between(-10000, 10000);
	n->boot_zero = between(1000, 100000000);
	n->alive = n->serf = true;
	n->watched = chance(50);
	copy_begin(n);
	n->base.node = n;
	n->consul = (struct consul){ .node = n, .life = &n->life,
	    .whose = OF_AGENT };
	n->helpless = true;
	world_in(between(0, config->check_interval * MS), OF_HOST, n,
	    poll_health, NULL, 0, NULL);
}

void
node_end(struct node *n)
{
	agent_kill(n);
}

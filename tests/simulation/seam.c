/*
 * seam.c - what passes between the daemon's own objects: ld's --wrap leads the
 * calls that are named in meson.build through here.
 *
 * What the agent reports to its core, and what the core wants done, is looked at
 * for the invariants.  Between two actions the agent may be killed or paused.
 * Most of the planted bugs are here, too.
 */

#include "sim.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "elector.h"

#define RECORDS_MAX	64

void	__real_core_event(struct core *, const struct core_event *, int64_t,
	    struct core_actions *);
void	__wrap_core_event(struct core *, const struct core_event *, int64_t,
	    struct core_actions *);
void	__real_agent_perform(struct agent *, const struct core_action *);
void	__wrap_agent_perform(struct agent *, const struct core_action *);
void	__real_agent_settle(struct agent *);
void	__wrap_agent_settle(struct agent *);
void	__real_lock_release(struct lock *, bool, const char *, bool);
void	__wrap_lock_release(struct lock *, bool, const char *, bool);
void	__real_lock_pass_on(struct lock *, bool);
void	__wrap_lock_pass_on(struct lock *, bool);
void	__real_election_records(struct election *,
	    const struct election_record *, size_t, bool);
void	__wrap_election_records(struct election *,
	    const struct election_record *, size_t, bool);
bool	__real_election_is_void(struct election *);
bool	__wrap_election_is_void(struct election *);
bool	__real_core_stands_aside(const struct core *);
bool	__wrap_core_stands_aside(const struct core *);
void	__real_candidates_publish(struct candidates *, uint64_t, const char *,
	    const char *const *);
void	__wrap_candidates_publish(struct candidates *, uint64_t, const char *,
	    const char *const *);
bool	__real_candidates_identify(struct candidates *, const char *, bool,
	    int64_t);
bool	__wrap_candidates_identify(struct candidates *, const char *, bool,
	    int64_t);

/*
 * What the agent reports.
 */

static void
plant_in_lock(const struct core *c, struct core_lock *l)
{
	if (l->owner == CORE_LOCK_FREE && (world.bug == BUG_SHORT_DELAY ||
	    (world.bug == BUG_NO_GRACE && l->epoch == 0)))
		l->clean = true;
	if (world.bug == BUG_NO_GRACE)
		l->made = false;
	if (world.bug == BUG_OLD_READ && l->owner == CORE_LOCK_OURS &&
	    l->at <= c->given_back_at)
		l->at = c->given_back_at + 1;
}

/* For the bug only: as soon as the lock is seen free. */
static void
elects_early(struct node *n, void *arg, int64_t unused)
{
	struct agent		*a = n->agent;
	const struct core	*c = n->core;

	(void)arg;
	(void)unused;
	if (n->early_epoch == c->lock.epoch || c->electing ||
	    c->lock.owner != CORE_LOCK_FREE || c->lock.clean)
		return;
	n->early_epoch = c->lock.epoch;
	n->early_ready = false;
	elector_elect(a->elector, true, lock_before(a->lock));
}

/* True: that is not for the core. */
static bool
see_elected(struct node *n, const struct core_event *ev)
{
	const char	*why = elector_reason(n->agent->elector);

	say(n, "election: %s%s%s", ev->elected.take ?
	    "it shall take the lock" : "it must not", why[0] == '\0' ? "" :
	    ", although ", why);
	if (world.bug == BUG_COMPARED_EARLY && !n->core->electing) {
		n->early_ready = true;
		return true;
	}
	copy_elected(n);
	return false;
}

/*
 * What the core wants done.
 */

static void
elected_blindly(struct node *n, void *arg, int64_t unused)
{
	struct core_event	ev = { .type = CORE_EV_ELECTED,
				    .elected = { .take = true } };

	(void)arg;
	(void)unused;
	if (n->core->electing)
		agent_event(n->agent, &ev);
}

static void
see_election(struct node *n, struct core_action *a)
{
	if (!a->elect.begin)
		return;
	copy_election_begins(n);
	if (world.bug != BUG_UNCOMPARED &&
	    (world.bug != BUG_COMPARED_EARLY || !n->early_ready ||
	    n->early_epoch != n->core->lock.epoch))
		return;
	a->elect.begin = false;
	world_in(1, OF_AGENT, n, elected_blindly, NULL, 0, &n->life);
}

static void
see_change(struct node *n, const struct core_action *a)
{
	if (a->changed.to == CORE_STATE_MASTER) {
		world.counts.failovers += world.master >= 0 &&
		    world.master != n->id;
		world.master = n->id;
	}
	if (a->changed.to == CORE_STATE_DEMOTING &&
	    world.bug == BUG_RELEASE_FIRST &&
	    lock_session(n->agent->lock)[0] != '\0')
		__real_lock_release(n->agent->lock, true, "", false);
	if (a->changed.to == CORE_STATE_DEMOTING &&
	    world.bug == BUG_POSITION_EARLY)
		copy_position(n, n->early_position, sizeof n->early_position);
	faults_moment(n, (int)a->changed.to);
}

void
__wrap_core_event(struct core *c, const struct core_event *ev, int64_t now,
    struct core_actions *todo)
{
	struct node		*n = world.current;
	struct core_event	 e = *ev;
	struct core_lock	 lock;
	size_t			 i;

	n->core = c;
	n->agent = (struct agent *)((char *)c - offsetof(struct agent, core));
	todo->count = 0;
	if (e.type == CORE_EV_ELECTED && see_elected(n, &e))
		return;
	if (e.type == CORE_EV_LOCK) {
		lock = *e.lock;
		plant_in_lock(c, &lock);
		e.lock = &lock;
	}
	if (e.type == CORE_EV_CALL_DONE && c->op == CORE_OP_ENSURE_DEMOTED &&
	    world.bug == BUG_DEMOTION_PRESUMED)
		e.call.result = CORE_RESULT_DONE;
	__real_core_event(c, &e, now, todo);
	if (c->broken != NULL)
		world_fail("%s: it is not true that %s", n->name, c->broken);
	for (i = 0; i < todo->count; i++)
		if (todo->list[i].type == CORE_DO_ELECT)
			see_election(n, &todo->list[i]);
		else if (todo->list[i].type == CORE_DO_CHANGED)
			see_change(n, &todo->list[i]);
	if (e.type == CORE_EV_LOCK && world.bug == BUG_COMPARED_EARLY)
		world_in(1, OF_AGENT, n, elects_early, NULL, 0, &n->life);
}

/*
 * A fault may come between what is decided and what is done.
 */

static int
action_moment(const struct core_action *a)
{
	if (a->type == CORE_DO_CALL && a->call.op == CORE_OP_ENSURE_DEMOTED)
		return MOMENT_OF_DEMOTION;
	if (a->type == CORE_DO_CALL && a->call.op == CORE_OP_ENSURE_MASTER)
		return MOMENT_OF_PROMOTION;
	return MOMENT_OF_ACTION + (int)a->type;
}

void
__wrap_agent_perform(struct agent *a, const struct core_action *act)
{
	struct node	*n = world.current;

	if (n->rest.count == 0 && !faults_moment(n, action_moment(act))) {
		__real_agent_perform(a, act);
		if (act->type == CORE_DO_SAY)
			node_said(n, false);
		return;
	}
	if (n->rest.count == CORE_ACTIONS)
		abort();
	n->rest.list[n->rest.count++] = *act;
}

void
__wrap_agent_settle(struct agent *a)
{
	struct node	*n = world.current;

	n->unsettled = n->rest.count > 0;
	if (!n->unsettled)
		__real_agent_settle(a);
}

void
agent_goes_on(struct node *n)
{
	struct core_actions	rest;
	size_t			i;

	if (n->rest.count == 0)
		return;
	rest = n->rest;
	n->rest.count = 0;
	if (!n->running)
		return;
	for (i = 0; i < rest.count; i++)
		__wrap_agent_perform(n->agent, &rest.list[i]);
	if (n->unsettled)
		__wrap_agent_settle(n->agent);
}

/*
 * What is left with the lock.
 */

void
__wrap_lock_release(struct lock *l, bool clean, const char *position,
    bool final)
{
	struct node	*n = world.current;

	if (world.bug == BUG_OLD_READ)
		lock_look(l);
	if (world.bug == BUG_POSITION_UNAWAITED)
		position = "";
	if (world.bug == BUG_POSITION_EARLY && position[0] != '\0')
		position = n->early_position;
	__real_lock_release(l, clean || world.bug == BUG_ALWAYS_CLEAN,
	    position, final);
}

void
__wrap_lock_pass_on(struct lock *l, bool clean)
{
	if (world.bug == BUG_POSITION_UNAWAITED ||
	    world.bug == BUG_POSITION_EARLY)
		__wrap_lock_release(l, clean, world.current->early_position,
		    world.current->agent->handover.final);
	else {
		if (world.bug == BUG_OLD_READ)
			lock_look(l);
		__real_lock_pass_on(l, clean ||
		    world.bug == BUG_ALWAYS_CLEAN);
	}
}

/*
 * Elections.
 */

/* For the bugs only: the records as a node takes them to be. */
void
__wrap_election_records(struct election *e, const struct election_record *r,
    size_t count, bool current)
{
	static struct election_record	 taken[NODES_MAX][RECORDS_MAX];
	static const char		*const nobody[] = { NULL };
	struct election_record		*mine = taken[world.current->id];
	size_t				 i;

	if (count > RECORDS_MAX || (world.bug != BUG_OLD_RECORDS &&
	    world.bug != BUG_YIELDS_IGNORED && world.bug != BUG_DEAD_RECORD)) {
		__real_election_records(e, r, count, current);
		return;
	}
	for (i = 0; i < count; i++) {
		mine[i] = r[i];
		if (world.bug == BUG_OLD_RECORDS && r[i].epoch != UINT64_MAX)
			mine[i].epoch = world.current->core->lock.epoch;
		if (world.bug == BUG_YIELDS_IGNORED)
			mine[i].yields = nobody;
		if (world.bug == BUG_DEAD_RECORD)
			mine[i].alive = true;
	}
	__real_election_records(e, mine, count, current);
}

bool
__wrap_election_is_void(struct election *e)
{
	return world.bug != BUG_DECISION_HOLDS && __real_election_is_void(e);
}

bool
__wrap_core_stands_aside(const struct core *c)
{
	return __real_core_stands_aside(c) || (world.bug == BUG_ASIDE_EARLY &&
	    c->state == CORE_STATE_CANDIDATE && !c->lock.clean);
}

void
__wrap_candidates_publish(struct candidates *c, uint64_t epoch,
    const char *position, const char *const *yields)
{
	if (yields != NULL && yields[0] != NULL && strcmp(yields[0], "*") == 0)
		world.current->aside_epoch = epoch;
	__real_candidates_publish(c, epoch, position, yields);
}

/* What the record said of a free lock is gone from it, or of before. */
bool
__wrap_candidates_identify(struct candidates *c, const char *node,
    bool compares, int64_t priority)
{
	bool	anew = __real_candidates_identify(c, node, compares, priority);

	if (anew)
		world.current->aside_epoch = 0;
	return anew;
}

/*
 * The other bugs.
 */

/* A renewed session is taken for a proof. */
void
agent_renewed(struct node *n, int64_t sent_at)
{
	struct core_lock	l = n->core->lock;
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	if (l.owner != CORE_LOCK_OURS)
		return;
	l.at = sent_at;
	l.proof = true;
	agent_event(n->agent, &ev);
}

/* A waiter that does not look whether the lock is free. */
static void
acquires_blindly(struct node *n, void *arg, int64_t unused)
{
	(void)unused;
	if (n->core->state == CORE_STATE_SLAVE)
		lock_acquire(n->agent->lock, n->core->lock.epoch);
	world_in(node_delay(n, 50), OF_AGENT, n, acquires_blindly, arg, 0,
	    &n->life);
}

static void
resumes_unread(struct node *n)
{
	struct core_lock	l = {
		.owner = CORE_LOCK_OURS, .proof = true, .at = node_clock(n),
		.epoch = runfile_epoch(n->runfile),
	};
	struct core_event	session = { .type = CORE_EV_SESSION,
				    .session = { .exists = true } };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	agent_event(n->agent, &session);
	agent_event(n->agent, &ev);
}

void
agent_begins(struct node *n)
{
	n->early_ready = false;
	if (world.bug == BUG_BLIND_ACQUIRE)
		acquires_blindly(n, NULL, 0);
	if (world.bug == BUG_RESUME_UNREAD && runfile_epoch(n->runfile) != 0)
		resumes_unread(n);
}

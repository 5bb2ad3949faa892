/*
 * core_acquire.c - when to ask for a free lock, and whether this copy should.
 */

#include "core_acquire.h"

#include "core_call.h"
#include "core_do.h"
#include "core_due.h"
#include "core_lock.h"
#include "core_session.h"

/* The longest pause before the next request, or the next election. */
#define ACQUIRE_PAUSE_LONG 2000
/* An ensure_slave under way may end by itself so long, before it is killed
 * because the lock has become free; but no longer than this share of
 * election_wait, for half of which the others wait for a silent one. */
#define SLAVE_GRACE	500
#define SLAVE_GRACE_SHARE 4
/* While the lock is free we look every CORE_ACQUIRE_PAUSE_MS: a longer silence
 * means that this process stood still, and that what it knows is old. */
#define STOOD_STILL	2000
/* So long holds what an election has shown, while the lock is refused. */
#define ELECTION_HOLDS	3000

/* After a request that failed for another reason than that the lock is held: no
 * right, no leader.  The others wait election_wait for this copy, if it has
 * more data than they have. */
static int64_t
pause_ms(const struct core *c)
{
	int64_t	half = c->config.election_wait_ms / 2;

	if (half < CORE_ACQUIRE_PAUSE_MS)
		return CORE_ACQUIRE_PAUSE_MS;
	return half < ACQUIRE_PAUSE_LONG ? half : ACQUIRE_PAUSE_LONG;
}

void
core_acquire_refused(struct core *c, bool held)
{
	core_session_acquired(c);
	c->acquire_at = c->now + (held ? CORE_ACQUIRE_PAUSE_MS : pause_ms(c));
}

void
core_acquire_elected(struct core *c, bool take)
{
	if (!c->electing)
		return;		/* of one that is over */
	c->electing = false;
	c->elected_at = take ? c->now : -1;
	c->forbidden = !take;
	if (!take)
		c->acquire_at = c->now + ACQUIRE_PAUSE_LONG;
}

bool
core_acquire_regrets(const struct core *c)
{
	return core_lock_is_ours(c) &&
	    (c->forbidden || c->config.never_master);
}

void
core_acquire_give_way(struct core *c)
{
	c->acquire_at = c->now + 2 * CORE_ACQUIRE_PAUSE_MS;
}

/* A free lock that was seen before a pause of this process says nothing about
 * who has come and gone since. */
void
core_acquire_notice_pause(struct core *c, int64_t now)
{
	if (core_lock_is_free(c) && c->state == CORE_STATE_CANDIDATE &&
	    now - c->now > STOOD_STILL) {
		core_lock_forget(c);
		core_do(c, CORE_DO_LOOK);
	}
}

bool
core_acquire_is_fit(const struct core *c)
{
	return core_session_exists(c) && c->health == CORE_HEALTH_OK &&
	    !c->config.never_master;
}

/*
 * May the lock be tried for now?  The copies are compared when no master can be
 * writing any more, so a lock that was lost is not tried for in the grace: but a
 * missing key is, whose grace only begins when somebody has made it.
 */
static bool
may_acquire(struct core *c)
{
	if (!core_lock_is_free(c) || core_session_acquires(c) ||
	    !core_acquire_is_fit(c))
		return false;
	return core_due(c, c->acquire_at) && core_due(c, c->hold_off) &&
	    (c->lock.epoch == 0 || core_due(c, c->grace_until));
}

static bool
elected(const struct core *c)
{
	return c->elected_at >= 0 && c->now < c->elected_at + ELECTION_HOLDS;
}

static int64_t
slave_grace(const struct core *c)
{
	int64_t	share = c->config.election_wait_ms / SLAVE_GRACE_SHARE;

	return share < SLAVE_GRACE ? share : SLAVE_GRACE;
}

void
core_acquire_work(struct core *c)
{
	/* Keep looking, so that core_acquire_notice_pause can tell a pause from
	 * peace. */
	if (core_lock_is_free(c))
		core_due(c, c->now + STOOD_STILL / 2);
	if (!may_acquire(c))
		return;
	if (!elected(c))
		return;		/* core_acquire_wish_election asks */
	if (c->op != CORE_OP_NONE) {
		if (!core_due(c, c->since + slave_grace(c)))
			return;
		core_call_cancel(c);
	}
	core_session_acquire(c, c->lock.epoch);
}

/* Which of the copies takes a free lock: asked of the others. */
void
core_acquire_wish_election(struct core *c)
{
	bool	want = c->state == CORE_STATE_CANDIDATE && may_acquire(c) &&
		    !elected(c);

	if (want == c->electing)
		return;
	c->electing = want;
	core_do(c, CORE_DO_ELECT)->elect.begin = want;
}

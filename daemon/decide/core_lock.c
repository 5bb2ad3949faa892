/* core_lock.c - what is known about the lock, and how long it is valid. */

#include "core_lock.h"

#include "core_do.h"
#include "core_due.h"
#include "core_session.h"

/* Two clocks may differ by so much while a grace lasts, as within the
 * lock-delay (see config_check_times). */
#define GRACE_MARGIN	1000

bool
core_lock_is_free(const struct core *c)
{
	return c->lock.owner == CORE_LOCK_FREE;
}

bool
core_lock_is_ours(const struct core *c)
{
	return c->lock.owner == CORE_LOCK_OURS;
}

bool
core_lock_is_theirs(const struct core *c)
{
	return c->lock.owner == CORE_LOCK_THEIRS;
}

bool
core_lock_is_held(const struct core *c)
{
	return core_lock_is_ours(c) || core_lock_is_theirs(c);
}

/* The fuse: nobody else can be master yet, because Consul keeps the lock from
 * them for the lock-delay, which is longer than fuse and demotion together. */
bool
core_lock_fuse_burnt(struct core *c)
{
	return c->proof < 0 || core_due(c, c->proof + c->config.fuse_ms);
}

/* As long as a master can last that has not noticed yet. */
int64_t
core_lock_grace_ms(const struct core *c)
{
	return c->config.fuse_ms + c->config.demote_deadline_ms + GRACE_MARGIN;
}

/*
 * A lock found free may have a master still, who has not noticed yet: Consul's
 * lock-delay keeps others away for long enough, unless the key was deleted or
 * Consul has forgotten.  So wait as long as such a master can last, from when
 * we first saw this very freedom.
 */
static void
learn_free(struct core *c, const struct core_lock *l)
{
	bool	same = core_lock_is_free(c) && c->lock.epoch == l->epoch;

	if (l->clean)
		c->grace_until = c->now;
	else if (!same || c->lock.clean) {
		c->grace_until = c->now + core_lock_grace_ms(c);
		/* It may be refused for so long, and whoever has waited for the
		 * better copy would then try as that does. */
		if (l->epoch != 0 &&
		    c->acquire_at < c->now + c->config.lock_delay_ms)
			c->acquire_at = c->now + c->config.lock_delay_ms;
	}
	c->grace_known = true;
}

/* The lock is ours, although we have not seen it free: an earlier run of ours
 * has taken it, and may not have waited long enough when it died. */
static void
learn_inherited(struct core *c, const struct core_lock *l)
{
	c->grace_known = true;
	c->grace_until = c->now;
	if (l->epoch != c->config.resume_epoch)
		c->grace_until += core_lock_grace_ms(c);
}

/* It may grow under a master, whose key somebody has overwritten. */
static void
learn_epoch(struct core *c, uint64_t epoch)
{
	if (c->state == CORE_STATE_MASTER && core_lock_is_ours(c) &&
	    epoch != c->epoch)
		core_do(c, CORE_DO_REMEMBER)->remember.epoch = epoch;
	c->epoch = epoch;
}

/* It was about another lock. */
static void
end_election(struct core *c)
{
	if (!c->electing)
		return;
	c->electing = false;
	core_do(c, CORE_DO_ELECT)->elect.begin = false;
}

void
core_lock_learn(struct core *c, const struct core_lock *l)
{
	/* Only a consistent read can show that we have it. */
	if (l->owner == CORE_LOCK_OURS && !l->proof)
		return;
	/* Read before we gave it back, answered after that. */
	if (l->owner == CORE_LOCK_OURS && l->at <= c->given_back_at)
		return;
	if (l->owner != c->lock.owner || l->epoch != c->lock.epoch) {
		c->elected_at = -1;
		end_election(c);
	}
	if (l->owner == CORE_LOCK_FREE)
		learn_free(c, l);
	if (l->owner == CORE_LOCK_OURS) {
		if (l->at > c->proof)
			c->proof = l->at;
		/* Two answers that have overtaken each other. */
		if (core_lock_is_ours(c) && l->epoch < c->lock.epoch)
			return;
		if (!c->grace_known)
			learn_inherited(c, l);
		else if (l->made && !core_lock_is_ours(c))
			c->grace_until = c->now + core_lock_grace_ms(c);
	}
	if (l->owner == CORE_LOCK_THEIRS) {
		c->forbidden = false;		/* our request named another */
		c->grace_known = false;
		c->acquire_at = c->now;		/* they have had it */
	}
	c->lock = *l;
	core_session_acquired(c);
	if (core_lock_is_held(c))
		learn_epoch(c, l->epoch);
	else if (l->owner == CORE_LOCK_FREE && c->epoch == 0)
		c->epoch = l->epoch;	/* somebody has had it */
}

void
core_lock_lose(struct core *c)
{
	struct core_lock	freed = c->lock;

	freed.owner = CORE_LOCK_FREE;
	freed.clean = false;
	core_lock_learn(c, &freed);
}

void
core_lock_release(struct core *c, bool known)
{
	c->lock.owner = known ? CORE_LOCK_FREE : CORE_LOCK_UNKNOWN;
	c->lock.clean = true;
	c->given_back_at = c->now;
}

void
core_lock_forget(struct core *c)
{
	c->lock.owner = CORE_LOCK_UNKNOWN;
}

/* core_session.c - the session that the lock is held with. */

#include "core_session.h"

#include "core_do.h"
#include "core_lock.h"

void
core_session_learn(struct core *c, bool exists)
{
	struct core_lock	freed = c->lock;

	c->session = exists;
	c->acquiring = false;
	if (exists || !core_lock_is_ours(c))
		return;
	/* The lock went with it. */
	freed.owner = CORE_LOCK_FREE;
	freed.clean = false;
	core_lock_learn(c, &freed);
}

void
core_session_wish(struct core *c)
{
	bool	want = c->state != CORE_STATE_UNHEALTHY &&
		    c->state != CORE_STATE_DISABLED &&
		    c->state != CORE_STATE_STOPPING;

	if (c->state == CORE_STATE_STOPPING)
		return;		/* CORE_DO_LEAVE sees to it */
	if (c->drop_session) {
		core_do(c, CORE_DO_WANT_SESSION)->session.wanted = false;
		c->drop_session = c->want_session = c->session = false;
	}
	if (c->demote_late)
		want = false;
	if (!want)
		c->acquiring = false;
	if (want == c->want_session)
		return;
	core_do(c, CORE_DO_WANT_SESSION)->session.wanted = want;
	c->want_session = want;
	if (!want)
		c->session = false;
}

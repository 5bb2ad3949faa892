/* core_session.c - the session that holds the lock. */

#include "core_session.h"

#include "core_do.h"

bool
core_session_exists(const struct core *c)
{
	return c->session.state >= CORE_SESSION_EXISTS;
}

bool
core_session_acquires(const struct core *c)
{
	return c->session.state == CORE_SESSION_ACQUIRES;
}

void
core_session_learn(struct core *c, bool exists)
{
	/* Not of one that is not wanted any more. */
	if (c->session.state != CORE_SESSION_NONE)
		c->session.state = exists ? CORE_SESSION_EXISTS :
		    CORE_SESSION_WANTED;
}

void
core_session_acquire(struct core *c, uint64_t epoch)
{
	c->session.state = CORE_SESSION_ACQUIRES;
	core_do(c, CORE_DO_ACQUIRE)->acquire.epoch = epoch;
}

void
core_session_acquired(struct core *c)
{
	if (core_session_acquires(c))
		c->session.state = CORE_SESSION_EXISTS;
}

void
core_session_drop(struct core *c)
{
	c->session.drop = true;
}

void
core_session_work(struct core *c)
{
	struct core_session	*s = &c->session;
	bool			 want = c->state != CORE_STATE_UNHEALTHY &&
				    c->state != CORE_STATE_DISABLED &&
				    !c->demotion.late;

	if (c->state == CORE_STATE_STOPPING) {
		core_session_acquired(c);
		return;		/* CORE_DO_LEAVE sees to it */
	}
	if (s->drop) {
		core_do(c, CORE_DO_WANT_SESSION)->session.wanted = false;
		*s = (struct core_session){ .state = CORE_SESSION_NONE };
	}
	if (want == (s->state != CORE_SESSION_NONE))
		return;
	core_do(c, CORE_DO_WANT_SESSION)->session.wanted = want;
	s->state = want ? CORE_SESSION_WANTED : CORE_SESSION_NONE;
}

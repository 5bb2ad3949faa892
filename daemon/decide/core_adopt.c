/* core_adopt.c - takes over a master that was there before us, as it is. */

#include "core_adopt.h"

#include "core_do.h"
#include "core_due.h"
#include "core_lock.h"
#include "core_session.h"

/* A copy that is alone looks so often whether it still is. */
#define ALONE_LOOK	1000

/* Nobody has ever had the lock, and no other copy is there: if this one is a
 * master, its operator has made it one, and to demote it would break what is to
 * be made again.  Another copy that comes is seen within the fuse, and waits for
 * a grace, which is longer. */
bool
core_adopt_alone(struct core *c)
{
	return core_lock_is_free(c) && c->lock.epoch == 0 && c->lock.clean &&
	    !c->guard.fired && !c->config.never_master && !c->made_master &&
	    !core_due(c, c->lock.at + c->config.fuse_ms);
}

bool
core_adopt_may(struct core *c)
{
	return core_adopt_alone(c) && !c->stop && !c->disabled;
}

void
core_adopt_work(struct core *c)
{
	if (!core_adopt_may(c))
		return;
	if (core_due(c, c->look_at)) {
		c->look_at = c->now + ALONE_LOOK;
		core_due(c, c->look_at);
		core_do(c, CORE_DO_LOOK);
	}
	if (c->health != CORE_HEALTH_OK || !core_session_exists(c) ||
	    core_session_acquires(c) || !core_due(c, c->acquire_at))
		return;
	c->adopting = true;
	core_session_acquire(c, c->lock.epoch);
}

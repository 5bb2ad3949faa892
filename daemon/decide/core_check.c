/*
 * core_check.c - the core's invariants between two events.
 *
 * All parts rely on them, and no part can ensure them alone.  The unit tests
 * and the simulator check them after every event, and so does the agent: see
 * core_event.
 */

#include "core_check.h"

#include <string.h>

#include "core_demotion.h"
#include "core_health.h"
#include "core_lock.h"
#include "core_session.h"

const char *
core_check(const struct core *c)
{
	const bool	starting = c->state == CORE_STATE_STARTING;
	const bool	master = c->state == CORE_STATE_MASTER;
	/* The copy may be made one at any moment. */
	const bool	leads = master || c->state == CORE_STATE_PROMOTING;
	const bool	demoting = c->state == CORE_STATE_DEMOTING;
	const struct core_demotion *d = &c->demotion;
	const bool	stopping = c->state == CORE_STATE_STOPPING;
	const struct {
		const char	*what;
		bool		 is_true;
	} all[] = {
		/* Two masters. */
		{ "a copy that may be a master is in a state that demotes it",
		    !c->maybe_master || starting || leads || demoting ||
		    c->stop },
		{ "a master is known to be one",
		    !master || (c->maybe_master && c->made_master) },
		{ "a master has the lock and a session",
		    !leads || (core_lock_is_ours(c) &&
		    core_session_exists(c)) },
		{ "a master has a proof that is not too old",
		    !leads || c->now < c->proof + c->config.fuse_ms },
		{ "a master's lease ends with its fuse",
		    !leads || c->guard.until == c->proof + c->config.fuse_ms },
		{ "a master's epoch is that of the lock",
		    !leads || c->epoch == c->lock.epoch },
		{ "no other copy can be a master beside it",
		    (!master && c->op != CORE_OP_ENSURE_MASTER) ||
		    c->now >= c->grace_until },
		{ "ensure_master runs for a master only",
		    c->op != CORE_OP_ENSURE_MASTER || leads },
		{ "nothing speaks against a master",
		    !leads || (!c->stop && !c->disabled && !c->guard.fired &&
		    !core_health_is_bad(c)) },
		{ "only a master has the tag of one",
		    strcmp(c->tag, "master") != 0 || master || demoting ||
		    stopping },
		{ "a lease is for a copy that may be a master",
		    c->guard.until == 0 || leads || c->maybe_master },
		{ "the guard holds only a lease that was set",
		    c->guard.held == 0 || c->guard.until != 0 },
		{ "nothing is left of a lease that is over",
		    c->guard.until != 0 ?
		    c->guard.state != CORE_LEASE_NONE :
		    c->guard.state == CORE_LEASE_NONE &&
		    c->guard.next == 0 && c->guard.busy_until == 0 },

		/* What is over, and must not count the next time. */
		{ "the lock is released after a demotion",
		    d->step < CORE_DEMOTION_POSITION ||
		    (demoting && !c->maybe_master) },
		{ "a demotion ends when it is over",
		    !demoting || !core_demotion_is_over(c) },
		{ "what is late is a demotion", !d->late || demoting },
		{ "what has lost its proof is a demotion",
		    !d->proof_lost || demoting },
		{ "what the guard fires at is a demotion",
		    !c->guard.fired || demoting },
		{ "a copy that was a master is one or is demoted",
		    !d->was_master || demoting },
		{ "a master is not reported as unfenced",
		    !c->unfenced || !master },
		{ "a position was asked for",
		    !d->position_told || d->step > CORE_DEMOTION_POSITION },
		{ "a position is asked for in a demotion",
		    c->op != CORE_OP_POSITION || demoting },
		{ "a demotion is at a step",
		    demoting == (d->step != CORE_DEMOTION_NONE) },
		{ "what is busy for too long is busy",
		    !c->busy_too_long || c->health == CORE_HEALTH_BUSY },
		{ "an election is held by a candidate for a free lock",
		    !c->electing || (c->state == CORE_STATE_CANDIDATE &&
		    core_lock_is_free(c)) },
		{ "a lock that is held is not tried for",
		    !core_session_acquires(c) || (!core_lock_is_ours(c) &&
		    !core_lock_is_theirs(c) && !stopping) },
		{ "a session is dropped at once",
		    !c->session.drop || stopping },

		/* What the operator wants. */
		{ "an agent that must stop does so",
		    !c->stop || demoting || stopping },
		{ "an agent stops only if it must",
		    !stopping || c->stop },
		{ "a disabled copy is left alone",
		    !c->disabled || starting || demoting || stopping ||
		    c->state == CORE_STATE_DISABLED },
	};
	size_t		i;

	for (i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!all[i].is_true)
			return all[i].what;
	return NULL;
}

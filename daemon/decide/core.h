/*
 * core.h - the decisions: which copy acts as master, and when it stops.
 *
 * Pure: no I/O, no clock, no allocation.  Facts go in as events with the time;
 * the work to do comes out as actions.  The same objects are in the daemon, in
 * the unit tests and in the simulator.
 *
 * All times are milliseconds of one clock that never steps (clock_ms).
 */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core_types.h"

/* The warning in Consul and in /status while it is not known whether the copy
 * has stopped being a master. */
#define CORE_UNFENCED	"MAY STILL BE A MASTER: it could not be demoted; stop " \
			"the application by hand"

#define CORE_JOINING	"joining"

void		 core_init(struct core *, const struct core_config *,
		    int64_t now);

/* Takes new settings; resume_epoch and inherited_until_ms matter only to
 * core_init. */
void		 core_configure(struct core *, const struct core_config *);

/* Takes the event, and fills actions (emptied first) with the work to do, in
 * that order.  Then core->wake is the time of the next CORE_EV_TICK.  If an
 * invariant does not hold (core_check.h), that is logged once, and the core
 * continues as if asked to stop. */
void		 core_event(struct core *, const struct core_event *,
		    int64_t now, struct core_actions *);

const char	*core_state_name(enum core_state);
const char	*core_op_name(enum core_op);
bool		 core_is_master(const struct core *);
/* Does it follow the master, according to ensure_slave? */
bool		 core_is_slave(const struct core *);
/* Could it take the lock, if that were free now?  False for the master. */
bool		 core_could_take(const struct core *);
/* The other candidates need not wait for one that is not healthy, or that could
 * not be promoted a moment ago: it can't report within half of election_wait,
 * which is how long silent ones are waited for.  False during a grace period:
 * this may have changed by its end. */
bool		 core_stands_aside(const struct core *);
/* The copy's role, for people: the state's name, but CORE_JOINING for a slave
 * that does not follow its master; and the reason. */
const char	*core_role_name(const struct core *);
const char	*core_role_why(const struct core *);

/* Milliseconds left until a master must stop without a new proof. */
int64_t		 core_fuse_left_ms(const struct core *, int64_t now);

#endif

/*
 * core.h - the decisions: who acts as master, and when it stops.
 *
 * Pure: no I/O, no clock, no allocation.  What is learnt goes in as events with
 * the time; what is to be done comes out as actions.  The same objects are in
 * the daemon, in the unit tests and in the simulator.
 *
 * All times are milliseconds of one clock that never steps (clock_ms).
 */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core_types.h"

/* What people read, in Consul and in /status, while it is not known whether the
 * copy has stopped being a master. */
#define CORE_UNFENCED	"MAY STILL BE A MASTER: it could not be demoted; stop " \
			"the application by hand"

#define CORE_JOINING	"joining"

void		 core_init(struct core *, const struct core_config *,
		    int64_t now);

/* Takes new settings over; resume_epoch and inherited_until_ms mean something to
 * core_init only. */
void		 core_configure(struct core *, const struct core_config *);

/* Learns the event, and fills actions (emptied first) with what to do, in that
 * order.  Then core->wake says when the next CORE_EV_TICK is due.  If something
 * that must be true is not (core_check.h), that is said once, and the core goes
 * on as if it were told to stop. */
void		 core_event(struct core *, const struct core_event *,
		    int64_t now, struct core_actions *);

const char	*core_state_name(enum core_state);
const char	*core_op_name(enum core_op);
bool		 core_is_master(const struct core *);
/* It follows the master, as far as ensure_slave has told. */
bool		 core_is_slave(const struct core *);
/* A candidate that is not healthy, or that could not be made master a moment ago
 * and so can't speak within half of election_wait, which is how long the silent
 * are waited for: the others need not wait for it at all.  False while a grace runs: what is true now may not be at its end. */
bool		 core_stands_aside(const struct core *);
/* What the copy is, for people: the state's name, but CORE_JOINING of a slave
 * that does not follow its master; and why. */
const char	*core_role_name(const struct core *);
const char	*core_role_why(const struct core *);

/* Milliseconds left before a master must stop without a new proof. */
int64_t		 core_fuse_left_ms(const struct core *, int64_t now);

#endif

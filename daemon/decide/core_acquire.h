/* core_acquire.h - when to ask for a free lock, and whether this copy
 * should. */
#ifndef CORE_ACQUIRE_H
#define CORE_ACQUIRE_H

#include "core_types.h"

/* Pause (ms) between two attempts at a free lock that is refused: its
 * lock-delay runs, and Consul does not announce its end. */
#define CORE_ACQUIRE_PAUSE_MS	300

/* Our attempt was refused; held: because the lock is held or delayed. */
void	core_acquire_refused(struct core *, bool held);
/* The election is over; take: this copy should take the lock. */
void	core_acquire_elected(struct core *, bool take);
/* We have the lock by an earlier request, and this copy must not take it. */
bool	core_acquire_regrets(const struct core *);
/* We have released it: let the others take it first. */
void	core_acquire_give_way(struct core *);
/* Distrusts reads from before a pause of this process; now: the new time. */
void	core_acquire_notice_pause(struct core *, int64_t now);
/* Is the copy fit for the lock, no matter which node holds it? */
bool	core_acquire_is_fit(const struct core *);
/* The work of a candidate. */
void	core_acquire_work(struct core *);
/* Asks for an election, which decides the copy that takes the lock; or for its
 * end. */
void	core_acquire_wish_election(struct core *);

#endif

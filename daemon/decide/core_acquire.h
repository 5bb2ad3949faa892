/* core_acquire.h - when a lock that is free is tried for, and by whom. */
#ifndef CORE_ACQUIRE_H
#define CORE_ACQUIRE_H

#include "core_types.h"

/* Pause (ms) between two tries for a free lock that is refused: its lock-delay
 * runs, of which Consul announces the end to nobody. */
#define CORE_ACQUIRE_PAUSE_MS	300

/* Our try was refused; held: because the lock is held or delayed. */
void	core_acquire_refused(struct core *, bool held);
/* The election is over; take: this copy shall take the lock. */
void	core_acquire_elected(struct core *, bool take);
/* We have given it back: let the others have it first. */
void	core_acquire_give_way(struct core *);
/* Doubts what was seen before a pause of this process; now: the new time. */
void	core_acquire_notice_pause(struct core *, int64_t now);
/* What a candidate does. */
void	core_acquire_work(struct core *);
/* Asks for an election, or for its end: which of the copies takes the lock? */
void	core_acquire_wish_election(struct core *);

#endif

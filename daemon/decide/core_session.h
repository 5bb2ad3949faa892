/* core_session.h - the session that holds the lock. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core_types.h"

/* We have one (exists), or it is gone. */
void	core_session_learn(struct core *, bool exists);
/* Asks for one, or for its end, as the state requires. */
void	core_session_work(struct core *);

bool	core_session_exists(const struct core *);
/* Asks for the free lock with this epoch; the next report about the lock ends
 * the attempt. */
void	core_session_acquire(struct core *, uint64_t epoch);
void	core_session_acquired(struct core *);
bool	core_session_acquires(const struct core *);
/* Destroys it before it is used again. */
void	core_session_drop(struct core *);

#endif

/* core_session.h - the session that the lock is held with. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core_types.h"

/* We have one (it exists), or it is gone. */
void	core_session_learn(struct core *, bool exists);
/* Asks for one, or for its end, as the state needs it. */
void	core_session_work(struct core *);

bool	core_session_exists(const struct core *);
/* Tries for the free lock that was seen as epoch; whatever is heard of the lock
 * after that is the end of the try. */
void	core_session_acquire(struct core *, uint64_t epoch);
void	core_session_acquired(struct core *);
bool	core_session_acquires(const struct core *);
/* It is destroyed before anything is built on it again. */
void	core_session_drop(struct core *);

#endif

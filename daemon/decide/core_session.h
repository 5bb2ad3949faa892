/* core_session.h - the session that the lock is held with. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core_types.h"

/* We have one (it exists), or it is gone, and the lock with it. */
void	core_session_learn(struct core *, bool exists);
/* Asks for one, or for its end, as the state needs it. */
void	core_session_wish(struct core *);

#endif

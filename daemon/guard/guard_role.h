/* guard_role.h - the agent's handler that makes the copy a master or slave. */
#ifndef GUARD_ROLE_H
#define GUARD_ROLE_H

#include <sys/types.h>

struct guard;

/* It is that process now; -1: there is none. */
void	guard_role_take(struct guard *, pid_t);
/* Kills it, and what it has started.  None is fine. */
void	guard_role_stop(struct guard *);

#endif

/* core_lock.h - what is known about the lock, and how long it is valid. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core_types.h"

bool	core_lock_is_free(const struct core *);
bool	core_lock_is_ours(const struct core *);
bool	core_lock_is_theirs(const struct core *);
bool	core_lock_is_held(const struct core *);	/* ours or theirs */

/* Is the last proof of our lock too old, or was there none? */
bool	core_lock_fuse_burnt(struct core *);
/* How long (ms) a master that has not noticed can last. */
int64_t	core_lock_grace_ms(const struct core *);

/* Takes the result of a read of the key, or of our own acquire. */
void	core_lock_learn(struct core *, const struct core_lock *);
/* We have released ours (known), or that is unknown. */
void	core_lock_release(struct core *, bool known);
/* Earlier reads are no longer valid. */
void	core_lock_forget(struct core *);
/* Ours was lost with its session. */
void	core_lock_lose(struct core *);

#endif

/* core_lock.h - what is known of the lock, and how long that counts. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core_types.h"

bool	core_lock_is_free(const struct core *);
bool	core_lock_is_ours(const struct core *);
bool	core_lock_is_theirs(const struct core *);

/* No proof of our lock is young enough any more, or there has been none. */
bool	core_lock_fuse_burnt(struct core *);
/* As long (ms) as a master can last who has not noticed yet. */
int64_t	core_lock_grace_ms(const struct core *);

/* As a read of the key, or our own acquire, has shown it. */
void	core_lock_learn(struct core *, const struct core_lock *);
/* Ours was given back by us (known), or that can't be told. */
void	core_lock_release(struct core *, bool known);
/* What was seen of it counts no more. */
void	core_lock_forget(struct core *);
/* Ours went with its session. */
void	core_lock_lose(struct core *);

#endif

/* core_call.h - the call of the plugin that is under way, one at most. */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "core_types.h"

/* Begins one, for timeout_ms at most; none may be under way. */
void	core_call(struct core *, enum core_op, int64_t timeout_ms);
/* Cancels the one that is under way, if any: its answer is ignored. */
void	core_call_cancel(struct core *);
/* A demotion has succeeded, by our call or the guard's. */
void	core_call_demoted(struct core *);
/* When ensure_master could first be called: not during a grace period. */
int64_t	core_call_promotion_begun(const struct core *);

#endif

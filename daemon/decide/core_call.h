/* core_call.h - the call of the plugin that is under way, one at most. */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "core_types.h"

/* Begins one, which may last for timeout_ms; none is under way. */
void	core_call(struct core *, enum core_op, int64_t timeout_ms);
/* Ends the one that is under way, if any: no answer of it counts. */
void	core_call_cancel(struct core *);
/* One is done, ours or the guard's, after which the copy is no master. */
void	core_call_demoted(struct core *);
/* When ensure_master could first be called: not while a grace lasts. */
int64_t	core_call_promotion_begun(const struct core *);

#endif

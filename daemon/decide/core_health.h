/* core_health.h - how the application is, as its plugin says. */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include "core_types.h"

/* The plugin's verdict. */
void	core_health_learn(struct core *, const struct core_event *);
/* What only time makes true: busy for too long. */
void	core_health_pass_time(struct core *);
/* Said to be bad, or busy for too long. */
bool	core_health_is_bad(const struct core *);
/* Publishes it, where it is news. */
void	core_health_show(struct core *);

#endif

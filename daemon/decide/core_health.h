/* core_health.h - the application's health, as its plugin reports it. */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include "core_types.h"

/* Takes the plugin's verdict. */
void	core_health_learn(struct core *, const struct core_event *);
/* Deadlines: busy for too long. */
void	core_health_pass_time(struct core *);
/* Was the verdict bad, or is it busy for too long? */
bool	core_health_is_bad(const struct core *);
/* Publishes it, if it has changed. */
void	core_health_show(struct core *);

#endif

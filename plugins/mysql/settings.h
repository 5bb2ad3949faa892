/*
 * settings.h - the settings that every copy must have.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <consul-failover/plugin.h>

/* That it replicates by GTIDs, as a copy, and from one master. */
enum failover_result	settings_check(struct failover *);

/* That it has all the data that its position names, and passes all on.  Who is
 * the master already has more than its slaves: it is told, and stays. */
enum failover_result	settings_check_filters(struct failover *);

#endif

/*
 * settings.h - the settings that every copy must have.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <consul-failover/plugin.h>

/* Checks that it replicates by GTIDs, as a copy must, and from one master. */
enum failover_result	settings_check(struct failover *);

/* Checks that it has all the data of its position, and passes all of it on.  A
 * copy that is the master already stays master, with a warning, because it has
 * more data than its slaves. */
enum failover_result	settings_check_filters(struct failover *);

#endif

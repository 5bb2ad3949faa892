/* history_show.h - "consul-failover history": the changes of master, from
 * Consul, and this node's own changes of state, from its disk. */
#ifndef HISTORY_SHOW_H
#define HISTORY_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/* Prints to standard output what is not older than since_ms; 0: the last of
 * all.  Without any change of master from Consul it is false, and the reason is
 * on standard error. */
bool	history_show(const struct config *, bool json, int64_t since_ms);

#endif

/* status.h - "consul-failover status": every node of the service, according to
 * Consul. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

#include "config.h"

enum status_answer {
	STATUS_GOOD,		/* one healthy master, which has the lock */
	STATUS_BAD,		/* anything else */
	STATUS_UNKNOWN,		/* Consul gives no answer */
};

/* Prints to standard output; watch: again every second, until a signal. */
enum status_answer	status_show(const struct config *, bool json,
			    bool watch);

#endif

/* status.h - "consul-failover status": every node of a service, or every
 * service, according to Consul. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

#include "config.h"
#include "status_view.h"

struct status_wish {
	bool	 json;
	bool	 watch;		/* again every second, until a signal */
	bool	 named;		/* by hand: a service that Consul does not know
				 * is a mistake */
};

/* Prints to standard output.  The service's name "" is all services: the answer
 * is good if that of each is. */
enum status_answer	status_show(const struct config *,
			    const struct status_wish *);

#endif

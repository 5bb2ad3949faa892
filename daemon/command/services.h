/* services.h - the services of consul-failover in Consul: those that have a
 * lock (lock/SERVICE/leader), and those whose copies our agents registered. */
#ifndef SERVICES_H
#define SERVICES_H

#include <stddef.h>

#include "consul.h"

/* failed: why Consul did not answer; NULL: the services are known. */
typedef void	(*services_cb)(const struct consul_reply *failed, void *arg);

struct services {
	struct consul	*consul;	/* borrowed */
	services_cb	 cb;
	void		*arg;
	char		**names;	/* sorted; as Consul has them */
	size_t		 count;
	char		**doubtful;	/* they have no lock, but the tag of a
					 * role, or their check is critical */
	size_t		 doubtful_count;
};

/* Asks again, and forgets what it knew.  cb runs once, later. */
void	services_find(struct services *, struct consul *, services_cb,
	    void *arg);
void	services_forget(struct services *);

#endif

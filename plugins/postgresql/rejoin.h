/*
 * rejoin.h - what a stopped copy needs before it can follow a master: nothing,
 * pg_rewind, or a new copy of all data.
 */
#ifndef REJOIN_H
#define REJOIN_H

#include "server.h"

enum rejoin_way {
	REJOIN_AS_IS,
	REJOIN_REWIND,
	REJOIN_COPY,
};

/* Does the option on_divergence allow this way? */
bool	rejoin_allows(struct failover *, enum rejoin_way);

/* Can pg_rewind change its data directory and, with others, copy from it?  Else
 * why has the reason. */
bool	rejoin_may_rewind(struct failover *, bool others, char *why,
	    size_t size);

/* Is it known that pg_rewind from f->master_port on host can't help, and is no
 * other way allowed? */
bool	rejoin_failed(struct failover *, const char *host);
enum failover_result	rejoin_say_failed(struct failover *);

/* Starts it as a slave of f->master_port on host, in that way. */
enum failover_result	rejoin(struct failover *, const struct server *,
			    const char *host, enum rejoin_way);

#endif

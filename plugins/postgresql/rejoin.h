/*
 * rejoin.h - what a stopped copy needs before it can follow a master: nothing,
 * pg_rewind, or all of its data anew.
 */
#ifndef REJOIN_H
#define REJOIN_H

#include "server.h"

enum rejoin_way {
	REJOIN_AS_IS,
	REJOIN_REWIND,
	REJOIN_COPY,
};

/* May the option on_divergence go that way? */
bool	rejoin_allows(struct failover *, enum rejoin_way);

/* Can pg_rewind work on its data directory and, for others, copy from it?  Else
 * why not. */
bool	rejoin_may_rewind(struct failover *, bool others, char *why,
	    size_t size);

/* Is it known that pg_rewind from f->master_port on host never helps, and no
 * other way is allowed? */
bool	rejoin_failed(struct failover *, const char *host);
enum failover_result	rejoin_say_failed(struct failover *);

/* Starts it as a slave of f->master_port on host, that way. */
enum failover_result	rejoin(struct failover *, const struct server *,
			    const char *host, enum rejoin_way);

#endif

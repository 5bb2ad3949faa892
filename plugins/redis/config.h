/*
 * config.h - the server's config file, so that it takes no writes when it is
 * started, before an agent has seen it.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "server.h"

/* Once for each process of the server: an agent demotes at its start, and no
 * later demotion shall wait for a disk. */
bool	config_must_rewrite(struct failover *, const struct state *);

/* Has it written what it is just now, if it must; what goes wrong is logged. */
void	config_rewrite(struct failover *, const struct state *);

/* Of a master: has the file say that it follows nobody, and that only.  False:
 * it was not made master again, and local.why says why. */
bool	config_close_next_start(struct failover *, const struct state *);

#endif

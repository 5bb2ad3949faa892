/*
 * config.h - the server's config file, rewritten so that a restarted server
 * accepts no writes before an agent has checked it.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "server.h"

/* True once for each process of the server: an agent demotes at its start, and
 * no later demotion should wait for a disk. */
bool	config_must_rewrite(struct failover *, const struct state *);

/* Makes the server write its current settings, if it must; logs a failure. */
void	config_rewrite(struct failover *, const struct state *);

/* For a master: makes only the file contain that it is a slave without a
 * master.  False: the server was not made master again, and local.why has the
 * reason. */
bool	config_close_next_start(struct failover *, const struct state *);

#endif

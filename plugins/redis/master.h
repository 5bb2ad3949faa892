/*
 * master.h - the role of a master, and its state between two calls.
 */
#ifndef MASTER_H
#define MASTER_H

#include "server.h"

extern char	made[HISTORY_ID + 1];	/* run_id of our master, or "" */
extern int64_t	lacks;		/* bytes that ensure_master waits for; or -1 */
extern bool	told;		/* a role was set by this process */
extern bool	doubtful;	/* it may have been killed as master */

/* Forgets what was ensured here before. */
void	master_begin(void);

/* Health of a copy that is the master by its role; sets the sentence. */
enum failover_result	master_health(struct failover *, const struct state *);

#endif

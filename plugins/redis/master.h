/*
 * master.h - to be the master, and what is known of that between two calls.
 */
#ifndef MASTER_H
#define MASTER_H

#include "server.h"

extern char	made[HISTORY_ID + 1];	/* run_id of the master here, or "" */
extern int64_t	lacks;		/* bytes that ensure_master waits for; or -1 */
extern bool	told;		/* what to be, by this process */
extern bool	doubtful;	/* it may have been killed as master */

/* What was ensured here before counts no more. */
void	master_begin(void);

/* Health of a copy that is the master by its role; sets the sentence. */
enum failover_result	master_health(struct failover *, const struct state *);

#endif

/*
 * server.h - the server as its host sees it: its state, stop and start.
 *
 * Nothing here asks the server by SQL: this must work when the server hangs or
 * is half dead, so it uses its data directory and /proc.
 */
#ifndef SERVER_H
#define SERVER_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

#include "control.h"

enum server_kind {
	SERVER_NONE,		/* no database in the data directory */
	SERVER_STOPPED,
	SERVER_ORPHANED,	/* backends without a postmaster: they can still
				 * write */
	SERVER_STARTING,	/* role not known yet */
	SERVER_STANDBY,		/* and will remain one, even if it restarts */
	SERVER_PRIMARY,		/* or anything else that may begin to write */
	SERVER_STOPPING,
};

struct server {
	enum server_kind kind;
	pid_t		 postmaster;	/* 0: none */
	struct control	 control;
};

void	server_look(struct failover *, struct server *);

/* Stops it: fast, then immediate, then by SIGKILL.  True when all of its
 * processes are gone or, if closed is enough, when none can write any more. */
bool	server_stop(struct failover *, bool closed);

/* Starts it as a standby, when the old postmaster, 0 for none, is gone; waits,
 * so only a job calls it.  Its output goes to the descriptor log. */
bool	server_start(struct failover *, pid_t old, int log);

#endif

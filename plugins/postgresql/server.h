/*
 * server.h - the server as its host sees it: what it is, stop and start.
 *
 * Nothing here asks the server by SQL: what must hold when it hangs, or is half
 * dead, is read from its data directory and from /proc.
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
	SERVER_ORPHANED,	/* backends whose postmaster is dead: they can
				 * still write */
	SERVER_STARTING,	/* can't be told yet as what */
	SERVER_STANDBY,		/* and will remain one, even if it restarts */
	SERVER_PRIMARY,		/* or anything else that may come to write */
	SERVER_STOPPING,
};

struct server {
	enum server_kind kind;
	pid_t		 postmaster;	/* 0: none */
	struct control	 control;
};

void	server_look(struct failover *, struct server *);

/* Stops it: fast, then immediate, then by SIGKILL.  True when nothing of it is
 * left or, if closed is enough, when nobody can write any more. */
bool	server_stop(struct failover *, bool closed);

/* Starts it as a standby, when the old postmaster, 0 for none, is gone; waits,
 * so it is for a job.  What it prints goes to the descriptor log. */
bool	server_start(struct failover *, pid_t old, int log);

#endif

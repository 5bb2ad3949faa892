/*
 * process.h - the server's processes, as /proc and postmaster.pid show them.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <consul-failover/plugin.h>

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* What postmaster.pid says. */
struct pid_file {
	int	 number;	/* as it stands there */
	pid_t	 postmaster;	/* that runs, whatever stands there; or 0 */
	time_t	 started;
	bool	 stopping;
	char	 socket[PATH_MAX];	/* its lock file */
};

/* Reads it; where it says nothing of a server that runs, its postmaster is
 * looked for. */
struct pid_file	process_read_pid_file(struct failover *);

/* Sends a signal, or 0, to all of them and counts them; -1 where that can't be
 * known.  *postmaster, where it is wanted, is the one among them, or 0. */
int	process_signal(struct failover *, int number, pid_t *postmaster);

/* Sends a signal to that one; nothing happens if it is none of them, or 0. */
void	process_end(struct failover *, pid_t, int number);

/* 0: there is none. */
pid_t	process_postmaster(struct failover *);

/* Is nothing of it left that could write? */
bool	process_gone(struct failover *);

/* Removes what a crash has left and would keep it from starting. */
void	process_clear(struct failover *);

/* Is this one of its processes? */
bool	process_owns(struct failover *, pid_t);

#endif

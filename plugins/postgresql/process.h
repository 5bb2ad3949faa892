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

/* The content of postmaster.pid. */
struct pid_file {
	int	 number;	/* as the file has it */
	pid_t	 postmaster;	/* the one that runs, in any case; or 0 */
	time_t	 started;
	bool	 stopping;
	char	 socket[PATH_MAX];	/* its lock file */
};

/* Reads it; if it names no running server, searches for the postmaster. */
struct pid_file	process_read_pid_file(struct failover *);

/* Sends a signal, or 0, to all of them and counts them; -1 if that is unknown.
 * *postmaster, if not NULL, is the postmaster among them, or 0. */
int	process_signal(struct failover *, int number, pid_t *postmaster);

/* Sends a signal to that process; does nothing if it is not one of them, or
 * 0. */
void	process_end(struct failover *, pid_t, int number);

/* 0: there is none. */
pid_t	process_postmaster(struct failover *);

/* Are all of its processes that could write gone? */
bool	process_gone(struct failover *);

/* Removes leftovers of a crash that would prevent a start. */
void	process_clear(struct failover *);

/* Is this one of its processes? */
bool	process_owns(struct failover *, pid_t);

#endif

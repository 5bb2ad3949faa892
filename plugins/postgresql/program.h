/*
 * program.h - running PostgreSQL's own programs, and the operator's commands.
 *
 * What is run to its end, by a job, has a session of its own.  So it is not
 * killed with the handler: a pg_rewind or a start that was broken off half-way is
 * worse than one that goes on while nobody waits for it.  The others have the
 * time of the call, and end with it.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

/* A job. */
struct program {
	pid_t	 pid;		/* 0: none */
	int	 status;	/* as of waitpid, when it has ended */
};

void	pause_ms(long);

/* False where it still runs when no more than `left` ms of the call are. */
bool	program_wait(struct program *, struct failover *, int64_t left);

/* Runs it to its end, in a process that has nothing else to do; what it prints
 * goes to the descriptor out.  Gives what waitpid does, or -1. */
int	program_run(const char *const argv[], int out);

/* Runs a short one, for limit ms at most, and keeps what it prints.  False where
 * it fails; errno is ETIMEDOUT where it was killed in time. */
bool	program_read(struct failover *, const char *const argv[], int64_t limit,
	    char *text, size_t size);

/* The same of the operator's command, whose output is for the log.  Where it
 * fails, what it leaves running is killed. */
bool	program_shell(const char *line, int64_t limit, bool *late);

#endif

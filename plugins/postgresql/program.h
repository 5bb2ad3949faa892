/*
 * program.h - runs PostgreSQL's own programs, and the operator's commands.
 *
 * A program that a job runs to its end has a session of its own.  So it is not
 * killed with the handler: a pg_rewind or a start that is killed half-way is
 * worse than one that continues after the call.  The others are limited to the
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
	int	 status;	/* from waitpid, when it has ended */
};

void	pause_ms(long);

/* False if it is still running when the call has only `left` ms left. */
bool	program_wait(struct program *, struct failover *, int64_t left);

/* Runs it to its end, in a process that does nothing else; its output goes to
 * the descriptor out.  Returns waitpid's status, or -1. */
int	program_run(const char *const argv[], int out);

/* Runs a short one, for limit ms at most, and returns its output.  False if it
 * fails; errno is ETIMEDOUT if it was killed at the limit. */
bool	program_read(struct failover *, const char *const argv[], int64_t limit,
	    char *text, size_t size);

/* The same for the operator's command, whose output goes to the log.  If it
 * fails, the processes that it leaves running are killed. */
bool	program_shell(const char *line, int64_t limit, bool *late);

#endif

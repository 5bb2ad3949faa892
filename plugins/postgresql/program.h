/*
 * program.h - running PostgreSQL's own programs, and the operator's commands.
 *
 * Each runs in a session of its own.  So it is not killed with the handler: a
 * pg_rewind or a start that was broken off half-way is worse than one that goes
 * on while nobody waits for it.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

struct program {
	pid_t	 pid;		/* 0: none */
	int	 status;	/* as of waitpid, when it has ended */
};

void	pause_ms(long);

/* What it prints goes to the descriptor out. */
bool	program_start(struct program *, const char *const argv[], int out);

/* False where it still runs when no more than `left` ms of the call are. */
bool	program_wait(struct program *, struct failover *, int64_t left);

/* Runs it to its end, in a process that has nothing else to do. */
int	program_run(const char *const argv[], int out);

/* Runs a short one and keeps what it prints; false where it fails. */
bool	program_read(struct failover *, const char *const argv[], char *text,
	    size_t size);

#endif

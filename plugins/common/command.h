/*
 * command.h - run a command within one call of a plugin.
 *
 * Each command is run in a process group of its own, under a keeper:
 *
 *	handler - keeper - command - whatever it starts
 *
 * The keeper is there for what the command starts.  When the handler is killed,
 * because the call was cancelled or the agent is gone, the kernel tells the
 * keeper, and the keeper kills the group: no half of an ensure_master goes on
 * behind the back of the ensure_demoted that follows.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <consul-failover/plugin.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct command {
	char	*text;			/* holds the words */
	char	**words;
	size_t	 count;
	char	 program[PATH_MAX];
	char	*shell[4];		/* the words of command_set_shell */
	bool	 leave;			/* what it leaves running stays */
};

/* The beginning of what it wrote, and how it ended. */
struct output {
	char	*out;			/* the caller's, of out_size bytes */
	size_t	 out_size;
	char	 err[FAILOVER_POSITION];
	size_t	 out_length, err_length;	/* without the NUL of each */
	int	 error;			/* errno, where it could not be run */
	bool	 late;			/* it was killed in time */
	int	 status;		/* as of waitpid */
	int64_t	 limit;			/* ms, that it was given */
};

/* One that runs; all 0: none. */
struct running {
	pid_t	 keeper;		/* 0: none; -1: it could not be started */
	int	 out, err;		/* what the command writes */
	int	 end;			/* how it ended, from the keeper */
	int64_t	 until;			/* of deadline_now: then it is killed */
	bool	 leave;
	bool	 ended;
};

/* Splits a line into words as a shell does, but for what a shell makes of $, *
 * and so on; false with what is wrong with it. */
bool	command_split(struct command *, const char *line, const char **wrong);
/* Where the program is, the first word: now, not when it is needed. */
bool	command_find(struct command *, const char **wrong);
void	command_free(struct command *);

/* Makes it a line for sh, which it borrows, and of which stays what it leaves
 * running.  Nothing is to be freed. */
void	command_set_shell(struct command *, const char *line);

/* Runs it for so many milliseconds, but ends it a bit before f's deadline.
 * Fills output, but for out and out_size. */
void	command_run(struct failover *f, const struct command *,
	    int64_t limit, struct output *);

/* The same in three steps, for one that runs beside another, or on between two
 * calls.  It is given so many milliseconds, whatever call comes to its end;
 * command_wait waits until that moment of deadline_now at most, false: it runs
 * on.  command_end is for each that was begun, and kills what runs on. */
void	command_begin(struct running *, const struct command *, int64_t limit,
	    struct output *);
bool	command_wait(struct running *, int64_t until, struct output *);
void	command_end(struct running *);

/* Writes what it wrote to the agent's log, as what a handler starts does by
 * itself. */
void	command_pass_on(const struct output *);

/* Says how it ended, where that is not by an exit status. */
bool	command_exited(struct failover *f, const struct command *,
	    const struct output *);

/* The first line that says something; "" if there is none.  Cuts text. */
const char	*command_line(char *text);

void	command_set_number(const char *name, long long number);
/* CF_SERVICE and what else f says of the call; role NULL: that which f says. */
void	command_set_environment(struct failover *f, const char *op,
	    const char *role, const char *position);

#endif

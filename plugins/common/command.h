/*
 * command.h - run a command within one call of a plugin.
 *
 * Each command is run in a process group of its own, under a keeper:
 *
 *	handler - keeper - command - whatever it starts
 *
 * The keeper is there for what the command starts.  When the handler is killed,
 * because the call was cancelled or the agent is gone, the kernel notifies the
 * keeper, and the keeper kills the group: so no part of an ensure_master
 * continues during the ensure_demoted that follows.
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
	bool	 leave;			/* its background processes stay */
	bool	 log;			/* its output goes to the agent's log */
};

/* The beginning of its output, and how it ended. */
struct output {
	char	*out;			/* the caller's out_size bytes, or NULL */
	size_t	 out_size;
	char	 err[FAILOVER_POSITION];
	size_t	 out_length, err_length;	/* without the NULs */
	int	 error;			/* errno, if it could not be run */
	bool	 late;			/* it was killed at its limit */
	int	 status;		/* from waitpid */
	int64_t	 limit;			/* ms, its limit */
};

/* A running one; all 0: none. */
struct running {
	pid_t	 keeper;		/* 0: none; -1: it could not be started */
	int	 out, err;		/* the command's output */
	int	 end;			/* how it ended, from the keeper */
	int64_t	 until;			/* of deadline_now: then it is killed */
	bool	 leave;
	bool	 ended;
};

/* Splits a line into words as a shell does, but without expanding $, * and so
 * on; false with the reason. */
bool	command_split(struct command *, const char *line, const char **wrong);
/* Finds the program, the first word: now, not when it is needed. */
bool	command_find(struct command *, const char **wrong);
void	command_free(struct command *);

/* Makes it a line for sh, which it borrows; processes that the line leaves
 * running are not killed, and write to the log, as it does itself.  Nothing need
 * be freed. */
void	command_set_shell(struct command *, const char *line);

/* Runs it for that many milliseconds at most, and ends it shortly before f's
 * deadline.  Fills output, except out and out_size. */
void	command_run(struct failover *f, const struct command *,
	    int64_t limit, struct output *);

/* The same in three steps, for a command that runs beside another, or between
 * two calls.  Its limit is independent of calls.  command_wait waits until that
 * time of deadline_now at most; false: it is still running.  Each begun one
 * needs a command_end, which kills it if it is still running. */
void	command_begin(struct running *, const struct command *, int64_t limit,
	    struct output *);
bool	command_wait(struct running *, int64_t until, struct output *);
void	command_end(struct running *);

/* False, with the sentence set, if it did not end with an exit status. */
bool	command_exited(struct failover *f, const struct command *,
	    const struct output *);

/* The first line that is not blank; "" if there is none.  Cuts text. */
const char	*command_line(char *text);

void	command_set_number(const char *name, long long number);
/* Sets CF_SERVICE and the rest of f's description of the call; role NULL: f's
 * role. */
void	command_set_environment(struct failover *f, const char *op,
	    const char *role, const char *position);

#endif

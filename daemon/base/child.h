/* child.h - start and end a helper process of ours. */
#ifndef CHILD_H
#define CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* The helper program beside our own (that is so in a build tree), else the one
 * in LIBEXECDIR. */
void	child_find_program(char path[PATH_MAX], const char *name);

/* The plugin's file: name itself where it has a '/', else its place in the
 * build tree that we run from, else NAME.so in PLUGINDIR. */
void	child_find_plugin(char path[PATH_MAX], const char *name);

/* The file that we run from, as long as it is there; "" if /proc is not. */
void	child_find_self(char path[PATH_MAX]);

/* What a plugin has no business with, the way into Consul and what systemd gave
 * to us alone, is in the environment of our own programs only. */
enum child_trust { CHILD_OURS, CHILD_OTHERS };

/* What a child finds open, beside /dev/null as standard input. */
enum child_number { CHILD_CHANNEL = 3, CHILD_PLUGIN, CHILD_PROGRAM };

struct child_files {
	int	output;		/* its standard output and error */
	int	channel;	/* 0: none, as of all that follow */
	int	plugin;		/* see image.h */
	int	program;	/* is run in the place of argv[0]; the child must
				 * close it */
};

/* Starts argv[0] in a process group of its own, with default signals.  It has
 * these files, and no other. */
bool	child_spawn(pid_t *, char *const argv[], enum child_trust,
	    const struct child_files *, struct error *) CHECKED;

/* Has it ended?  Waits for limit_ms at most; does not reap it, so
 * that its process group can still be killed by its number. */
bool	child_ended(pid_t, int64_t limit_ms, int *status);

/* "signal 11 (Segmentation fault)", "exit status 3". */
void	child_describe_end(char *text, size_t size, int status);

/* Is that the name that the process gave itself (PR_SET_NAME)? */
#define CHILD_GUARD	"cf-guard"
bool	child_is_called(pid_t, const char *name);

/* Kills the whole process group; child_reap says whether it is done. */
void	child_kill(pid_t);
bool	child_reap(pid_t);

#endif

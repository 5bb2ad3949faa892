/* child.h - start and end a helper process of ours. */
#ifndef CHILD_H
#define CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* The helper program beside our own (as in a build tree), else the one in
 * LIBEXECDIR. */
void	child_find_program(char path[PATH_MAX], const char *name);

/* The plugin's file: name itself if it has a '/', else its place in the build
 * tree that we run from, else NAME.so in PLUGINDIR. */
void	child_find_plugin(char path[PATH_MAX], const char *name);

/* The file that we run from, if it still exists; "" if /proc does not. */
void	child_find_self(char path[PATH_MAX]);

/* Only our own programs get the variables that a plugin must not have: those
 * for access to Consul, and those that systemd set for us alone. */
enum child_trust { CHILD_OURS, CHILD_OTHERS };

/* A child's descriptors, beside /dev/null as standard input. */
enum child_number { CHILD_CHANNEL = 3, CHILD_PLUGIN, CHILD_PROGRAM };

struct child_files {
	int	output;		/* its standard output and error */
	int	channel;	/* 0: none, as for the next two */
	int	plugin;		/* see image.h */
	int	program;	/* is run in place of argv[0]; the child must
				 * close it */
};

/* Starts argv[0] in a process group of its own, with default signals.  It gets
 * only these files. */
bool	child_spawn(pid_t *, char *const argv[], enum child_trust,
	    const struct child_files *, struct error *) CHECKED;

/* Has it ended?  Waits for limit_ms at most; does not reap it, so its process
 * group can still be killed by number. */
bool	child_ended(pid_t, int64_t limit_ms, int *status);

/* "signal 11 (Segmentation fault)", "exit status 3". */
void	child_describe_end(char *text, size_t size, int status);

/* Does the process have this name (PR_SET_NAME)? */
#define CHILD_GUARD	"cf-guard"
bool	child_is_called(pid_t, const char *name);

/* Kills the whole process group; child_reap returns whether it has ended. */
void	child_kill(pid_t);
bool	child_reap(pid_t);

#endif

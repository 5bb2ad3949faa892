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

/* Starts argv[0] in a process group of its own, with default signals.  Its
 * descriptors are: /dev/null as standard input, output twice, channel as 3
 * (unless that is -1); no other. */
bool	child_spawn(pid_t *, char *const argv[], enum child_trust, int output,
	    int channel, struct error *);

/* Has it ended?  Waits for limit milliseconds at most; does not reap it, so
 * that its process group can still be killed by its number. */
bool	child_ended(pid_t, int64_t limit, int *status);

/* "signal 11 (Segmentation fault)", "exit status 3". */
void	child_describe_end(char *text, size_t size, int status);

/* Kills the whole process group; child_reap says whether it is done. */
void	child_kill(pid_t);
bool	child_reap(pid_t);

#endif

/* kill.h - the end of a server that does not answer. */
#ifndef KILL_H
#define KILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kills the server whose number is in this file, and waits at most wait ms for
 * its end.  True if it runs no more; else why says what is in the way. */
bool	kill_by_pid_file(const char *path, int64_t wait, char *why,
	    size_t size);

#endif

/*
 * kill.h - the end of a server that does not answer.
 *
 * It is found without asking it: the kernel knows which process listens at its
 * address, and its pid file names it.  Either is enough.
 */
#ifndef KILL_H
#define KILL_H

#include "server.h"

/* The process to end: the one at the server's address, or the one in pid_file,
 * which may be NULL.  0: there is none, and why has the reason. */
pid_t	kill_find(const struct server *, const char *pid_file, char *why,
	    size_t size);

/* The process that pid_file names, if that runs and is a Redis server; else 0,
 * and why has the file's problem. */
pid_t	kill_pid_file(const char *pid_file, char *why, size_t size);

/* May it run, although no process is found at its address?  Checks its pid
 * file, which may be NULL, and listeners on its port.  Then why has the
 * evidence. */
bool	kill_may_run(const struct server *, const char *pid_file, char *why,
	    size_t size);

/* Is own the process's number in its own PID namespace, as in a container? */
bool	kill_is_named(pid_t, int64_t own);

/* Ends it, within wait ms: SIGTERM, so that its slaves get its last bytes, and
 * SIGKILL at half of that.  False, with the reason, if it may still run. */
bool	kill_process(pid_t, int64_t wait, char *why, size_t size);

#endif

/*
 * kill.h - the end of a server that does not answer.
 *
 * It is found without asking it: the kernel knows who listens at its address,
 * and its pid file names it.  Either is enough.
 */
#ifndef KILL_H
#define KILL_H

#include "server.h"

/* A process that could be ended: that at the server's address, or that of
 * pid_file, which may be NULL.  0: there is none, and why says so. */
pid_t	kill_find(const struct server *, const char *pid_file, char *why,
	    size_t size);

/* The process that pid_file names, if that runs and is a Redis server; else 0,
 * and why says what is wrong with the file. */
pid_t	kill_pid_file(const char *pid_file, char *why, size_t size);

/* May it run, although nobody is found at its address: by its pid file, which
 * may be NULL, and by who listens on its port?  Then why says what tells so. */
bool	kill_may_run(const struct server *, const char *pid_file, char *why,
	    size_t size);

/* Does that process call itself so?  A container counts its own. */
bool	kill_is_named(pid_t, int64_t own);

/* Ends it, within wait ms: SIGTERM, so that its slaves get its last bytes, and
 * SIGKILL at half of that.  False, with the reason, if it may still run. */
bool	kill_process(pid_t, int64_t wait, char *why, size_t size);

#endif

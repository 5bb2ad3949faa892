/*
 * pid.h - whose a process number is, and a signal that reaches no other.
 *
 * A number is another process's as soon as its own has ended: what was found in
 * a file or a list of the kernel a moment ago may be anybody by now.  So the
 * process is held first (by a pidfd), then looked at, then signalled.
 */
#ifndef PID_H
#define PID_H

#include <stdbool.h>
#include <sys/types.h>

#define PID_NAME	16	/* bytes, with the NUL */

/* What the kernel calls it: the name of its program, or what it has made of
 * that, cut.  False where it does not run, or has ended and waits for its
 * parent; name is "" then. */
bool	pid_name(pid_t, char name[static PID_NAME]);

/* A descriptor for the process of that number, if it is wanted (NULL: whichever
 * it is); close it.  It becomes readable when the process ends.  -1 with errno:
 * ESRCH if there is none, 0 if it is another one. */
int	pid_hold(pid_t, bool (*wanted)(pid_t));

/* Sends it a signal if it is wanted; 0 only looks whether we may.  False with
 * errno: ESRCH also if it is another one. */
bool	pid_signal(pid_t, int number, bool (*wanted)(pid_t));

#endif

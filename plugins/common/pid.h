/*
 * pid.h - which process a number belongs to, and signals that reach no other.
 *
 * A number can be reused as soon as its process has ended, so one that was
 * found in a file or a list of the kernel a moment ago may belong to any
 * process by now.  So we first hold the process (by a pidfd), then check it,
 * then signal it.  Where the kernel can't hold one, we check it just before.
 */
#ifndef PID_H
#define PID_H

#include <stdbool.h>
#include <sys/types.h>

#define PID_NAME	16	/* bytes, with the NUL */

/* The kernel's name for it: that of its program, unless it has changed it, cut.
 * False if there is none, or a zombie without other threads; name is "" then. */
bool	pid_name(pid_t, char name[static PID_NAME]);

/* A descriptor for the process of that number, if it is wanted (NULL: any
 * process); the caller closes it.  It becomes readable when the process ends.
 * -1 with errno: ESRCH if there is none, 0 if it is not wanted. */
int	pid_hold(pid_t, bool (*wanted)(pid_t));

/* Sends it a signal if it is wanted; 0 only checks whether we may.  False with
 * errno: ESRCH also if it is not wanted. */
bool	pid_signal(pid_t, int number, bool (*wanted)(pid_t));

#endif

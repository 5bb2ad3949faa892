/*
 * pid.c - which process a number belongs to, and signals that reach no other.
 */
#include "pid.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Has it ended, by what follows its name in /proc/PID/stat?  Z is the state of
 * its first thread, which is also so in a process that was killed while other
 * threads still free its memory: its sockets and files are open until the last
 * one has ended.  Then num_threads, the 20th field, is 1, or 0. */
static bool
has_ended(const char *rest)
{
	char	 state = '\0';
	int	 threads = 0;

	sscanf(rest, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	    "%*s %*s %*s %d", &state, &threads);
	return state == 'X' || (state == 'Z' && threads <= 1);
}

/* "1234 (a name) S ...", and the name may have anything in it. */
bool
pid_name(pid_t pid, char name[static PID_NAME])
{
	char	 path[64], line[1024] = "", *start, *end;
	FILE	*file;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
	fclose(file);
	start = strchr(line, '(');
	end = strrchr(line, ')');
	if (start == NULL || end == NULL || has_ended(end))
		return false;
	*end = '\0';
	snprintf(name, PID_NAME, "%s", start + 1);
	return true;
}

int
pid_hold(pid_t pid, bool (*wanted)(pid_t))
{
	int	 hold = pidfd_open(pid, 0);

	if (hold == -1 || wanted == NULL || wanted(pid))
		return hold;
	close(hold);
	errno = 0;
	return -1;
}

/* For a process that can't be held: the kernel is older than pidfd_open (ENOSYS),
 * a filter of system calls forbids it (EPERM), or there is no descriptor left.
 * The number may become another process's between the check and the signal, but
 * that is far less likely than a server that stays a second master because
 * nothing was sent. */
static bool
signal_number(pid_t pid, int number, bool (*wanted)(pid_t))
{
	/* 0 and less mean a group, or all processes. */
	if (pid > 0 && (wanted == NULL || wanted(pid)))
		return kill(pid, number) == 0;
	errno = ESRCH;
	return false;
}

bool
pid_signal(pid_t pid, int number, bool (*wanted)(pid_t))
{
	int	 hold = pid_hold(pid, wanted), error;
	bool	 sent = hold != -1 &&
		    pidfd_send_signal(hold, number, NULL, 0) == 0;

	if (hold == -1 && errno != 0 && errno != ESRCH)
		return signal_number(pid, number, wanted);
	error = errno == 0 ? ESRCH : errno;
	if (hold != -1)
		close(hold);
	errno = error;
	return sent;
}

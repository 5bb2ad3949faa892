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

/* "1234 (a name) S ...", and the name may have anything in it. */
bool
pid_name(pid_t pid, char name[static PID_NAME])
{
	char	 path[64], line[128] = "", *start, *end;
	FILE	*file;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
	fclose(file);
	start = strchr(line, '(');
	end = strrchr(line, ')');
	if (start == NULL || end == NULL || strncmp(end, ") Z", 3) == 0 ||
	    strncmp(end, ") X", 3) == 0)
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

bool
pid_signal(pid_t pid, int number, bool (*wanted)(pid_t))
{
	int	 hold = pid_hold(pid, wanted), error;
	bool	 sent = hold != -1 &&
		    pidfd_send_signal(hold, number, NULL, 0) == 0;

	error = errno == 0 ? ESRCH : errno;
	if (hold != -1)
		close(hold);
	errno = error;
	return sent;
}

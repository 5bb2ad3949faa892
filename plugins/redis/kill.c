/* kill.c - the end of a server that does not answer. */
#include "kill.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static bool
read_line(const char *path, char *text, size_t size)
{
	FILE	*file = fopen(path, "re");
	bool	 ok = file != NULL && fgets(text, (int)size, file) != NULL;

	if (file != NULL)
		fclose(file);
	return ok;
}

/* A number that is left in an old file may be another process's by now. */
static bool
is_server(pid_t pid)
{
	char	 path[64], name[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return read_line(path, name, sizeof(name)) &&
	    (strstr(name, "redis") != NULL || strstr(name, "valkey") != NULL);
}

bool
kill_by_pid_file(const char *path, int64_t wait, char *why, size_t size)
{
	struct pollfd	 p = { .fd = -1, .events = POLLIN };
	char		 line[32] = "";
	bool		 gone = false;
	int		 pid = 0;

	if (!read_line(path, line, sizeof(line)) ||
	    sscanf(line, "%d", &pid) != 1 || pid <= 1) {
		snprintf(why, size, "no process number in pid_file %.128s",
		    path);
		return false;
	}
	/* First a hold on the process, then the look at who it is. */
	p.fd = pidfd_open(pid, 0);
	if (p.fd == -1 && errno == ESRCH)
		gone = true;
	else if (p.fd == -1 || !is_server(pid))
		snprintf(why, size, "process %d of pid_file %.128s is no "
		    "Redis server", pid, path);
	else if (pidfd_send_signal(p.fd, SIGKILL, NULL, 0) != 0)
		snprintf(why, size, "can't kill process %d: %s", pid,
		    strerror(errno));
	else if (poll(&p, 1, (int)wait) != 1)
		snprintf(why, size, "process %d does not die", pid);
	else
		gone = true;
	if (p.fd != -1)
		close(p.fd);
	return gone;
}

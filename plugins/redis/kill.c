/* kill.c - the end of a server that does not answer. */
#include "kill.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "listener.h"
#include "pid.h"

#define UNTOLD	-1

/*
 * Who it is.
 */

/* The first line that begins with start, without that. */
static bool
read_line(const char *path, const char *start, char *text, size_t size)
{
	FILE	*file = fopen(path, "re");
	size_t	 length = strlen(start);
	bool	 ok = false;

	while (file != NULL && !ok && fgets(text, (int)size, file) != NULL)
		ok = strncmp(text, start, length) == 0;
	if (file != NULL)
		fclose(file);
	if (ok)
		memmove(text, text + length, strlen(text + length) + 1);
	return ok;
}

/* redis-server, valkey-server, keydb-server, redis6-server, and what follows:
 * the kernel cuts a name.  No sentinel, and no exporter. */
static bool
is_name(const char *name)
{
	static const char	*const servers[] = { "redis", "valkey",
				    "keydb" };
	size_t			 i, n;

	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		n = strlen(servers[i]);
		if (strncmp(name, servers[i], n) != 0)
			continue;
		n += strspn(name + n, "0123456789");
		return strncmp(name + n, "-server", 7) == 0;
	}
	return false;
}

/* A number that is left in an old file may be another process's by now, or that
 * of one that has ended and that nobody has asked how. */
static bool
is_server(pid_t pid)
{
	char	 name[PID_NAME];

	return pid_name(pid, name) && is_name(name);
}

bool
kill_is_named(pid_t pid, int64_t own)
{
	char		 path[64], line[256] = "";
	const char	*last;
	long long	 number = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!read_line(path, "NSpid:", line, sizeof(line)))
		return pid == own;
	last = strrchr(line, '\t');
	return last != NULL && sscanf(last, "%lld", &number) == 1 &&
	    number == own;
}

/* The number that is in the file; 0: there is no such file; UNTOLD, where that
 * is not known. */
static pid_t
read_pid(const char *pid_file, char *why, size_t size)
{
	char	 line[32] = "";
	int	 pid = 0, error;
	bool	 ok;

	errno = 0;
	ok = read_line(pid_file, "", line, sizeof(line));
	error = errno;
	if (ok && sscanf(line, "%d", &pid) == 1 && pid > 1)
		return pid;
	if (!ok && error != 0)
		snprintf(why, size, "pid_file %.128s: %s", pid_file,
		    strerror(error));
	else
		snprintf(why, size, "pid_file %.128s %s", pid_file, ok ?
		    "contains no process number" : "is empty");
	return !ok && error == ENOENT ? 0 : UNTOLD;
}

pid_t
kill_pid_file(const char *pid_file, char *why, size_t size)
{
	pid_t	 pid = read_pid(pid_file, why, size);

	if (pid <= 0)
		return 0;
	if (!is_server(pid)) {
		snprintf(why, size, "process %d of pid_file %.128s %s", pid,
		    pid_file, kill(pid, 0) != 0 && errno == ESRCH ?
		    "does not run" : "is not a Redis server");
		return 0;
	}
	return pid;
}

pid_t
kill_find(const struct server *s, const char *pid_file, char *why, size_t size)
{
	char	 wrong[256] = "no pid_file is given";
	pid_t	 pid = s->socket[0] != '\0' ? listener_at_path(s->socket) :
		    listener_at_host(s->host, s->port, 0);
	bool	 seen = pid > 0;

	if (seen && is_server(pid))
		return pid;
	pid = pid_file == NULL ? 0 : kill_pid_file(pid_file, wrong,
	    sizeof(wrong));
	if (pid == 0)
		snprintf(why, size, "%s, and %s", seen ? "the process that "
		    "listens at its address is not Redis" : "no process was "
		    "found that listens at its address", wrong);
	return pid;
}

/*
 * Does it run, although nobody listens at its address?
 */

static bool
names_no_address(const char *host)
{
	return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "localhost") == 0;
}

/* A server that was started with another bind or unixsocket.  Several may share
 * a port, each at an address of its own, which is its host then, so no other
 * counts; only one listens at all addresses, and the clients of the port find
 * that one. */
static pid_t
find_on_port(const struct server *s)
{
	const struct sockaddr_in	 all = { .sin_family = AF_INET,
					    .sin_port = htons(s->port) };
	pid_t				 pid;

	if (names_no_address(s->host))
		return listener_on_port(s->port, is_server);
	if (s->socket[0] == '\0')	/* who listens at all of them, too */
		return listener_at_host(s->host, s->port, 0);
	/* asks nobody */
	pid = listener_at_host(s->host, s->port, AI_NUMERICHOST);
	return pid != 0 ? pid : listener_at((const struct sockaddr *)&all);
}

static bool
is_or_may_be_server(pid_t pid)
{
	return pid == LISTENER_UNSEEN || (pid > 0 && is_server(pid));
}

bool
kill_may_run(const struct server *s, const char *pid_file, char *why,
    size_t size)
{
	char	 who[64] = "a process that we can't see";
	pid_t	 pid = pid_file == NULL ? 0 : read_pid(pid_file, why, size);

	if (pid == UNTOLD) {
		snprintf(why + strlen(why), size - strlen(why),
		    " (remove it if Redis does not run)");
		return true;
	}
	if (pid > 0 && is_server(pid)) {
		snprintf(why, size, "process %d of pid_file runs: see its "
		    "port, bind and unixsocket", pid);
		return true;
	}
	pid = s->socket[0] != '\0' ? listener_at_path(s->socket) : 0;
	if (!is_or_may_be_server(pid))
		pid = find_on_port(s);
	if (!is_or_may_be_server(pid))
		return false;
	if (pid != LISTENER_UNSEEN)
		snprintf(who, sizeof(who), "Redis, process %d,", pid);
	snprintf(why, size, "%s listens on port %u: see its bind and "
	    "unixsocket, and the options host and socket", who, s->port);
	return true;
}

/*
 * Its end.
 */

static bool
ends(int fd, int64_t wait)
{
	struct pollfd	 p = { .fd = fd, .events = POLLIN };

	return TEMP_FAILURE_RETRY(poll(&p, 1, wait < 0 ? 0 : (int)wait)) == 1;
}

bool
kill_process(pid_t pid, int64_t wait, char *why, size_t size)
{
	int	 fd = pid_hold(pid, is_server);
	bool	 gone = fd == -1 && errno == ESRCH;

	if (gone)
		return true;
	if (fd == -1)
		snprintf(why, size, "process %d is not a Redis server", pid);
	else if (pidfd_send_signal(fd, SIGTERM, NULL, 0) != 0)
		snprintf(why, size, "can't end process %d: %s", pid,
		    strerror(errno));
	else {
		gone = ends(fd, wait / 2);
		if (!gone) {
			pidfd_send_signal(fd, SIGKILL, NULL, 0);
			gone = ends(fd, wait / 2);
		}
		if (!gone)
			snprintf(why, size, "process %d does not die", pid);
	}
	if (fd != -1)
		close(fd);
	return gone;
}

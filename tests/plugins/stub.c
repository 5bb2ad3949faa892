/*
 * stub.c - the plugin of the stub application (tests/lab/stub.py).  Records its
 * calls, and misbehaves when it is told to: see script.h.
 *
 * socket	of the application; one line is asked there, one comes back
 *
 * An application that does not answer is not demoted by waiting: SIGKILL, which
 * reaches a stopped one too, is the second half of ensure_demoted.
 */
#include "script.h"

#include <poll.h>
#include <sys/un.h>

#define PATIENCE	1000	/* ms that a healthy application may need */

static const struct failover_option options[] = {
	SCRIPT_OPTIONS,
	{ "socket", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "of the application" },
	{ 0 }
};

FAILOVER_PLUGIN("stub", "1.0", "the stub application, for tests", options);

static int	life = -1;	/* a connection that ends when it does */

static int
app_connect(struct failover *f)
{
	struct sockaddr_un	 to = { .sun_family = AF_UNIX };
	int			 fd;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s",
	    f->option(f, "socket"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One line; false where it has not come in time. */
static bool
app_read(int fd, char *answer, size_t size, int64_t ms)
{
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	size_t		 have = 0;
	ssize_t		 n;

	while (have < size - 1 && poll(&p, 1, (int)ms) == 1) {
		n = read(fd, answer + have, size - 1 - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
		if (answer[have - 1] == '\n') {
			answer[have - 1] = '\0';
			return true;
		}
	}
	return false;
}

static enum failover_result
app_ask(struct failover *f, int fd, const char *line, int64_t ms)
{
	char	 request[400], answer[400];
	size_t	 length;

	length = (size_t)snprintf(request, sizeof(request), "%s\n", line);
	if (write(fd, request, length) != (ssize_t)length ||
	    !app_read(fd, answer, sizeof(answer), ms))
		return f->say(f, FAILOVER_FAILED,
		    "the application does not answer");
	return f->say(f, strncmp(answer, "ok", 2) == 0 ? FAILOVER_DONE :
	    FAILOVER_FAILED, "%s", answer);
}

static enum failover_result
app_do(struct failover *f, const char *line)
{
	enum failover_result	 result;
	int64_t			 ms = f->time_left(f);
	int			 fd = app_connect(f);

	if (fd == -1)
		return f->say(f, FAILOVER_FAILED,
		    "the application does not run");
	if (strcmp(line, "role") == 0 && ms > PATIENCE)
		ms = PATIENCE;
	result = app_ask(f, fd, line, ms);
	close(fd);
	return result;
}

/* The kernel closes its end of fd when it is gone, and not before. */
static bool
app_kill(struct failover *f, int fd)
{
	struct ucred	 app;
	socklen_t	 length = sizeof(app);
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	char		 late[400];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &app, &length) != 0 ||
	    (kill(app.pid, SIGKILL) != 0 && errno != ESRCH))
		return false;
	f->log(f, FAILOVER_WARNING, "killed the application, process %ld",
	    (long)app.pid);
	while (poll(&p, 1, (int)f->time_left(f)) == 1)
		if (read(fd, late, sizeof(late)) <= 0)
			return true;
	return false;
}

static enum failover_result
app_demote(struct failover *f, const char *line)
{
	enum failover_result	 result;
	int			 fd = app_connect(f);

	/* Whoever can't ask knows nothing of it: no descriptor, a full queue. */
	if (fd == -1 && errno != ECONNREFUSED && errno != ENOENT)
		return f->say(f, FAILOVER_FAILED, "it can't be asked: %s",
		    strerror(errno));
	if (fd == -1)
		return f->say(f, FAILOVER_DONE, "the application does not run");
	result = app_ask(f, fd, line, f->time_left(f) / 2);
	if (result != FAILOVER_DONE && app_kill(f, fd))
		result = f->say(f, FAILOVER_DONE,
		    "the application did not answer, and was killed");
	close(fd);
	return result;
}

static enum failover_result
app_health(struct failover *f, const char *line)
{
	enum failover_result	 result = script_flag(f, line);

	return result == FAILOVER_DONE ? app_do(f, line) : result;
}

enum failover_result
plugin_start(struct failover *f)
{
	return script_run(f, "plugin_start", NULL, NULL);
}

/* Nothing is ever said on the connection life, so readable means ended. */
enum failover_result
health(struct failover *f)
{
	char	 byte;

	if (life != -1 && read(life, &byte, 1) == 0) {
		close(life);
		life = -1;
	}
	return script_call(f, "health", "-", app_health, "role");
}

enum failover_result
ensure_master(struct failover *f)
{
	char	 line[64];

	snprintf(line, sizeof(line), "master %" PRIu64, f->epoch);
	return script_call(f, "ensure_master", "-", app_do, line);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char	 master[300], line[320];

	snprintf(master, sizeof(master), "%s:%u", master_host, f->master_port);
	snprintf(line, sizeof(line), "slave %s", master);
	return script_call(f, "ensure_slave", master, app_do, line);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return script_call(f, "ensure_demoted", "-", app_demote, "demote");
}

int
watch_fd(struct failover *f)
{
	if (life == -1)
		life = app_connect(f);
	return life;
}

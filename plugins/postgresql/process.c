/* process.c - the server's processes, as /proc and postmaster.pid show them. */

#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "file.h"
#include "pid.h"
#include "unit.h"

static struct stat	 data;	/* its data directory, as we last looked */

static bool
look_at_data(struct failover *f)
{
	return stat(data_folder(f), &data) == 0;
}

/* Each process of a server stays in its data directory, which may be mounted
 * elsewhere than here.  One that was started as "postmaster" is called so, and
 * one whose package was replaced has lost its file. */
static bool
is_server(pid_t pid)
{
	char		 path[64], text[PATH_MAX];
	const char	*name;
	struct stat	 s;
	ssize_t		 n;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	if (stat(path, &s) != 0 || s.st_dev != data.st_dev ||
	    s.st_ino != data.st_ino)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	name = strrchr(text, '/');
	return name != NULL && (strcmp(name, "/postgres") == 0 ||
	    strcmp(name, "/postgres (deleted)") == 0);
}

/* Its children have titles, from a moment after their birth on. */
static bool
is_postmaster(pid_t pid)
{
	char	 path[64], text[PATH_MAX], *rest;
	int	 parent;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (!is_server(pid) ||
	    file_begin(path, text, sizeof(text)) == 0 ||
	    strncmp(text, "postgres: ", 10) == 0 ||
	    strcmp(text + strlen(text) + 1, "--single") == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file_begin(path, text, sizeof(text));
	rest = strrchr(text, ')');
	return rest != NULL && sscanf(rest, ") %*c %d", &parent) == 1 &&
	    !is_server(parent);
}

int
process_signal(struct failover *f, int number, pid_t *postmaster)
{
	DIR		*proc;
	struct dirent	*d;
	pid_t		 pid;
	int		 count = 0;

	if (postmaster != NULL)
		*postmaster = 0;
	if (!look_at_data(f) || (proc = opendir("/proc")) == NULL)
		return -1;
	while ((d = readdir(proc)) != NULL) {
		pid = atoi(d->d_name);
		if (pid <= 0 || !is_server(pid))
			continue;
		if (postmaster != NULL && is_postmaster(pid))
			*postmaster = pid;
		if (pid_signal(pid, number, is_server) || errno != ESRCH)
			count++;
	}
	closedir(proc);
	return count;
}

bool
process_owns(struct failover *f, pid_t pid)
{
	return pid > 0 && look_at_data(f) && is_server(pid);
}

void
process_end(struct failover *f, pid_t pid, int number)
{
	if (pid > 0 && look_at_data(f))
		pid_signal(pid, number, is_server);
}

/* postmaster.pid: its pid, the data directory, when it started, the port, the
 * folder of the socket, two lines more, and what it is about. */
struct pid_file
process_read_pid_file(struct failover *f)
{
	struct pid_file	 p = { 0 };
	char		 path[PATH_MAX], text[2 * PATH_MAX];
	char		*rest = text, *line;
	int		 number, port = 0;

	data_path(f, "postmaster.pid", path);
	file_begin(path, text, sizeof(text));
	for (number = 1; (line = strsep(&rest, "\n")) != NULL; number++)
		switch (number) {
		case 1:
			p.number = atoi(line);
			break;
		case 3:
			p.started = atol(line);
			break;
		case 4:
			port = atoi(line);
			break;
		case 5:
			snprintf(p.socket, sizeof(p.socket),
			    "%.*s/.s.PGSQL.%d.lock", PATH_MAX - 32, line, port);
			break;
		case 8:
			p.stopping = strncmp(line, "stopping", 8) == 0;
			break;
		}
	p.postmaster = p.number;
	if (!process_owns(f, p.number)) {
		/* A file that is lost or damaged says nothing of the server. */
		p.stopping = false;
		p.started = 0;
		process_signal(f, 0, &p.postmaster);
	}
	unit_note(p.postmaster);
	return p;
}

pid_t
process_postmaster(struct failover *f)
{
	return process_read_pid_file(f).postmaster;
}

bool
process_gone(struct failover *f)
{
	return process_read_pid_file(f).postmaster == 0 &&
	    process_signal(f, 0, NULL) == 0;
}

/* PostgreSQL does not start while the number in these files is that of any
 * process, and after a crash it may be another's, or a zombie's. */
void
process_clear(struct failover *f)
{
	struct pid_file	 p = process_read_pid_file(f);
	char		 path[PATH_MAX];

	if (p.number <= 0 || kill(p.number, 0) != 0 || !process_gone(f))
		return;
	data_path(f, "postmaster.pid", path);
	unlink(path);
	if (p.socket[0] == '/')
		unlink(p.socket);
}

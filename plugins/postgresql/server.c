/* server.c - the server as its host sees it. */

#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "settings.h"
#include "unit.h"

#define PATH_ROOM	960	/* bytes; PostgreSQL has 1024 for a path */
#define PAUSE		10	/* ms between two looks while it stops */
#define START_TIME	"60"	/* s that pg_ctl waits for a start */
#define QUEUE_TIME	120000	/* ms that a job waits for another one */
#define JOB_TIME	86400000	/* ms for all that a job asks */
#define SENDERS_TIME	5000	/* ms for a slave that takes no WAL */
#define CHECKPOINT_TIME	60000	/* ms for the last checkpoint before that */
#define CONTROL_PAUSE	500	/* ms between two looks whether it is done */

/* What is beside it is beside the folder itself, not beside a link to it. */
const char *
server_data(struct failover *f)
{
	static char	*real;
	const char	*option = f->option(f, "data_directory");

	if (real == NULL)
		real = malloc(PATH_MAX);
	return *option == '/' && real != NULL &&
	    realpath(option, real) != NULL ? real : option;
}

void
server_path(struct failover *f, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", server_data(f), file);
}

const char *
server_log(struct failover *f)
{
	static char	 path[PATH_MAX];

	if (*f->option(f, "log_file"))
		return f->option(f, "log_file");
	snprintf(path, sizeof(path), "%s.log", server_data(f));
	return path;
}

int
server_version(struct failover *f)
{
	char	 path[PATH_MAX], text[32];

	server_path(f, "PG_VERSION", path);
	file_begin(path, text, sizeof(text));
	return atoi(text);
}

void
server_program(struct failover *f, const char *name, char path[PATH_MAX])
{
	static const char	*const folders[] = {
		"/usr/lib/postgresql/", "/bin",		/* Debian's packages */
		"/usr/pgsql-", "/bin",			/* PostgreSQL's RPMs */
	};
	const char		*folder = f->option(f, "bin_directory");
	int			 version = server_version(f), length;
	size_t			 i;

	for (i = 0; *folder == '\0' && i < 4; i += 2) {
		length = snprintf(path, PATH_MAX, "%s%d%s/%s", folders[i],
		    version, folders[i + 1], name);
		if (length < PATH_MAX && access(path, X_OK) == 0)
			return;
	}
	length = snprintf(path, PATH_MAX, "%s/%s", *folder ? folder :
	    "/usr/bin", name);
	if (length >= PATH_MAX)
		path[0] = '\0';		/* nothing to be run */
}

bool
server_empty(struct failover *f)
{
	DIR		*dir = opendir(server_data(f));
	struct dirent	*d;
	bool		 empty = dir != NULL;

	while (empty && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* As another user we could neither signal the server nor read its files; as
 * root its files would become root's. */
static bool
check_owner(struct failover *f)
{
	struct stat	 s;

	if (server_data(f)[0] != '/')
		f->say(f, FAILOVER_FAILED, "option data_directory: %s is no "
		    "absolute path", server_data(f));
	else if (stat(server_data(f), &s) != 0)
		f->say(f, FAILOVER_FAILED, "option data_directory: %s: %s",
		    server_data(f), strerror(errno));
	else if (s.st_uid != geteuid())
		f->say(f, FAILOVER_FAILED, "runs as user %d, but %s belongs to "
		    "user %d: run the agent as the user of the server "
		    "(User=postgres in its unit)", (int)geteuid(),
		    server_data(f), (int)s.st_uid);
	else if (strlen(server_data(f)) > PATH_ROOM)
		f->say(f, FAILOVER_FAILED, "option data_directory: %.80s... is "
		    "longer than %d bytes", server_data(f), PATH_ROOM);
	else if (access("/proc/self/cwd", F_OK) != 0)
		f->say(f, FAILOVER_FAILED, "/proc is not mounted: without it "
		    "nobody knows whether the server runs");
	else
		return true;
	return false;
}

bool
server_check(struct failover *f)
{
	char	 path[PATH_MAX];
	int	 version;

	if (!check_owner(f))
		return false;
	version = server_version(f);
	if (version == 0 && server_empty(f) &&
	    strcmp(f->option(f, "on_divergence"), "copy") == 0)
		return true;
	if (version == 0) {
		f->say(f, FAILOVER_FAILED, "option data_directory: %s holds no "
		    "database: it has no PG_VERSION", server_data(f));
		return false;
	}
	if (version < OLDEST) {
		f->say(f, FAILOVER_FAILED, "%s is of PostgreSQL %d, which is "
		    "too old: the plugin needs %d or later", server_data(f),
		    version, OLDEST);
		return false;
	}
	server_program(f, "pg_controldata", path);
	if (access(path, X_OK) != 0) {
		f->say(f, FAILOVER_FAILED, "no PostgreSQL %d in %s: give its "
		    "folder as option bin_directory", version, path);
		return false;
	}
	return true;
}

/*
 * Processes.
 */

/* Each process of a server stays in its data directory, which may be mounted
 * elsewhere than here.  One that was started as "postmaster" is called so, and
 * one whose package was replaced has lost its file. */
static bool
is_server(const struct stat *data, const char *pid)
{
	char		 path[64], text[PATH_MAX];
	const char	*name;
	struct stat	 s;
	ssize_t		 n;

	snprintf(path, sizeof(path), "/proc/%.16s/cwd", pid);
	if (stat(path, &s) != 0 || s.st_dev != data->st_dev ||
	    s.st_ino != data->st_ino)
		return false;
	snprintf(path, sizeof(path), "/proc/%.16s/exe", pid);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	name = strrchr(text, '/');
	return name != NULL && (strcmp(name, "/postgres") == 0 ||
	    strcmp(name, "/postgres (deleted)") == 0);
}

/* Its children have titles, from a moment after their birth on. */
static bool
is_postmaster(const struct stat *data, const char *pid)
{
	char	 path[64], text[PATH_MAX], *rest;
	int	 parent;

	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
	if (!is_server(data, pid) ||
	    file_begin(path, text, sizeof(text)) == 0 ||
	    strncmp(text, "postgres: ", 10) == 0 ||
	    strcmp(text + strlen(text) + 1, "--single") == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	file_begin(path, text, sizeof(text));
	rest = strrchr(text, ')');
	if (rest == NULL || sscanf(rest, ") %*c %d", &parent) != 1)
		return false;
	snprintf(text, sizeof(text), "%d", parent);
	return !is_server(data, text);
}

/* Sends a signal, or 0, to all of them and counts them; -1 where that can't be
 * known.  *postmaster is the one among them, or 0. */
static int
signal_all(struct failover *f, int number, pid_t *postmaster)
{
	struct stat	 data;
	DIR		*proc;
	struct dirent	*d;
	int		 count = 0;

	if (postmaster != NULL)
		*postmaster = 0;
	if (stat(server_data(f), &data) != 0 ||
	    (proc = opendir("/proc")) == NULL)
		return -1;
	while ((d = readdir(proc)) != NULL) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9' ||
		    !is_server(&data, d->d_name))
			continue;
		if (postmaster != NULL && is_postmaster(&data, d->d_name))
			*postmaster = atoi(d->d_name);
		if (kill(atoi(d->d_name), number) == 0 || errno != ESRCH)
			count++;
	}
	closedir(proc);
	return count;
}

bool
server_owns(struct failover *f, pid_t pid)
{
	struct stat	 data;
	char		 text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return pid > 0 && stat(server_data(f), &data) == 0 &&
	    is_server(&data, text);
}

/* postmaster.pid: its pid, the data directory, when it started, the port, the
 * folder of the socket, two lines more, and what it is about. */
struct pid_file {
	int	 number;	/* as it stands there */
	pid_t	 postmaster;	/* that runs, whatever stands there; or 0 */
	time_t	 started;
	bool	 stopping;
	char	 socket[PATH_MAX];	/* its lock file */
};

static struct pid_file
read_pid_file(struct failover *f)
{
	struct pid_file	 p = { 0 };
	char		 path[PATH_MAX], text[2 * PATH_MAX];
	char		*rest = text, *line;
	int		 number, port = 0;

	server_path(f, "postmaster.pid", path);
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
	if (!server_owns(f, p.number)) {
		/* A file that is lost or damaged says nothing of the server. */
		p.stopping = false;
		p.started = 0;
		signal_all(f, 0, &p.postmaster);
	}
	unit_note(p.postmaster);
	return p;
}

pid_t
server_postmaster(struct failover *f)
{
	return read_pid_file(f).postmaster;
}

bool
server_gone(struct failover *f)
{
	return read_pid_file(f).postmaster == 0 && signal_all(f, 0, NULL) == 0;
}

/* PostgreSQL does not start while the number in these files is that of any
 * process, and after a crash it may be another's, or a zombie's. */
void
server_clear(struct failover *f)
{
	struct pid_file	 p = read_pid_file(f);
	char		 path[PATH_MAX];

	if (p.number <= 0 || kill(p.number, 0) != 0 || !server_gone(f))
		return;
	server_path(f, "postmaster.pid", path);
	unlink(path);
	if (p.socket[0] == '/')
		unlink(p.socket);
}

/*
 * The control file.
 */

static const char *
control_value(const char *text, const char *name, char *value, size_t size)
{
	const char	*line = strstr(text, name);

	value[0] = '\0';
	if (line != NULL) {
		line += strlen(name);
		line += strspn(line, " ");
		snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	return value;
}

static void
read_history(struct failover *f, struct position *p)
{
	char	 file[32], path[PATH_MAX], *text;

	snprintf(file, sizeof(file), "pg_wal/%08X.history", p->timeline);
	server_path(f, file, path);
	text = file_read(path);
	position_read_history(p, text == NULL ? "" : text);
	free(text);
}

static bool
read_control(struct failover *f, struct control *c)
{
	const char	*argv[] = { NULL, "-D", server_data(f), NULL };
	char		 program[PATH_MAX], text[8192], lsn[32], timeline[32];
	char		 segment[32];
	const char	*state = c->state;
	bool		 standby;

	*c = (struct control){ 0 };
	server_program(f, "pg_controldata", program);
	argv[0] = program;
	if (!program_read(f, argv, text, sizeof(text)))
		return false;
	control_value(text, "Database cluster state:", c->state,
	    sizeof(c->state));
	control_value(text, "Database system identifier:", c->system,
	    sizeof(c->system));
	standby = strcmp(state, "shut down in recovery") == 0;
	c->clean = standby || strcmp(state, "shut down") == 0;
	/* The checkpoint of a shutdown begins when the last client is gone. */
	c->closed = c->clean || strcmp(state, "shutting down") == 0;
	control_value(text, standby ? "Minimum recovery ending location:" :
	    "Latest checkpoint location:", lsn, sizeof(lsn));
	control_value(text, standby ? "Min recovery ending loc's timeline:" :
	    "Latest checkpoint's TimeLineID:", timeline, sizeof(timeline));
	control_value(text, "Bytes per WAL segment:", segment,
	    sizeof(segment));
	c->segment = strtoull(segment, NULL, 10);
	c->position.timeline = (uint32_t)strtoul(timeline, NULL, 10);
	/* Of a master it is where its last record begins: who has a byte of
	 * it has all that came before. */
	if (lsn_parse(lsn, &c->position.lsn) && !standby)
		c->position.lsn++;
	if (c->clean)
		read_history(f, &c->position);
	return true;
}

bool
server_wal(struct failover *f, uint32_t timeline, uint64_t lsn, void *bytes,
    size_t size)
{
	struct control	 c;
	char		 file[48], path[PATH_MAX];
	uint64_t	 number, each;
	ssize_t		 n = -1;
	int		 fd;

	if (!read_control(f, &c) || c.segment == 0)
		return false;
	number = lsn / c.segment;
	each = (UINT64_C(1) << 32) / c.segment;
	snprintf(file, sizeof(file), "pg_wal/%08X%08X%08X", timeline,
	    (uint32_t)(number / each), (uint32_t)(number % each));
	server_path(f, file, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = pread(fd, bytes, size, (off_t)(lsn % c.segment));
		close(fd);
	}
	return n == (ssize_t)size;
}

/*
 * That an agent has made it a master, ever: it goes with the data.
 */

#define OURS	"consul-failover.master"

bool
server_is_ours(struct failover *f)
{
	char	 path[PATH_MAX];

	server_path(f, OURS, path);
	return access(path, F_OK) == 0;
}

bool
server_make_ours(struct failover *f)
{
	char	 path[PATH_MAX];
	int	 fd;

	server_path(f, OURS, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1 && errno != ENOENT)
		return f->say(f, FAILOVER_FAILED, "can't write %s: %s", path,
		    strerror(errno)) == FAILOVER_DONE;
	if (fd != -1)
		close(fd);
	return true;
}

/*
 * standby.signal.
 */

enum server_mark
server_mark(struct failover *f)
{
	char		 path[PATH_MAX];
	struct stat	 s;

	server_path(f, "standby.signal", path);
	if (stat(path, &s) != 0)
		return MARK_NONE;
	return s.st_size == 0 ? MARK_STANDBY : MARK_PROMOTING;
}

bool
server_set_mark(struct failover *f, enum server_mark mark)
{
	static const char	 note[] = "consul-failover promotes it\n";
	size_t			 size = mark == MARK_PROMOTING ?
				    strlen(note) : 0;
	char			 path[PATH_MAX];
	int			 fd;
	bool			 ok;

	server_path(f, "standby.signal", path);
	if (mark == MARK_NONE)
		return unlink(path) == 0 && file_sync_folder(server_data(f));
	if (server_mark(f) == mark)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	ok = write(fd, note, size) == (ssize_t)size && fsync(fd) == 0;
	close(fd);
	return ok && file_sync_folder(server_data(f));
}

/*
 * The note of a pg_rewind under way, beside the directory that it changes.
 */

/* Where data_directory is a link, an older version has put it beside that. */
static void
torn_path(struct failover *f, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s.rewinding", f->option(f,
	    "data_directory"));
	if (access(path, F_OK) != 0)
		snprintf(path, PATH_MAX, "%s.rewinding", server_data(f));
}

bool
server_torn(struct failover *f)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	return access(path, F_OK) == 0;
}

bool
server_set_torn(struct failover *f, const char *note)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	if (note == NULL)
		return unlink(path) == 0 || errno == ENOENT;
	return server_torn(f) || file_replace(path, note);
}

char *
server_torn_note(struct failover *f)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	return file_read(path);
}

/*
 * What it is.
 */

static enum server_kind
kind_of(struct failover *f, const struct pid_file *p, const struct control *c)
{
	char		 path[PATH_MAX];
	struct stat	 s;
	enum server_mark mark = server_mark(f);

	if (p->stopping)
		return SERVER_STOPPING;
	if (mark != MARK_STANDBY || strcmp(c->state, "in production") == 0)
		return SERVER_PRIMARY;
	if (strcmp(c->state, "in archive recovery") == 0)
		return SERVER_STANDBY;
	/* Whoever starts looks for standby.signal before it opens. */
	server_path(f, "standby.signal", path);
	return stat(path, &s) == 0 && s.st_mtime < p->started ?
	    SERVER_STANDBY : SERVER_STARTING;
}

void
server_look(struct failover *f, struct server *s)
{
	struct pid_file	 p;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;	/* jobs that a call did not wait for */
	*s = (struct server){ .kind = SERVER_NONE };
	p = read_pid_file(f);
	s->postmaster = p.postmaster;
	if (server_version(f) != 0)
		read_control(f, &s->control);
	if (p.postmaster != 0)
		s->kind = kind_of(f, &p, &s->control);
	else if (signal_all(f, 0, NULL) != 0)
		s->kind = SERVER_ORPHANED;
	else if (server_version(f) != 0)
		s->kind = SERVER_STOPPED;
}

/*
 * Stopping.
 */

/* Waits until it is gone or, if clean is enough, until its control file says
 * that all is written: then it only waits for slaves to take the rest. */
static bool
wait_stop(struct failover *f, bool clean, int64_t left)
{
	struct control	 c;
	struct pid_file	 p;

	for (;;) {
		p = read_pid_file(f);
		/* Orphans never end in good order. */
		if (p.postmaster == 0 && signal_all(f, SIGKILL, NULL) == 0)
			return true;
		if (clean && p.stopping && read_control(f, &c) && c.clean)
			return true;
		if (f->time_left(f) <= left)
			return false;
		pause_ms(PAUSE);
	}
}

static bool
is_closed(struct failover *f)
{
	struct pid_file	 p = read_pid_file(f);
	struct control	 c;

	return p.stopping && read_control(f, &c) && c.closed;
}

static void
ask_to_stop(struct failover *f)
{
	const char	*argv[] = { "/bin/sh", "-c",
			    f->option(f, "stop_command"), NULL };
	struct pid_file	 p = read_pid_file(f);
	struct program	 command;

	/* What pg_ctl -m fast does. */
	if (!*argv[2] || !program_start(&command, argv, STDERR_FILENO)) {
		if (p.postmaster != 0)
			kill(p.postmaster, SIGINT);
		return;
	}
	if (program_wait(&command, f, f->time_left(f) / 4 * 3) &&
	    command.status == 0)
		return;
	/* Nor may it stop later what will have been started again. */
	kill(-command.pid, SIGKILL);
	f->log(f, FAILOVER_WARNING, "stop_command %s: the server is told "
	    "directly: %s", command.status != 0 ? "failed" : "takes too long",
	    argv[2]);
	if (p.postmaster != 0)
		kill(p.postmaster, SIGINT);
}

bool
server_stop(struct failover *f, bool closed)
{
	int64_t		 all = f->time_left(f);
	struct pid_file	 p;

	ask_to_stop(f);
	if (wait_stop(f, closed, all / 2))
		return true;
	/* Nobody writes any more: it had better end its checkpoint. */
	if (closed && is_closed(f)) {
		wait_stop(f, closed, all / 4);
		return true;
	}
	f->log(f, FAILOVER_WARNING, "the server does not stop in good order "
	    "within %.1f s: stopping it at once", (double)all / 2000);
	p = read_pid_file(f);
	if (p.postmaster != 0)
		kill(p.postmaster, SIGQUIT);
	if (wait_stop(f, closed, all / 4))
		return true;
	f->log(f, FAILOVER_WARNING, "the server does not stop: killing it");
	signal_all(f, SIGKILL, NULL);
	return wait_stop(f, false, all / 20);
}

/*
 * Jobs.
 */

static int
job_lock(struct failover *f, int how)
{
	int	 fd = open(server_data(f), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1 && flock(fd, how | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool
job_running(struct failover *f)
{
	int	 fd = job_lock(f, LOCK_SH);

	if (fd != -1)
		close(fd);
	return fd == -1 && errno == EWOULDBLOCK;
}

static int
job_log(struct failover *f)
{
	int	 fd = open(server_log(f), O_WRONLY | O_CREAT | O_APPEND |
		    O_CLOEXEC, 0600);

	if (fd != -1)
		return fd;
	f->log(f, FAILOVER_WARNING, "option log_file: %s: %s", server_log(f),
	    strerror(errno));
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* In the child; the lock is -1 where it has to queue for it. */
static bool
job_run(struct failover *f, int lock, int log, job_work work, void *arg)
{
	int	 waited;

	/* It goes on after the call. */
	f->deadline += JOB_TIME;
	/* Not the agent's: it may outlive it. */
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	for (waited = 0; lock == -1; waited += PAUSE) {
		if (waited > QUEUE_TIME)
			return false;
		pause_ms(PAUSE);
		lock = job_lock(f, LOCK_EX);
	}
	return work(f, arg, log);
}

bool
job_start(struct program *p, struct failover *f, bool queue, job_work work,
    void *arg)
{
	int	 lock = job_lock(f, LOCK_EX), log = job_log(f), ready[2];
	char	 byte;

	*p = (struct program){ 0 };
	if ((lock != -1 || queue) && log != -1 &&
	    pipe2(ready, O_CLOEXEC) == 0) {
		p->pid = fork();
		if (p->pid == 0) {
			setsid();
			close(ready[1]);
			_exit(job_run(f, lock, log, work, arg) ? EXIT_SUCCESS :
			    EXIT_FAILURE);
		}
		/* When we answer, what is still in our group may be killed. */
		close(ready[1]);
		while (read(ready[0], &byte, 1) == -1 && errno == EINTR)
			continue;
		close(ready[0]);
	}
	if (lock != -1)
		close(lock);
	if (log != -1)
		close(log);
	return p->pid > 0;
}

/* A slave that hangs must not keep us from serving as one.  Before the last
 * checkpoint is done nobody knows how far this copy has got. */
static void
wait_gone(struct failover *f, pid_t old)
{
	struct control	 c = { 0 };
	int		 waited, limit = CHECKPOINT_TIME;

	for (waited = 0; server_owns(f, old); waited += PAUSE) {
		if (!c.clean && waited % CONTROL_PAUSE == 0 &&
		    read_control(f, &c) && c.clean && waited < limit)
			limit = waited + SENDERS_TIME;
		if (waited == limit)
			kill(old, SIGQUIT);
		if (waited == limit + SENDERS_TIME)
			kill(old, SIGKILL);
		pause_ms(PAUSE);
	}
	while (read_pid_file(f).postmaster == 0 &&
	    signal_all(f, SIGKILL, NULL) > 0)
		pause_ms(PAUSE);
}

/* A unit may protect its processes from the OOM killer, but the server's own
 * ones, which eat the memory, shall be found: the postmaster writes 0 there. */
static void
keep_score(void)
{
	static const char	 score[] = "/proc/self/oom_score_adj";
	char			 text[16];

	if (file_begin(score, text, sizeof(text)) > 0 && atoi(text) < 0)
		setenv("PG_OOM_ADJUST_FILE", score, 0);
}

bool
server_start(struct failover *f, pid_t old, int log)
{
	const char	*command = f->option(f, "start_command");
	const char	*file = f->option(f, "config_file");
	const char	*shell[] = { "/bin/sh", "-c", command, NULL };
	char		 program[PATH_MAX], options[PATH_MAX + 1024];
	const char	*pg_ctl[] = { program, "start", "-D", server_data(f),
			    "-s", "-w", "-t", START_TIME, "-o", options, NULL };
	int		 at = 0;

	wait_gone(f, old);
	unit_wait(f);
	if (read_pid_file(f).postmaster != 0)
		return true;	/* somebody was faster */
	if (server_mark(f) != MARK_STANDBY)
		return false;
	if (server_torn(f)) {
		dprintf(log, "error: pg_rewind of %s has not come to its end: "
		    "it is not started\n", server_data(f));
		return false;
	}
	server_clear(f);
	if (*command && !settings_write(f)) {
		dprintf(log, "error: can't write %s/postgresql.auto.conf: it "
		    "is not started\n", server_data(f));
		return false;
	}
	if (*command && program_run(shell, log) == 0)
		return true;
	/* It may not be allowed to, and a server that is down helps nobody. */
	if (*command) {
		dprintf(log, "error: start_command failed: %s: pg_ctl starts "
		    "it\n", command);
		if (server_postmaster(f) != 0)
			return true;
	}
	server_program(f, "pg_ctl", program);
	keep_score();
	if (*file)
		at = snprintf(options, sizeof(options), "-c config_file='%s'",
		    file);
	settings_words(f, options + at, sizeof(options) - (size_t)at);
	return program_run(pg_ctl, log) == 0;
}

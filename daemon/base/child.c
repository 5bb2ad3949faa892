/* child.c - start and end a helper process of ours. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define CHILD_PROGRAM_TEXT	"5"
_Static_assert(CHILD_PROGRAM == 5, "CHILD_PROGRAM_TEXT is another number");

extern char	**environ;

static const char	*const child_secrets[] = {
	"CONSUL_HTTP_TOKEN", "CONSUL_HTTP_AUTH", "CONSUL_CLIENT_",
	"CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "LISTEN_", "NOTIFY_SOCKET",
	"WATCHDOG_",
};

void
child_find_self(char path[PATH_MAX])
{
	ssize_t	 n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	path[n > 0 ? n : 0] = '\0';
}

static bool
child_is_beside_us(char path[PATH_MAX], const char *relative)
{
	char	 folder[PATH_MAX];
	int	 n;

	child_find_self(folder);
	if (folder[0] == '\0')
		return false;
	*strrchr(folder, '/') = '\0';
	n = snprintf(path, PATH_MAX, "%s/%s", folder, relative);
	return n < PATH_MAX && access(path, R_OK) == 0;
}

void
child_find_program(char path[PATH_MAX], const char *name)
{
	if (!child_is_beside_us(path, name))
		snprintf(path, PATH_MAX, LIBEXECDIR "/%s", name);
}

void
child_find_plugin(char path[PATH_MAX], const char *name)
{
	char	 tree[PATH_MAX], so[PATH_MAX];

	snprintf(so, sizeof so, "../plugins/%s/%s.so", name, name);
	if (strchr(name, '/') != NULL)
		snprintf(path, PATH_MAX, "%s", name);
	else if (!child_is_beside_us(tree, "consul-failover-handler") ||
	    !child_is_beside_us(tree, so) ||
	    realpath(tree, path) == NULL)
		snprintf(path, PATH_MAX, PLUGINDIR "/%s.so", name);
}

static bool
child_is_secret(const char *variable)
{
	size_t	 i;

	for (i = 0; i < sizeof child_secrets / sizeof child_secrets[0]; i++)
		if (strncmp(variable, child_secrets[i],
		    strlen(child_secrets[i])) == 0)
			return true;
	return false;
}

/* Without memory, for the guard: puts the secrets first, so that what others
 * may have begins behind them. */
static char **
child_environment(enum child_trust trust)
{
	char	**rest = environ, **at, *secret;

	if (trust == CHILD_OURS)
		return environ;
	for (at = environ; *at != NULL; at++)
		if (child_is_secret(*at)) {
			secret = *at;
			memmove(rest + 1, rest,
			    (size_t)(at - rest) * sizeof *at);
			*rest++ = secret;
		}
	return rest;
}

/* As what, and from which on it has none: the child's own descriptors. */
static bool
child_add_files(posix_spawn_file_actions_t *files, const struct child_files *f)
{
	const int	own[][2] = {
		{ f->output, STDOUT_FILENO },
		{ f->output, STDERR_FILENO },
		{ f->channel, CHILD_CHANNEL },
		{ f->plugin, CHILD_PLUGIN },
		{ f->program, CHILD_PROGRAM },
	};
	size_t		i;
	bool		ok = posix_spawn_file_actions_addopen(files,
			    STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0;

	for (i = 0; ok && i < sizeof own / sizeof own[0]; i++)
		ok = (own[i][0] > 0 ?
		    posix_spawn_file_actions_adddup2(files, own[i][0],
		    own[i][1]) :
		    posix_spawn_file_actions_addclose(files, own[i][1])) == 0;
	return ok && posix_spawn_file_actions_addclosefrom_np(files,
	    CHILD_PROGRAM + 1) == 0;
}

bool
child_spawn(pid_t *pid, char *const argv[], enum child_trust trust,
    const struct child_files *own, struct error *err)
{
	const char			*path = argv[0];
	posix_spawn_file_actions_t	 files;
	posix_spawnattr_t		 attributes;
	sigset_t			 none, all;
	int				 failed = ENOMEM;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	posix_spawn_file_actions_init(&files);
	if (own->program > 0)
		path = "/proc/self/fd/" CHILD_PROGRAM_TEXT;
	if (child_add_files(&files, own))
		failed = posix_spawn(pid, path, &files, &attributes, argv,
		    child_environment(trust));

	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return failed == 0 ||
	    error_set(err, "can't start %s: %s", argv[0], strerror(failed));
}

bool
child_ended(pid_t pid, int64_t limit_ms, int *status)
{
	const struct timespec	 moment = { .tv_nsec = 100000 };
	int64_t			 until = clock_ms() + limit_ms;
	siginfo_t		 end = { 0 };

	for (;;) {
		if (waitid(P_PID, (id_t)pid, &end,
		    WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == pid)
			break;
		if (clock_ms() >= until)
			return false;
		nanosleep(&moment, NULL);
	}
	*status = end.si_code == CLD_EXITED ?
	    W_EXITCODE(end.si_status, 0) : W_EXITCODE(0, end.si_status);
	return true;
}

void
child_describe_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

bool
child_is_called(pid_t pid, const char *name)
{
	char	path[32], found[32] = "";
	int	fd;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	if (read(fd, found, sizeof found - 1) < 0)
		found[0] = '\0';
	close(fd);
	found[strcspn(found, "\n")] = '\0';
	return strcmp(found, name) == 0;
}

void
child_kill(pid_t pid)
{
	if (pid > 1)		/* the "group" of 1 is everybody */
		kill(-pid, SIGKILL);
}

bool
child_reap(pid_t pid)
{
	/* ECHILD: somebody who waits for any child was faster. */
	return waitpid(pid, NULL, WNOHANG) != 0;
}

/*
 * init.c - the duties of process 1 in a container.
 *
 * Every orphan of the container becomes its child, and stays a zombie until it
 * is reaped.  The agent waits for its own children by their numbers, which must
 * stay valid until then; so a process above it reaps all others.
 */
#include "init.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

/* The container ends with us, and with it the guard of an agent that has come to
 * an end: it must demote the copy first. */
#define GUARD_LIMIT	60	/* s */

static bool
init_has_guard(void)
{
	DIR		*all = opendir("/proc");
	struct dirent	*e;
	bool		 found = false;

	while (all != NULL && !found && (e = readdir(all)) != NULL)
		found = child_is_called(atoi(e->d_name), CHILD_GUARD);
	if (all != NULL)
		closedir(all);
	return found;
}

/* Its own exit status in good order, else when no guard is left. */
static _Noreturn void
init_end(int status, const sigset_t *all)
{
	const struct timespec	moment = { .tv_nsec = 100000000 };
	time_t			until = time(NULL) + GUARD_LIMIT;

	while (status != 0 && init_has_guard() && time(NULL) < until) {
		sigtimedwait(all, NULL, &moment);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status));
}

static void
init_reap(pid_t program, const sigset_t *all)
{
	pid_t	pid;
	int	status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			init_end(status, all);
}

void
init_begin(void)
{
	sigset_t	all, before;
	pid_t		program;
	int		number;

	if (getpid() != 1)
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	program = fork();
	while (program > 0)
		if (sigwait(&all, &number) != 0)
			continue;
		else if (number == SIGCHLD)
			init_reap(program, &all);
		else
			kill(program, number);
	/* If there can't be another process, this one is better than none. */
	sigprocmask(SIG_SETMASK, &before, NULL);
}

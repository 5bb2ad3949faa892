/* program.c - running PostgreSQL's programs, and the operator's commands. */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE	2	/* ms between two looks whether it has ended */

void
pause_ms(long ms)
{
	struct timespec	 t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

bool
program_start(struct program *p, const char *const argv[], int out)
{
	*p = (struct program){ .pid = fork() };
	if (p->pid != 0)
		return p->pid != -1;
	setsid();
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	/* What is read from them must not depend on the language. */
	setenv("LC_ALL", "C", 1);
	execv(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "%s: error: %s\n", argv[0], strerror(errno));
	_exit(127);
}

bool
program_wait(struct program *p, struct failover *f, int64_t left)
{
	while (waitpid(p->pid, &p->status, WNOHANG) == 0) {
		if (f->time_left(f) <= left)
			return false;
		pause_ms(PAUSE);
	}
	return true;
}

int
program_run(const char *const argv[], int out)
{
	struct program	 p;

	if (!program_start(&p, argv, out))
		return -1;
	while (waitpid(p.pid, &p.status, 0) == -1 && errno == EINTR)
		continue;
	return p.status;
}

bool
program_read(struct failover *f, const char *const argv[], char *text,
    size_t size)
{
	struct pollfd	 poll_out = { .events = POLLIN };
	struct program	 p;
	size_t		 at = 0;
	ssize_t		 n = 0;
	int		 out[2];

	if (pipe2(out, O_CLOEXEC) != 0)
		return false;
	if (!program_start(&p, argv, out[1])) {
		close(out[0]);
		close(out[1]);
		return false;
	}
	close(out[1]);
	poll_out.fd = out[0];
	while (at + 1 < size &&
	    TEMP_FAILURE_RETRY(poll(&poll_out, 1, (int)f->time_left(f))) == 1 &&
	    (n = read(out[0], text + at, size - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = '\0';
	close(out[0]);
	if (!program_wait(&p, f, 0)) {
		kill(p.pid, SIGKILL);
		waitpid(p.pid, &p.status, 0);
		return false;
	}
	return p.status == 0;
}

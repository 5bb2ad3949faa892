/* program.c - runs PostgreSQL's programs, and the operator's commands. */

#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

#define PAUSE	2	/* ms between two looks whether it has ended */

void
pause_ms(long ms)
{
	struct timespec	 t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
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

/* What is read from them must not depend on the language. */
static void
set_language(void)
{
	setenv("LC_ALL", "C", 1);
}

int
program_run(const char *const argv[], int out)
{
	pid_t	 pid = fork();
	int	 status;

	if (pid == -1)
		return -1;
	if (pid == 0) {
		setsid();
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		set_language();
		execv(argv[0], (char *const *)argv);
		dprintf(STDERR_FILENO, "%s: error: %s\n", argv[0],
		    strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return status;
}

bool
program_read(struct failover *f, const char *const argv[], int64_t limit,
    char *text, size_t size)
{
	struct command	 c = { .words = (char **)(uintptr_t)argv };
	struct output	 o = { .out = text, .out_size = size };
	struct running	 r;
	int64_t		 left = f->time_left(f);

	set_language();
	snprintf(c.program, sizeof(c.program), "%s", argv[0]);
	/* All the time that there is: these end when they are told to. */
	command_begin(&r, &c, left < limit ? left : limit, &o);
	command_wait(&r, INT64_MAX, &o);
	command_end(&r);
	errno = o.late ? ETIMEDOUT : 0;
	return !o.late && o.error == 0 && o.status == 0;
}

bool
program_shell(const char *line, int64_t limit, bool *late)
{
	struct command	 c;
	struct running	 r;
	struct output	 o = { 0 };

	set_language();
	command_set_shell(&c, line);
	command_begin(&r, &c, limit, &o);
	command_wait(&r, INT64_MAX, &o);
	r.leave = o.status == 0;
	command_end(&r);
	*late = o.late;
	return !o.late && o.error == 0 && o.status == 0;
}

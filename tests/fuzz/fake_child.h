/*
 * fake_child.h - replaces child.c and image.c: a handler that is not a process,
 * only the other ends of its channel and its output; and a program that does
 * not exist.
 */
#ifndef FAKE_CHILD_H
#define FAKE_CHILD_H

#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "fuzz.h"
#include "image.h"

#define CHILD_PID	1000000000	/* no process has that number */

static int	child_channel = -1, child_output = -1;
static int	child_status;		/* its exit status */
static bool	child_hangs;		/* it does not end at once */

/* Called with the new child's ends open: it may send at once. */
static void	child_begin(void);

static void
child_hang_up(void)
{
	if (child_channel != -1)
		close(child_channel);
	if (child_output != -1)
		close(child_output);
	child_channel = child_output = -1;
}

bool
child_spawn(pid_t *pid, char *const argv[], enum child_trust trust,
    const struct child_files *files, struct error *err)
{
	(void)argv, (void)trust, (void)err;
	*pid = CHILD_PID;
	if (files->channel == 0)	/* a command: has no effect */
		return true;
	child_hang_up();
	child_channel = fcntl(files->channel, F_DUPFD_CLOEXEC, 3);
	child_output = fcntl(files->output, F_DUPFD_CLOEXEC, 3);
	FUZZ_MUST(child_channel != -1 && child_output != -1);
	child_begin();
	return true;
}

/* One that looks like a shared object. */
void
child_find_plugin(char path[PATH_MAX], const char *name)
{
	(void)name;
	snprintf(path, PATH_MAX, "/proc/self/exe");
}

bool
image_take(struct image *i, const char *path, enum image_kind kind,
    struct error *err)
{
	(void)kind, (void)err;
	i->fd = STDERR_FILENO;
	snprintf(i->path, sizeof(i->path), "%s", path);
	return true;
}

void
image_drop(struct image *i)
{
	i->fd = 0;
}

int
image_move(int fd)
{
	return fd;
}

struct image *
image_program(enum image_program which, struct error *err)
{
	static struct image	 program;

	(void)which;
	may_fail(image_take(&program, "/program", IMAGE_HELD, err), "it is a fake");
	return &program;
}

bool
child_ended(pid_t pid, int64_t limit, int *status)
{
	(void)pid, (void)limit;
	*status = child_status;
	return !child_hangs;
}

void
child_describe_end(char *text, size_t size, int status)
{
	snprintf(text, size, "status %d", status);
}

bool
child_is_called(pid_t pid, const char *name)
{
	(void)name;
	return pid % 2 == 0;
}

void
child_kill(pid_t pid)
{
	(void)pid;
	child_hang_up();
}

bool
child_reap(pid_t pid)
{
	(void)pid;
	return !child_hangs;
}

#endif

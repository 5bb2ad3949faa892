/*
 * given_program.h - one of our programs behind a channel, as the daemon starts
 * it, and a folder for its test.
 *
 * The program and the plugins are the built ones: LIBEXECDIR and PLUGINDIR name
 * their folders in the build tree when the tests are compiled.
 */
#ifndef GIVEN_PROGRAM_H
#define GIVEN_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "clock.h"
#include "wire.h"

#define PLUGIN(name)	PLUGINDIR "/" name ".so"
#define LATE		10000	/* ms that a slow machine may need */

struct program {
	pid_t	 pid;
	int	 channel;
};

static char		 folder[64];	/* of this test alone */
static struct wire	 out, in;

static inline char *
in_folder(const char *name)
{
	static char	 paths[4][384];
	static int	 next;
	char		*path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline void
write_file(const char *name, const char *text)
{
	FILE	*file = fopen(in_folder("new"), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(in_folder("new"), in_folder(name)), 0);
}

static inline const char *
read_file(const char *name)
{
	static char	 text[65536];
	FILE		*file = fopen(in_folder(name), "r");
	size_t		 n = file == NULL ? 0 : fread(text, 1,
			    sizeof(text) - 1, file);

	text[n] = '\0';
	if (file != NULL)
		fclose(file);
	return text;
}

static inline void
pause_ms(int64_t ms)
{
	poll(NULL, 0, (int)ms);
}

/* Waits until a file has that text in it. */
static inline void
wait_for_text(const char *name, const char *text)
{
	int64_t	 until = clock_ms() + LATE;

	while (strstr(read_file(name), text) == NULL) {
		if (clock_ms() > until)
			fail_msg("%s has no \"%s\": %s", name, text,
			    read_file(name));
		pause_ms(5);
	}
}

/* Opens it as the agent does, above the numbers of a child's. */
static inline int
held_file(const char *path)
{
	int	 fd = open(path, O_RDONLY | O_CLOEXEC);
	int	 high = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	assert_true(high > 0);
	close(fd);
	return high;
}

/* Plugin: the one that the handler has open, or NULL. */
static inline void
given_process(struct program *p, char *const argv[], const char *plugin)
{
	struct child_files	 files = { .output = STDERR_FILENO };
	struct error		 err;
	int			 channel[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    channel), 0);
	files.channel = channel[1];
	files.program = held_file(argv[0]);
	files.plugin = plugin == NULL ? 0 : held_file(plugin);
	if (!child_spawn(&p->pid, argv, CHILD_OURS, &files, &err))
		fail_msg("%s", err.text);
	close(channel[1]);
	close(files.program);
	if (plugin != NULL)
		close(files.plugin);
	p->channel = channel[0];
}

static inline void
hang_up(struct program *p)
{
	if (p->channel != -1)
		close(p->channel);
	p->channel = -1;
}

static inline void
say(struct program *p)
{
	assert_true(wire_send(p->channel, &out));
}

/* The next message is in `in`; false: none came, or the channel has ended. */
static inline bool
hears(struct program *p, int64_t limit)
{
	struct pollfd	 f = { .fd = p->channel, .events = POLLIN };

	return poll(&f, 1, (int)limit) == 1 &&
	    wire_receive(p->channel, &in, 0) == 1;
}

/* Has it ended, with that status from waitpid? */
static inline bool
ends(struct program *p, int64_t limit, int *status)
{
	if (!child_ended(p->pid, limit, status))
		return false;
	child_reap(p->pid);
	p->pid = -1;
	return true;
}

static inline void
then_it_ends_with(struct program *p, int status)
{
	int	 got;

	assert_true(ends(p, LATE, &got));
	assert_int_equal(got, W_EXITCODE(status, 0));
}

static inline void
end_program(struct program *p)
{
	int	 status;

	hang_up(p);
	if (p->pid > 0) {
		child_kill(p->pid);
		ends(p, LATE, &status);
	}
	p->pid = -1;
}

/* The options of the recorder, which writes its calls to the file "record". */
static inline void
put_start(struct wire *w)
{
	wire_begin(w, WIRE_START);
	wire_put_string(w, "mysql");
	wire_put_number(w, 3306);
	wire_put_string(w, in_folder("memory"));
	wire_put_number(w, 0);
	wire_put_number(w, 3);
	wire_put_string(w, "log");
	wire_put_string(w, in_folder("record"));
	wire_put_number(w, 0);
	wire_put_string(w, "");
	wire_put_string(w, "script");
	wire_put_string(w, in_folder("script"));
	wire_put_number(w, 0);
	wire_put_string(w, "");
	wire_put_string(w, "node");
	wire_put_string(w, "node-1");
	wire_put_number(w, 0);
	wire_put_string(w, "");
}

static inline bool
recorded(const char *text)
{
	return strstr(read_file("record"), text) != NULL;
}

/* Adopts the processes that its programs leave behind. */
static inline int
given_a_folder(void)
{
	strcpy(folder, "/tmp/test_program.XXXXXX");
	setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:detect_leaks=0",
	    1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return mkdtemp(folder) == NULL;
}

static inline void
end_folder(void)
{
	struct dirent	*e;
	DIR		*files = opendir(folder);

	while ((e = readdir(files)) != NULL)
		unlink(in_folder(e->d_name));
	closedir(files);
	rmdir(folder);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

#endif

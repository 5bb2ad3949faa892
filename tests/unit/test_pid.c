/* test_pid.c - whose a process number is, and a signal that reaches no other:
 * plugins/common/pid.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pid.h"

static pid_t	 child;

/* Given a process of that name, which waits. */
static void
given_process(const char *name)
{
	int	 ready[2];
	char	 byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static int
end_process(void **state)
{
	(void)state;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
	return 0;
}

/* Waits until it has ended, and leaves it to its parent. */
static void
await_end(void)
{
	siginfo_t	 info;

	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT),
	    0);
}

static bool
is_child(pid_t pid)
{
	return pid == child;
}

static bool
is_nobody(pid_t pid)
{
	(void)pid;
	return false;
}

static void
a_process_has_the_name_that_it_gave_itself(void **state)
{
	char	 name[PID_NAME];

	(void)state;
	given_process("a) (b) Z");
	assert_true(pid_name(child, name));
	assert_string_equal(name, "a) (b) Z");
}

static void
one_that_has_ended_has_none(void **state)
{
	char	 name[PID_NAME];

	(void)state;
	given_process("a zombie");
	assert_true(pid_signal(child, SIGKILL, is_child));
	await_end();
	assert_false(pid_name(child, name));
	assert_string_equal(name, "");
	waitpid(child, NULL, 0);
	assert_false(pid_name(child, name));
	child = 0;
}

static void *
wait_for_ever(void *ready)
{
	if (write(*(int *)ready, "", 1) == 1)
		for (;;)
			pause();
	return NULL;
}

/* A server that was killed is so while a thread of it still frees memory. */
static void
one_whose_first_thread_alone_has_ended_has_its_name(void **state)
{
	char		 name[PID_NAME], byte, path[64], text[512] = "";
	int		 ready[2], fd;
	pthread_t	 other;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "half a zombie");
		if (pthread_create(&other, NULL, wait_for_ever, &ready[1]) == 0)
			syscall(SYS_exit, 0);
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	while (strstr(text, ") Z ") == NULL) {
		usleep(1000);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(read(fd, text, sizeof(text) - 1) > 0);
		close(fd);
	}
	assert_true(pid_name(child, name));
	assert_string_equal(name, "half a zombie");
	assert_true(pid_signal(child, SIGKILL, is_child));
	await_end();
	assert_false(pid_name(child, name));
}

static void
who_is_not_wanted_gets_no_signal(void **state)
{
	(void)state;
	given_process("another");
	assert_false(pid_signal(child, SIGKILL, is_nobody));
	assert_int_equal(errno, ESRCH);
	assert_int_equal(pid_hold(child, is_nobody), -1);
	assert_int_equal(errno, 0);
	assert_true(pid_signal(child, 0, NULL));
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
}

/* Of the errors that an old kernel or a filter of system calls may give, this is
 * one that a test can have at will: no descriptor is left. */
static void
who_can_not_be_held_gets_its_signal_by_number(void **state)
{
	struct rlimit	 was, none;
	bool		 sent[4];
	int		 status, error;

	(void)state;
	given_process("not held");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){ .rlim_max = was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	sent[0] = pid_signal(child, SIGTERM, is_nobody);
	error = errno;
	/* Each number below 1 means a group, or all. */
	sent[1] = pid_signal(0, 0, NULL);
	sent[2] = pid_signal(-1, 0, NULL);
	sent[3] = pid_signal(child, SIGKILL, is_child);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_false(sent[0]);
	assert_int_equal(error, ESRCH);
	assert_false(sent[1]);
	assert_false(sent[2]);
	assert_true(sent[3]);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
a_number_of_no_process_is_told_from_that_of_another(void **state)
{
	(void)state;
	given_process("gone");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(pid_hold(child, is_child), -1);
	assert_int_equal(errno, ESRCH);
	assert_false(pid_signal(child, 0, NULL));
	assert_int_equal(errno, ESRCH);
	child = 0;
}

static void
a_hold_becomes_readable_when_it_ends(void **state)
{
	struct pollfd	 p = { .events = POLLIN };

	(void)state;
	given_process("held");
	p.fd = pid_hold(child, is_child);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_true(pid_signal(child, SIGTERM, is_child));
	assert_int_equal(poll(&p, 1, 10000), 1);
	close(p.fd);
}

int
main(void)
{
#define TEST(name)	cmocka_unit_test_teardown(name, end_process)
	const struct CMUnitTest	 tests[] = {
		TEST(a_process_has_the_name_that_it_gave_itself),
		TEST(one_that_has_ended_has_none),
		TEST(one_whose_first_thread_alone_has_ended_has_its_name),
		TEST(who_is_not_wanted_gets_no_signal),
		TEST(who_can_not_be_held_gets_its_signal_by_number),
		TEST(a_number_of_no_process_is_told_from_that_of_another),
		TEST(a_hold_becomes_readable_when_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_command.c - a command beside another, and between two calls:
 * plugins/common/command.c.  test_exec.c has what one call makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "deadline.h"
#include "pid.h"

#define LONG	20000	/* ms: no test waits for so long */

static char	 text[2][32];

static struct output
given_output(int which)
{
	return (struct output){ .out = text[which],
	    .out_size = sizeof(text[which]) };
}

static void
begin(struct running *r, const char *line, int64_t limit, struct output *o)
{
	struct command	 c;

	command_set_shell(&c, line);
	c.log = false;		/* it is looked at */
	command_begin(r, &c, limit, o);
	assert_int_equal(o->error, 0);
}

/* The number that it has printed; of a process that is there, or not. */
static void
then_it_runs(const struct output *o, bool expected)
{
	pid_t	 pid = atoi(o->out);
	char	 name[PID_NAME];
	int	 tries;

	assert_true(pid > 1);
	/* What is killed takes a moment to go. */
	for (tries = 0; !expected && pid_name(pid, name) && tries < LONG;
	    tries++)
		usleep(1000);
	assert_int_equal(pid_name(pid, name), expected);
}

static void
two_run_beside_each_other(void **state)
{
	struct output	 o[2] = { given_output(0), given_output(1) };
	struct running	 r[2];
	char		 folder[] = "/tmp/test_command.XXXXXX";

	(void)state;
	/* Each waits for the other one. */
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	begin(&r[0], "cat pipe", LONG, &o[0]);
	begin(&r[1], "echo one > pipe; echo two >&2; exit 3", LONG, &o[1]);
	assert_true(command_wait(&r[1], INT64_MAX, &o[1]));
	assert_true(command_wait(&r[0], INT64_MAX, &o[0]));
	command_end(&r[0]);
	command_end(&r[1]);
	assert_string_equal(o[0].out, "one\n");
	assert_int_equal(o[0].status, 0);
	assert_string_equal(o[1].out, "");
	assert_string_equal(o[1].err, "two\n");
	assert_int_equal(WEXITSTATUS(o[1].status), 3);
	assert_int_equal(r[0].keeper, 0);
	unlink("pipe");
	rmdir(folder);
	assert_int_equal(chdir("/"), 0);
}

static void
one_runs_on_between_two_waits(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "echo begun; sleep 0.2; echo done", LONG, &o);
	assert_false(command_wait(&r, deadline_now() + 20, &o));
	assert_false(o.late);
	assert_false(command_wait(&r, 0, &o));
	assert_true(command_wait(&r, INT64_MAX, &o));
	command_end(&r);
	assert_string_equal(o.out, "begun\ndone\n");
}

static void
one_that_is_late_is_killed_with_all_that_it_started(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "sleep 1000 & echo $!; wait", 200, &o);
	assert_true(command_wait(&r, INT64_MAX, &o));
	assert_true(o.late);
	assert_int_equal(o.limit, 200);
	then_it_runs(&o, true);
	command_end(&r);
	then_it_runs(&o, false);
}

static void
one_that_has_ended_is_not_late(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "exit 5", 100, &o);
	usleep(200000);
	assert_true(command_wait(&r, INT64_MAX, &o));
	command_end(&r);
	assert_false(o.late);
	assert_int_equal(WEXITSTATUS(o.status), 5);
}

static void
one_that_nobody_waits_for_ends_with_its_group(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "sleep 1000 & echo $!; wait", LONG, &o);
	while (o.out_length == 0)
		assert_false(command_wait(&r, deadline_now() + 10, &o));
	command_end(&r);
	then_it_runs(&o, false);
}

/* Whether the command has ended nobody knows then. */
static void
one_whose_keeper_is_killed_ends_with_its_group(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "sleep 1000 & echo $!; wait", LONG, &o);
	while (o.out_length == 0)
		assert_false(command_wait(&r, deadline_now() + 10, &o));
	kill(r.keeper, SIGKILL);
	assert_true(command_wait(&r, INT64_MAX, &o));
	assert_int_equal(WTERMSIG(o.status), SIGKILL);
	command_end(&r);
	then_it_runs(&o, false);
}

static void
what_a_shell_leaves_running_stays(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "sleep 1000 > /dev/null 2>&1 & echo $!", LONG, &o);
	assert_true(command_wait(&r, INT64_MAX, &o));
	command_end(&r);
	then_it_runs(&o, true);
	kill(atoi(o.out), SIGKILL);
}

/* A server that the operator's command starts writes there for as long as it
 * runs: a pipe of the call's would end it by SIGPIPE at its next line. */
static void
what_a_shell_leaves_running_writes_to_the_log(void **state)
{
	struct output	 o = { 0 };
	struct running	 r;
	struct command	 c;
	int		 log[2], err = dup(STDERR_FILENO);
	char		 lines[64] = "";
	size_t		 length = 0;
	ssize_t		 n;

	(void)state;
	assert_int_equal(pipe(log), 0);
	assert_true(err >= 0);
	command_set_shell(&c, "(sleep 0.3; echo two; echo three >&2) & "
	    "echo one");
	dup2(log[1], STDERR_FILENO);
	command_begin(&r, &c, LONG, &o);
	dup2(err, STDERR_FILENO);
	close(err);
	close(log[1]);
	assert_int_equal(o.error, 0);
	assert_true(command_wait(&r, INT64_MAX, &o));
	command_end(&r);
	assert_int_equal(o.status, 0);
	while ((n = read(log[0], lines + length, sizeof(lines) - 1 -
	    length)) > 0)
		length += (size_t)n;
	close(log[0]);
	assert_string_equal(lines, "one\ntwo\nthree\n");
}

static void
what_has_no_room_is_read_and_dropped(void **state)
{
	struct output	 o = given_output(0);
	struct running	 r;

	(void)state;
	begin(&r, "yes 1234567 | head -c 300000", LONG, &o);
	assert_true(command_wait(&r, INT64_MAX, &o));
	command_end(&r);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.out_length, sizeof(text[0]) - 1);
	assert_string_equal(o.out, "1234567\n1234567\n1234567\n1234567");
}

int
main(void)
{
#define TEST(name)	cmocka_unit_test(name)
	const struct CMUnitTest	 tests[] = {
		TEST(two_run_beside_each_other),
		TEST(one_runs_on_between_two_waits),
		TEST(one_that_is_late_is_killed_with_all_that_it_started),
		TEST(one_that_has_ended_is_not_late),
		TEST(one_that_nobody_waits_for_ends_with_its_group),
		TEST(one_whose_keeper_is_killed_ends_with_its_group),
		TEST(what_a_shell_leaves_running_stays),
		TEST(what_a_shell_leaves_running_writes_to_the_log),
		TEST(what_has_no_room_is_read_and_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

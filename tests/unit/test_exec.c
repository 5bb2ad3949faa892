/* test_exec.c - the plugin exec: one command a call. */
#include "given_handler.h"

#include <sys/prctl.h>

#include <consul-failover/plugin.h>

/* Given commands; "true" where a test does not care. */
static void
given_commands(const char *health, const char *ensure_master,
    const char *ensure_slave)
{
	given_option("health", health);
	given_option("ensure_master", ensure_master);
	given_option("ensure_slave", ensure_slave);
	given_option("ensure_demoted", "true");
	given_handler(EXEC_PLUGIN);
}

static void
given_health(const char *command)
{
	given_commands(command, "true", "true");
}

static void
the_exit_status_is_the_result(void **state)
{
	(void)state;
	given_commands("/bin/sh -c 'exit 75'", "/bin/true", "/bin/false");
	call(OPERATION_HEALTH);
	then(HANDLER_AGAIN, "/bin/sh ended with exit status 75");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "/bin/true ended with exit status 0");
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_FAILED, "/bin/false ended with exit status 1");
}

static void
another_exit_status_or_a_signal_is_named(void **state)
{
	(void)state;
	given_commands("/bin/sh -c 'echo so sorry; exit 3'",
	    "/bin/sh -c 'kill -SEGV $$'", "/bin/sh -c 'kill -9 0'");
	call(OPERATION_HEALTH);
	then(HANDLER_FAILED, "/bin/sh ended with exit status 3: so sorry");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, "/bin/sh was killed by signal 11 (Segmentation "
	    "fault)");
	call(OPERATION_ENSURE_SLAVE);	/* the whole group: the keeper too */
	then(HANDLER_FAILED, "/bin/sh was killed by signal 9 (Killed)");
}

static void
the_first_line_is_the_sentence(void **state)
{
	(void)state;
	given_commands("printf '\\n  first\\nsecond\\n'",
	    "sh -c 'echo quite bad >&2; echo more >&2; exit 1'",
	    "sh -c 'echo ERR >&2; echo OUT'");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "first");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, "quite bad");
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_DONE, "OUT");
}

static void
words_are_split_as_a_shell_does(void **state)
{
	(void)state;
	given_commands("printf '<%s>' a  'b c' \"d \\\"e\\\" \\f\" g\\ h '' "
	    "\"it's\" $HOME x'y'\"z\" \"back\\\\slash\"",
	    "sh -c 'echo \"$1\"' sh '*'", "true");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "<a><b c><d \"e\" \\f><g h><><it's><$HOME><xyz>"
	    "<back\\slash>");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "*");
}

static void
then_the_line_is_refused(const char *line, const char *why)
{
	char	 expected[512];

	t.config.option_count = 0;
	given_commands("true", line, "true");
	call(OPERATION_HEALTH);	/* already: plugin_start looks at all */
	snprintf(expected, sizeof(expected), "plugin_start: option "
	    "ensure_master%s", why);
	then(HANDLER_FAILED, expected);
	handler_free(t.handler);
	t.handler = NULL;
	plugin_description_free(t.plugin);
	t.plugin = NULL;
}

static void
a_bad_command_line_is_refused_at_start(void **state)
{
	(void)state;
	then_the_line_is_refused("echo 'a b",
	    " has a ' that is not closed: echo 'a b");
	then_the_line_is_refused("echo \"a'b'",
	    " has a \" that is not closed: echo \"a'b'");
	then_the_line_is_refused("echo a\\",
	    " ends with a backslash: echo a\\");
	then_the_line_is_refused(" \t ", " names no command:  \t ");
	then_the_line_is_refused("'' a", " names no command: '' a");
	then_the_line_is_refused("/no/such/thing x",
	    ": /no/such/thing: No such file or directory");
	then_the_line_is_refused("/dev/null", ": /dev/null: Permission denied");
	then_the_line_is_refused("./thing",
	    ": ./thing: is neither an absolute path nor a name to find in PATH");
	then_the_line_is_refused("no-such-command",
	    ": no-such-command: is not found in PATH");
}

/* What can't be run has not been done. */
static void
a_command_that_is_lost_later_fails_the_call(void **state)
{
	static const struct {
		const char	*command, *said;
	} tests[] = {
		{ "sh -c /no/such/thing", "exit status 127" },
		{ "sh -c /dev/null", "exit status 126" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		t.config.option_count = 0;
		given_option("ensure_demoted", tests[i].command);
		given_option("health", "true");
		given_option("ensure_master", "true");
		given_option("ensure_slave", "true");
		given_handler(EXEC_PLUGIN);
		call(OPERATION_ENSURE_DEMOTED);
		assert_int_equal(t.result, HANDLER_FAILED);
		assert_non_null(strstr(t.text, tests[i].said));
		handler_free(t.handler);
		t.handler = NULL;
		plugin_description_free(t.plugin);
		t.plugin = NULL;
	}
}

static void
the_facts_are_in_the_environment(void **state)
{
	(void)state;
	given_option("position", "sh -c 'echo $CF_OP/$CF_ROLE/$CF_POSITION'");
	given_option("has_position", "sh -c 'echo $CF_OP/$CF_POSITION'");
	given_commands("sh -c 'echo $CF_OP/$CF_ROLE/$CF_SERVICE/$CF_PORT'",
	    "sh -c 'echo $CF_OP/$CF_ROLE/$CF_EPOCH/$CF_NODE/$CF_REASON/"
	    "$CF_MASTER_ADDR/$CF_PREVIOUS_ADDR/$CF_PREVIOUS_PORT/$CF_TARGET'",
	    "sh -c 'echo $CF_ROLE/$CF_MASTER_ADDR/$CF_MASTER_PORT/"
	    "$CF_DEADLINE'");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health/none/mysql/3306");
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_DONE, "slave/10.0.0.7/3306/9");
	call(OPERATION_HAS_POSITION);
	then(HANDLER_DONE, "has_position/17");
	call(OPERATION_ENSURE_MASTER);	/* nothing is left of the one before */
	then(HANDLER_DONE, "ensure_master/master/42/node-1/a test///0/");
	call(OPERATION_POSITION);
	then(HANDLER_DONE, "position/none/");
}

/* What the agent tells of a hand-over, and of the role. */
static void
a_hand_over_is_in_the_environment(void **state)
{
	struct handler_call	 told = {
		.op = OPERATION_ENSURE_MASTER, .timeout_ms = 10000,
		.what = { .node = "node-1", .reason = "a test",
		    .role = FAILOVER_SLAVE, .master_host = "10.0.0.8",
		    .master_port = 99, .previous_host = "10.0.0.7",
		    .previous_port = 3307, .target = "it is \"here\"\n17" },
	};

	(void)state;
	given_commands("sh -c 'echo $CF_ROLE/$CF_MASTER_ADDR/$CF_MASTER_PORT'",
	    "sh -c 'echo $CF_ROLE/$CF_PREVIOUS_ADDR:$CF_PREVIOUS_PORT/"
	    "$CF_TARGET'", "true");
	assert_true(handler_call(t.handler, &told, answer_cb, NULL));
	wait_for_answer();
	then(HANDLER_DONE, "master/10.0.0.7:3307/it is \"here\" 17");
	told.op = OPERATION_HEALTH;
	t.answered = false;
	assert_true(handler_call(t.handler, &told, answer_cb, NULL));
	wait_for_answer();
	then(HANDLER_DONE, "slave/10.0.0.8/99");
}

/* What op says with this command for it; leaves room for the next. */
static void
call_with(const char *name, const char *command, enum operation op)
{
	t.config.option_count = 0;
	given_option(name, command);
	given_health("true");
	call(op);
	handler_free(t.handler);
	t.handler = NULL;
	plugin_description_free(t.plugin);
	t.plugin = NULL;
}

static void
then_position(const char *command, enum handler_result result,
    const char *text)
{
	call_with("position", command, OPERATION_POSITION);
	then(result, text);
}

static void
a_position_is_all_that_is_printed(void **state)
{
	(void)state;
	then_position("printf ' \\n 3E11-1:1-77,\\n4F22-2:1-5 \\n\\n'",
	    HANDLER_DONE, "3E11-1:1-77,\n4F22-2:1-5");
	call_with("position", "sh -c 'yes 7 | head -c 4095; echo'",
	    OPERATION_POSITION);
	assert_int_equal(strlen(t.text), FAILOVER_POSITION - 1);
	then_position("/bin/sh -c 'yes 77 | head -c 4097'",
	    HANDLER_FAILED, "/bin/sh printed a position that is too long");
	/* Not the part of it that is kept. */
	then_position("/bin/sh -c 'printf %200s; yes 77 | head -c 9000'",
	    HANDLER_FAILED, "/bin/sh printed a position that is too long");
	then_position("/bin/true", HANDLER_FAILED,
	    "/bin/true printed no position");
	then_position("sh -c 'echo too early; exit 1'", HANDLER_FAILED,
	    "too early");
	then_position("sh -c 'echo under way; exit 75'", HANDLER_AGAIN,
	    "under way");
}

static void
has_position_knows_yes_no_and_anything_else(void **state)
{
	char	 command[512];

	(void)state;
	snprintf(command, sizeof(command), "sh -c 'exit $(cat %s)'",
	    in_folder("code"));
	given_option("has_position", command);
	given_health("true");
	write_file("code", "0\n");
	call(OPERATION_HAS_POSITION);
	assert_int_equal(t.result, HANDLER_DONE);
	write_file("code", "1\n");
	call(OPERATION_HAS_POSITION);
	assert_int_equal(t.result, HANDLER_FAILED);
	write_file("code", "2\n");
	call(OPERATION_HAS_POSITION);
	assert_int_equal(t.result, HANDLER_AGAIN);
	write_file("code", "127\n");
	call(OPERATION_HAS_POSITION);
	assert_int_equal(t.result, HANDLER_AGAIN);
}

static void
then_behind(const char *command, const char *text)
{
	call_with("behind", command, OPERATION_BEHIND);
	then(HANDLER_DONE, text);
}

static void
behind_is_a_number_or_not_known(void **state)
{
	(void)state;
	then_behind("echo 12", "12");
	then_behind("sh -c 'echo $(($CF_POSITION - 17))'", "0");
	then_behind("echo -5", "-1");
	then_behind("echo 12 rows", "-1");
	then_behind("true", "-1");
	then_behind("sh -c 'echo 12; exit 1'", "-1");
	then_behind("echo 99999999999999999999", "-1");
}

static void
what_is_not_configured_cannot_be_told(void **state)
{
	(void)state;
	given_health("true");
	call(OPERATION_POSITION);
	then(HANDLER_FAILED, "the option position is not given");
	call(OPERATION_HAS_POSITION);
	then(HANDLER_AGAIN, "the option has_position is not given");
	call(OPERATION_BEHIND);
	then(HANDLER_DONE, "-1");
}

static void
a_command_that_takes_too_long_is_killed_before_the_deadline(void **state)
{
	int64_t	 begun = clock_ms();
	pid_t	 pid;

	(void)state;
	given_commands("/bin/sh -c 'trap \"\" TERM; sleep 60; true'", "true",
	    "true");
	call(OPERATION_ENSURE_MASTER);
	pid = handler_pid(t.handler);
	begun = clock_ms();
	call_within(OPERATION_HEALTH, 1200);
	assert_in_range(clock_ms() - begun, 980, 1199);
	then(HANDLER_FAILED, "/bin/sh did not end within 1.0 s");
	assert_int_equal(handler_pid(t.handler), pid);	/* no need to die */
}

static void
all_output_is_read_and_little_is_kept(void **state)
{
	(void)state;
	given_health("sh -c 'yes | head -c 20000000; exit 75'");
	call(OPERATION_HEALTH);
	then(HANDLER_AGAIN, "y");
	assert_int_equal(t.log_lines, 0);
}

/* Reads a pid that a command has written; 0 if it has not. */
static pid_t
pid_of(const char *name)
{
	return (pid_t)atoi(read_file(name));
}

static bool
ends_soon(pid_t pid)
{
	int	 i;

	for (i = 0; i < 200 && kill(pid, 0) == 0; i++) {
		usleep(10000);
		waitpid(pid, NULL, WNOHANG);	/* orphans come to us */
	}
	return i < 200;
}

static void
what_a_command_leaves_is_killed_unless_it_is_a_session(void **state)
{
	char	 command[512];
	pid_t	 left, session;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(command, sizeof(command), "sh -c 'sleep 60 & echo $! > %s; "
	    "setsid sh -c \"echo \\$\\$ > %s; exec sleep 60\" "
	    ">/dev/null 2>&1 & sleep 0.2'",
	    in_folder("left"), in_folder("session"));
	given_health(command);
	call(OPERATION_HEALTH);
	assert_int_equal(t.result, HANDLER_DONE);
	left = pid_of("left");
	session = pid_of("session");
	assert_true(left > 0 && session > 0);
	assert_true(ends_soon(left));
	assert_int_equal(kill(session, 0), 0);
	kill(session, SIGKILL);
	assert_true(ends_soon(session));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void
a_cancelled_command_ends_with_all_that_it_started(void **state)
{
	char	 command[512];
	pid_t	 script, tool;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(command, sizeof(command), "sh -c 'trap \"\" TERM USR2; "
	    "echo $$ > %s; sh -c \"sleep 60; true\" & echo $! > %s; wait'",
	    in_folder("script"), in_folder("tool"));
	given_commands("true", command, "true");
	call(OPERATION_HEALTH);
	when_called(OPERATION_ENSURE_MASTER, 60000);
	run_loop_ms(300);
	script = pid_of("script");
	tool = pid_of("tool");
	assert_true(script > 0 && tool > 0);
	assert_int_equal(kill(tool, 0), 0);
	handler_cancel(t.handler);
	assert_true(ends_soon(script));
	assert_true(ends_soon(tool));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void
a_hundred_calls_leave_nothing_behind(void **state)
{
	char	 path[64];
	int	 i, before = 0, after = 0;

	(void)state;
	given_health("/bin/true");
	for (i = 0; i < 100; i++) {
		DIR	*fds;

		call(OPERATION_HEALTH);
		then(HANDLER_DONE, "/bin/true ended with exit status 0");
		snprintf(path, sizeof(path), "/proc/%d/fd",
		    (int)handler_pid(t.handler));
		fds = opendir(path);
		for (after = 0; readdir(fds) != NULL; after++)
			continue;
		closedir(fds);
		if (i == 0)
			before = after;
	}
	assert_int_equal(after, before);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(the_exit_status_is_the_result),
		TEST(another_exit_status_or_a_signal_is_named),
		TEST(the_first_line_is_the_sentence),
		TEST(words_are_split_as_a_shell_does),
		TEST(a_bad_command_line_is_refused_at_start),
		TEST(a_command_that_is_lost_later_fails_the_call),
		TEST(the_facts_are_in_the_environment),
		TEST(a_hand_over_is_in_the_environment),
		TEST(a_position_is_all_that_is_printed),
		TEST(has_position_knows_yes_no_and_anything_else),
		TEST(behind_is_a_number_or_not_known),
		TEST(what_is_not_configured_cannot_be_told),
		TEST(a_command_that_takes_too_long_is_killed_before_the_deadline),
		TEST(all_output_is_read_and_little_is_kept),
		TEST(what_a_command_leaves_is_killed_unless_it_is_a_session),
		TEST(a_cancelled_command_ends_with_all_that_it_started),
		TEST(a_hundred_calls_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

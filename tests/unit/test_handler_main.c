/*
 * test_handler_main.c - the program consul-failover-handler itself, and what it
 * must not begin.  What else it does test_handler.c has, through handler.c.
 */
#include "given_program.h"

static struct program	 handler;
static char		 recorder[] = PLUGIN("recorder");
static char		 minimal[] = PLUGIN("minimal");

static int
begin(void **state)
{
	(void)state;
	handler = (struct program){ .pid = -1, .channel = -1 };
	return given_a_folder();
}

static int
end(void **state)
{
	(void)state;
	end_program(&handler);
	end_folder();
	return 0;
}

static void
start_handler(char *plugin, long parent)
{
	char	 program[] = LIBEXECDIR "/consul-failover-handler";
	char	 role[] = "role", number[16];
	char	*argv[] = { program, role, plugin, number, NULL };

	snprintf(number, sizeof(number), "%ld", parent);
	given_process(&handler, argv, plugin);
}

static void
given_a_started_handler_of(char *plugin)
{
	start_handler(plugin, (long)getpid());
	assert_true(hears(&handler, LATE));
	assert_int_equal(wire_type(&in), WIRE_DESCRIPTION);
	put_start(&out);
	say(&handler);
}

static void
given_a_started_handler(void)
{
	given_a_started_handler_of(recorder);
}

static void
put_call(enum operation op, int64_t not_after)
{
	wire_put_call(&out, &(struct wire_call){
	    .op = op, .epoch = 42, .node = "node-1", .reason = "a test",
	    .not_after_ms = not_after, .deadline_ms = clock_ms() + LATE });
}

static void
then_it_answers(enum failover_result result, const char *text)
{
	assert_true(hears(&handler, LATE));
	assert_int_equal(wire_type(&in), WIRE_RESULT);
	assert_int_equal(wire_number(&in), result);
	assert_string_equal(wire_string(&in), text);
	assert_true(wire_end(&in));
}

static void
then_it_comes_too_late(void)
{
	then_it_answers(FAILOVER_FAILED, "ensure_master comes too late: the "
	    "last proof of the lock is too old");
	assert_false(recorded("ensure_master"));
}

/*
 * not_after
 */

static void
a_call_in_time_is_made(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, clock_ms() + LATE);
	say(&handler);
	then_it_answers(FAILOVER_DONE, "ensure_master: done");
	assert_true(recorded("end ensure_master 42 done"));
	put_call(OPERATION_ENSURE_MASTER, 0);
	say(&handler);
	then_it_answers(FAILOVER_DONE, "ensure_master: done");
}

/* As that of an agent that stood still after it had decided so. */
static void
a_call_that_comes_after_its_lock_is_not_made(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, clock_ms() - 1);
	say(&handler);
	then_it_comes_too_late();
	put_call(OPERATION_ENSURE_MASTER, clock_ms());
	say(&handler);
	then_it_comes_too_late();
}

static void
neither_is_one_for_which_plugin_start_has_left_no_time(void **state)
{
	(void)state;
	write_file("script", "plugin_start=300\n");
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, clock_ms() + 200);
	say(&handler);
	then_it_comes_too_late();
}

static void
nor_one_that_lay_unread(void **state)
{
	int	 status;

	(void)state;
	given_a_started_handler();
	kill(handler.pid, SIGSTOP);
	assert_int_equal(waitpid(handler.pid, &status, WUNTRACED),
	    handler.pid);
	put_call(OPERATION_ENSURE_MASTER, clock_ms() + 100);
	say(&handler);
	pause_ms(150);
	kill(handler.pid, SIGCONT);
	then_it_comes_too_late();
}

/*
 * What is no call.
 */

static void
then_it_ends_without_a_call(void)
{
	say(&handler);
	then_it_ends_with(&handler, 0);
	assert_false(recorded("begin"));
}

static void
a_call_with_more_in_it_is_not_made(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, 0);
	wire_put_number(&out, 1);
	then_it_ends_without_a_call();
}

static void
nor_one_with_less(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, 0);
	out.length--;
	then_it_ends_without_a_call();
}

static void
nor_another_message_that_looks_like_one(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_MASTER, 0);
	out.bytes[0] = WIRE_RESULT;
	then_it_ends_without_a_call();
}

static void
nor_one_of_an_operation_that_there_is_not(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ROWS, 0);
	then_it_ends_without_a_call();
}

static void
without_a_whole_start_no_call_is_made(void **state)
{
	(void)state;
	start_handler(recorder, (long)getpid());
	assert_true(hears(&handler, LATE));
	put_start(&out);
	wire_put_number(&out, 1);
	say(&handler);
	put_call(OPERATION_ENSURE_MASTER, 0);
	may_fail(wire_send(handler.channel, &out), "it may have ended");
	then_it_ends_with(&handler, 0);
	assert_false(recorded("begin"));
}

static void
what_the_plugin_does_not_have_is_not_done(void **state)
{
	(void)state;
	given_a_started_handler_of(minimal);
	put_call(OPERATION_ENSURE_DEMOTED, 0);
	say(&handler);
	then_it_answers(FAILOVER_FAILED, "the plugin has no ensure_demoted");
}

/*
 * Its agent.
 */

static void
one_whose_agent_is_another_ends_at_once(void **state)
{
	(void)state;
	start_handler(recorder, (long)getppid());
	then_it_ends_with(&handler, 1);
}

static void
one_whose_agent_is_gone_stops_the_plugin_and_ends(void **state)
{
	(void)state;
	given_a_started_handler();
	put_call(OPERATION_ENSURE_DEMOTED, 0);
	say(&handler);
	then_it_answers(FAILOVER_DONE, "ensure_demoted: done");
	hang_up(&handler);
	then_it_ends_with(&handler, 0);
	assert_true(recorded("end plugin_stop"));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(a_call_in_time_is_made),
		TEST(a_call_that_comes_after_its_lock_is_not_made),
		TEST(neither_is_one_for_which_plugin_start_has_left_no_time),
		TEST(nor_one_that_lay_unread),
		TEST(a_call_with_more_in_it_is_not_made),
		TEST(nor_one_with_less),
		TEST(nor_another_message_that_looks_like_one),
		TEST(nor_one_of_an_operation_that_there_is_not),
		TEST(without_a_whole_start_no_call_is_made),
		TEST(what_the_plugin_does_not_have_is_not_done),
		TEST(one_whose_agent_is_another_ends_at_once),
		TEST(one_whose_agent_is_gone_stops_the_plugin_and_ends),
	};

	return cmocka_run_group_tests_name("handler_main", tests, NULL, NULL);
}

/*
 * test_guard_main.c - the program consul-failover-guard itself, with a real
 * handler and a plugin that notes its calls.
 *
 * All runs in a time namespace, where we may make one: a machine that was
 * suspended for a while, so that a wrong clock is a wrong time.
 */
#include "given_program.h"

#include <inttypes.h>
#include <time.h>

#include "core.h"
#include "lease.h"

#define SUSPENDED	1000000		/* s */
#define CLEAN		0		/* clean_at: nobody else is master */
#define DEMOTE		2000
#define RESTART_WAIT	300

static bool		 suspended;	/* we are in that machine */
static struct program	 guard, next_guard, role;
static struct {
	bool		 can_demote;
	int64_t		 demote_deadline, restart_wait;
	const char	*fence;
} setup;
static int64_t		 told_until;	/* by the last message */
static char		 told[FAILOVER_SENTENCE];

static int
begin(void **state)
{
	(void)state;
	guard.pid = next_guard.pid = role.pid = -1;
	guard.channel = next_guard.channel = role.channel = -1;
	setup.can_demote = true;
	setup.demote_deadline = DEMOTE;
	setup.restart_wait = RESTART_WAIT;
	setup.fence = "";
	return given_a_folder();
}

static int
end(void **state)
{
	(void)state;
	end_program(&guard);
	end_program(&next_guard);
	end_program(&role);
	end_folder();
	return 0;
}

/*
 * What the agent says.
 */

/* `leave` notes how it was called, and what the plugin had done by then. */
static void
say_setup(struct program *g, const char *version)
{
	const int	 files[WIRE_FILES] = {
		[WIRE_HANDLER] = held_file(LIBEXECDIR
		    "/consul-failover-handler"),
		[WIRE_PLUGIN] = held_file(PLUGIN("recorder")),
		[WIRE_LEAVE] = held_file("/bin/sh"),
	};
	char		 leave[400];
	int		 i;

	snprintf(leave, sizeof(leave), "cp %s/record %s/left_after; "
	    "echo \"$2 $3\" >>%s/left", folder, folder, folder);
	wire_begin(&out, WIRE_SETUP);
	wire_put_string(&out, version);
	wire_put_string(&out, "mysql");
	wire_put_number(&out, 0);
	wire_put_number(&out, 0);
	wire_put_string(&out, in_folder("guard"));
	wire_put_string(&out, PLUGIN("recorder"));
	wire_put_number(&out, setup.can_demote);
	wire_put_number(&out, (uint64_t)setup.demote_deadline);
	wire_put_number(&out, (uint64_t)setup.restart_wait);
	wire_put_string(&out, setup.fence);
	wire_put_number(&out, 4);
	wire_put_string(&out, "/bin/sh");
	wire_put_string(&out, "-c");
	wire_put_string(&out, leave);
	wire_put_string(&out, "leave");
	assert_true(wire_send_files(g->channel, &out, files, 0));
	for (i = 0; i < WIRE_FILES; i++)
		close(files[i]);
}

static void
put_lease(int64_t until, int64_t clean_at, bool now)
{
	wire_begin(&out, WIRE_LEASE);
	wire_put_number(&out, (uint64_t)until);
	wire_put_number(&out, (uint64_t)(until + setup.demote_deadline));
	wire_put_number(&out, (uint64_t)clean_at);
	wire_put_number(&out, 42);
	wire_put_string(&out, "node-1");
	wire_put_string(&out, "s-1");
	wire_put_number(&out, now);
}

static void
say_end(enum wire_type type)
{
	wire_begin(&out, type);
	say(&guard);
}

/*
 * What the guard says.
 */

static void
then_told_by(struct program *g, enum core_guard what)
{
	assert_true(hears(g, LATE));
	assert_int_equal(wire_type(&in), WIRE_GUARD);
	assert_int_equal(wire_number(&in), what);
	told_until = (int64_t)wire_number(&in);
	snprintf(told, sizeof(told), "%s", wire_string(&in));
	assert_true(wire_end(&in));
}

static void
then_told(enum core_guard what)
{
	then_told_by(&guard, what);
}

static void
load_guard(struct program *g)
{
	char	 program[] = LIBEXECDIR "/consul-failover-guard", id[] = "mysql";
	char	*argv[] = { program, id, NULL };

	given_process(g, argv, NULL);
}

static void
start_guard_of(struct program *g, const char *version)
{
	load_guard(g);
	say_setup(g, version);
	put_start(&out);
	may_fail(wire_send(g->channel, &out), "it may have refused the set-up");
}

static void
start_guard(struct program *g)
{
	start_guard_of(g, VERSION);
}

static void
given_guard(void)
{
	start_guard(&guard);
	then_told(CORE_GUARD_HOLDS);
	assert_int_equal(told_until, 0);
}

static int64_t
given_lease(int64_t ms, int64_t clean_at)
{
	int64_t	 until = clock_ms() + ms;

	put_lease(until, clean_at, false);
	say(&guard);
	then_told(CORE_GUARD_HOLDS);
	assert_int_equal(told_until, until);
	return until;
}

/* A role handler that has started something, as a plugin may. */
static void
given_role(void)
{
	char	 sh[] = "/bin/sh", c[] = "-c", busy[128];
	char	*argv[] = { sh, c, busy, NULL };

	snprintf(busy, sizeof(busy), "sleep 20 & echo >%s/busy; wait", folder);
	given_process(&role, argv, NULL);
	wait_for_text("busy", "\n");
	wire_begin(&out, WIRE_ROLE);
	wire_put_number(&out, (uint64_t)role.pid);
	say(&guard);
}

/* Its whole process group, which we adopt. */
static void
then_the_role_handler_is_killed(void)
{
	int64_t	 until = clock_ms() + LATE;
	int	 status;

	assert_true(child_ended(role.pid, LATE, &status));
	assert_int_equal(status, W_EXITCODE(0, SIGKILL));
	while (waitpid(-role.pid, &status, WNOHANG) != -1)
		assert_true(clock_ms() < until);
	role.pid = -1;
}

static void
then_left_as(const char *words)
{
	wait_for_text("left", "\n");
	assert_string_equal(read_file("left"), words);
}

/* Nothing was done to the copy, or about it, for that long. */
static void
then_nothing_happens_for(int64_t ms)
{
	assert_false(hears(&guard, ms));
	assert_string_equal(read_file("record"), "");
	assert_string_equal(read_file("left"), "");
}

/*
 * The clock.
 */

static int64_t
seconds(clockid_t id)
{
	struct timespec	 now;

	clock_gettime(id, &now);
	return now.tv_sec;
}

static void
our_clock_goes_on_while_the_machine_is_suspended(void **state)
{
	(void)state;
	if (!suspended)
		skip();
	assert_in_range(seconds(CLOCK_BOOTTIME) - seconds(CLOCK_MONOTONIC),
	    SUSPENDED / 2, SUSPENDED * 2);
	assert_in_range(clock_ms() / 1000 + 1 - seconds(CLOCK_BOOTTIME), 0, 1);
}

static void
so_does_the_guards_timer(void **state)
{
	(void)state;
	if (!suspended)
		skip();
	given_guard();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
}

/*
 * Firing.
 */

static void
a_silent_agent_is_demoted_when_its_lease_is_over(void **state)
{
	int64_t	 until, fired;

	(void)state;
	given_guard();
	until = given_lease(300, CLEAN);
	then_told(CORE_GUARD_FIRED);
	fired = clock_ms();
	then_told(CORE_GUARD_DEMOTED);
	assert_true(fired >= until + LEASE_SLACK_MS);
	assert_true(fired < until + LEASE_SLACK_MS + LATE);
	assert_true(recorded("begin ensure_demoted 42"));
	assert_true(recorded("end ensure_demoted 42 done"));
	/* It had a moment to say so; then the lock goes back. */
	then_left_as("released s-1\n");
	assert_true(clock_ms() >= fired + 1000);
}

static void
the_last_lease_counts(void **state)
{
	(void)state;
	given_guard();
	given_lease(60000, CLEAN);
	given_lease(100, CLEAN);
	given_lease(1000, CLEAN);
	then_nothing_happens_for(1000);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
}

static void
an_ended_lease_is_not_enforced(void **state)
{
	(void)state;
	given_guard();
	given_lease(200, CLEAN);
	say_end(WIRE_END);
	then_nothing_happens_for(200 + LEASE_SLACK_MS + 300);
}

static void
the_agent_may_ask_for_it_at_once(void **state)
{
	(void)state;
	given_guard();
	put_lease(clock_ms() + 60000, CLEAN, true);
	say(&guard);
	then_told(CORE_GUARD_HOLDS);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
}

static void
after_it_has_fired_a_lease_is_refused_until_the_end(void **state)
{
	(void)state;
	write_file("script", "ensure_demoted=300\n");
	given_guard();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	put_lease(clock_ms() + 60000, CLEAN, false);
	say(&guard);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
	say_end(WIRE_END);
	given_lease(60000, CLEAN);
}

static void
an_agent_that_speaks_up_gives_the_lock_back_itself(void **state)
{
	(void)state;
	given_guard();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
	say_end(WIRE_END);
	assert_false(hears(&guard, 1300));
	assert_string_equal(read_file("left"), "");
}

static void
a_lease_that_can_not_be_read_is_none(void **state)
{
	(void)state;
	given_guard();
	put_lease(clock_ms() + 100, CLEAN, false);
	wire_put_number(&out, 1);
	say(&guard);
	put_lease(-1, CLEAN, false);
	say(&guard);
	put_lease(INT64_MAX / 2, CLEAN, true);
	say(&guard);
	then_nothing_happens_for(100 + LEASE_SLACK_MS + 300);
}

/*
 * The role handler.
 */

static void
when_it_fires_the_role_handler_is_killed_first(void **state)
{
	(void)state;
	write_file("script", "ensure_demoted=hang\n");
	given_guard();
	given_role();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	then_the_role_handler_is_killed();
	wait_for_text("record", "begin ensure_demoted");
}

static void
the_role_handler_ends_with_the_agent(void **state)
{
	(void)state;
	setup.restart_wait = 60000;
	given_guard();
	given_role();
	given_lease(60000, CLEAN);
	hang_up(&guard);
	then_the_role_handler_is_killed();
	assert_string_equal(read_file("record"), "");
}

/*
 * An agent that is gone.
 */

static void
a_lost_agent_is_waited_for_and_no_longer_than_restart_wait(void **state)
{
	int64_t	 lost;

	(void)state;
	given_guard();
	given_lease(60000, CLEAN);
	lost = clock_ms();
	hang_up(&guard);
	wait_for_text("record", "begin ensure_demoted");
	assert_true(clock_ms() >= lost + RESTART_WAIT);
	then_left_as("released s-1\n");
	then_it_ends_with(&guard, 0);
}

static void
the_lock_is_given_back_after_the_demotion(void **state)
{
	(void)state;
	write_file("script", "ensure_demoted=500\n");
	given_guard();
	given_lease(60000, CLEAN);
	hang_up(&guard);
	then_left_as("released s-1\n");
	assert_non_null(strstr(read_file("left_after"), "end ensure_demoted"));
}

/* Another one may be a master: the next one must wait as for a lost lock. */
static void
before_clean_at_the_lock_is_not_given_back_as_clean(void **state)
{
	(void)state;
	given_guard();
	given_lease(60000, clock_ms() + 60000);
	hang_up(&guard);
	then_left_as("dropped s-1\n");
	assert_non_null(strstr(read_file("left_after"), "end ensure_demoted"));
}

static void
the_copy_of_a_lost_agent_without_a_lease_leaves_and_is_not_demoted(
    void **state)
{
	(void)state;
	given_guard();
	hang_up(&guard);
	then_left_as("dropped \n");
	then_it_ends_with(&guard, 0);
	assert_string_equal(read_file("record"), "");
}

static void
an_agent_that_says_bye_needs_nobody(void **state)
{
	(void)state;
	given_guard();
	given_lease(60000, CLEAN);
	say_end(WIRE_BYE);
	then_it_ends_with(&guard, 0);
	hang_up(&guard);
	assert_string_equal(read_file("record"), "");
	assert_string_equal(read_file("left"), "");
	assert_int_equal(strncmp(read_file("guard"), "0 ", 2), 0);
}

/*
 * A demotion that does not work.
 */

static void
a_demotion_that_fails_is_tried_again(void **state)
{
	(void)state;
	write_file("script", "ensure_demoted=bad\n");
	given_guard();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	wait_for_text("record", "end ensure_demoted 42 failed");
	write_file("script", "ensure_demoted=crash\n");
	assert_false(hears(&guard, 400));
	write_file("script", "");
	then_told(CORE_GUARD_DEMOTED);
}

static void
one_that_hangs_is_given_up_at_its_deadline_and_fenced(void **state)
{
	char	 fence[200];
	int64_t	 fired;

	(void)state;
	write_file("script", "ensure_demoted=hang\n");
	snprintf(fence, sizeof(fence), "echo $CF_SERVICE $CF_NODE $CF_EPOCH "
	    ">>%s/fenced", folder);
	setup.fence = fence;
	setup.demote_deadline = 300;
	given_guard();
	given_lease(60000, CLEAN);
	hang_up(&guard);
	wait_for_text("record", "begin ensure_demoted");
	fired = clock_ms();
	wait_for_text("fenced", "\n");
	assert_true(clock_ms() >= fired + 200);
	assert_string_equal(read_file("fenced"), "mysql node-1 42\n");
	/* The session is left to Consul, which keeps the lock from others. */
	then_left_as("unfenced s-1\n");
}

static void
what_can_not_be_demoted_is_fenced_at_once(void **state)
{
	char	 fence[128];

	(void)state;
	snprintf(fence, sizeof(fence), "echo >%s/fenced", folder);
	setup.fence = fence;
	setup.can_demote = false;
	given_guard();
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_FAILED);
	assert_string_equal(told, "the plugin has no ensure_demoted");
	wait_for_text("fenced", "\n");
	assert_string_equal(read_file("record"), "");
}

/*
 * The next guard.
 */

static void
the_next_guard_takes_over_the_lease_and_enforces_it(void **state)
{
	int64_t	 until;

	(void)state;
	given_guard();
	until = given_lease(800, CLEAN);
	hang_up(&guard);
	start_guard(&next_guard);
	then_told_by(&next_guard, CORE_GUARD_HOLDS);
	assert_int_equal(told_until, until);
	then_it_ends_with(&guard, 0);
	then_told_by(&next_guard, CORE_GUARD_FIRED);
	assert_true(clock_ms() >= until + LEASE_SLACK_MS);
	then_told_by(&next_guard, CORE_GUARD_DEMOTED);
	assert_true(recorded("end ensure_demoted 42 done"));
}

static void
it_waits_for_a_demotion_that_is_under_way_and_for_leave(void **state)
{
	(void)state;
	write_file("script", "ensure_demoted=1200\n");
	given_guard();
	given_lease(60000, CLEAN);
	hang_up(&guard);
	wait_for_text("record", "begin ensure_demoted");
	start_guard(&next_guard);
	then_told_by(&next_guard, CORE_GUARD_HOLDS);
	assert_int_equal(told_until, 0);
	assert_true(recorded("end ensure_demoted 42 done"));
	assert_string_equal(read_file("left"), "released s-1\n");
	then_it_ends_with(&guard, 0);
}

static void
the_lease_of_one_that_was_killed_is_enforced_by_the_next(void **state)
{
	int64_t	 until;

	(void)state;
	given_guard();
	until = given_lease(1000, CLEAN);
	end_program(&guard);
	start_guard(&next_guard);
	then_told_by(&next_guard, CORE_GUARD_HOLDS);
	assert_int_equal(told_until, until);
	then_told_by(&next_guard, CORE_GUARD_FIRED);
	then_told_by(&next_guard, CORE_GUARD_DEMOTED);
}

/* One that has a lease, and does not go when it is asked to. */
static void
given_a_guard_that_hangs(int64_t until)
{
	struct flock	 l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int		 ready[2], fd;
	char		 byte;

	assert_int_equal(pipe(ready), 0);
	guard.pid = fork();
	if (guard.pid == 0) {
		setpgid(0, 0);
		signal(SIGUSR1, SIG_IGN);
		fd = open(in_folder("guard"), O_RDWR | O_CREAT, 0600);
		dprintf(fd, "%" PRId64 " %" PRId64 " 0 42 0 s-1 0\n", until,
		    until + DEMOTE);
		if (fcntl(fd, F_SETLK, &l) == 0 && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static void
one_that_hangs_is_killed_and_its_lease_enforced(void **state)
{
	int64_t	 until = clock_ms() + 1500;
	int	 status;

	(void)state;
	given_a_guard_that_hangs(until);
	start_guard(&next_guard);
	assert_true(ends(&guard, LATE, &status));
	assert_int_equal(status, W_EXITCODE(0, SIGKILL));
	then_told_by(&next_guard, CORE_GUARD_HOLDS);
	assert_int_equal(told_until, until);
	then_told_by(&next_guard, CORE_GUARD_FIRED);
	then_told_by(&next_guard, CORE_GUARD_DEMOTED);
}

static void
signals_do_not_end_it(void **state)
{
	(void)state;
	given_guard();
	kill(guard.pid, SIGTERM);
	kill(guard.pid, SIGINT);
	kill(guard.pid, SIGHUP);
	kill(guard.pid, SIGQUIT);
	given_lease(1, CLEAN);
	then_told(CORE_GUARD_FIRED);
	then_told(CORE_GUARD_DEMOTED);
}

/* Another program's: it would read our messages as something else. */
static void
one_of_another_version_does_not_begin(void **state)
{
	(void)state;
	start_guard_of(&guard, "0.0.0");
	then_it_ends_with(&guard, 1);
}

/* The agent has found that it must not start, while we were loaded for it. */
static void
nor_one_without_a_set_up(void **state)
{
	(void)state;
	load_guard(&guard);
	hang_up(&guard);
	then_it_ends_with(&guard, 1);
	assert_int_not_equal(access(in_folder("guard"), F_OK), 0);
}

/*
 * The namespace holds for what we start after it: so the tests, too.
 */

static bool
given_time_namespace(void)
{
	int	 fd;
	bool	 ok;

	if (unshare(CLONE_NEWTIME) != 0)
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && dprintf(fd, "boottime %d 0\n", SUSPENDED) > 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static int
run_in_child(int (*run)(void))
{
	pid_t	 pid = fork();
	int	 status;

	if (pid == 0)
		exit(run());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	    WEXITSTATUS(status) : EXIT_FAILURE;
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(our_clock_goes_on_while_the_machine_is_suspended),
		TEST(so_does_the_guards_timer),
		TEST(a_silent_agent_is_demoted_when_its_lease_is_over),
		TEST(the_last_lease_counts),
		TEST(an_ended_lease_is_not_enforced),
		TEST(the_agent_may_ask_for_it_at_once),
		TEST(after_it_has_fired_a_lease_is_refused_until_the_end),
		TEST(an_agent_that_speaks_up_gives_the_lock_back_itself),
		TEST(a_lease_that_can_not_be_read_is_none),
		TEST(when_it_fires_the_role_handler_is_killed_first),
		TEST(the_role_handler_ends_with_the_agent),
		TEST(a_lost_agent_is_waited_for_and_no_longer_than_restart_wait),
		TEST(the_lock_is_given_back_after_the_demotion),
		TEST(before_clean_at_the_lock_is_not_given_back_as_clean),
		TEST(the_copy_of_a_lost_agent_without_a_lease_leaves_and_is_not_demoted),
		TEST(an_agent_that_says_bye_needs_nobody),
		TEST(a_demotion_that_fails_is_tried_again),
		TEST(one_that_hangs_is_given_up_at_its_deadline_and_fenced),
		TEST(what_can_not_be_demoted_is_fenced_at_once),
		TEST(the_next_guard_takes_over_the_lease_and_enforces_it),
		TEST(it_waits_for_a_demotion_that_is_under_way_and_for_leave),
		TEST(the_lease_of_one_that_was_killed_is_enforced_by_the_next),
		TEST(one_that_hangs_is_killed_and_its_lease_enforced),
		TEST(signals_do_not_end_it),
		TEST(one_of_another_version_does_not_begin),
		TEST(nor_one_without_a_set_up),
	};

	return cmocka_run_group_tests_name("guard_main", tests, NULL, NULL);
}

/* All tests, or those whose names match a pattern. */
int
main(int argc, char **argv)
{
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	suspended = given_time_namespace();
	if (!suspended)
		printf("# no suspended machine, as there is no time namespace "
		    "for us: %s\n", strerror(errno));
	fflush(stdout);
	return run_in_child(run);
}

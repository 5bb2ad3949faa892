/* test_handler.c - whatever a plugin does, it costs one call. */
#include "given_handler.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <consul-failover/plugin.h>

#include "child.h"

/*
 * What a plugin is.
 */

static void
a_plugin_is_described_by_its_handler(void **state)
{
	struct plugin_description	*d;

	(void)state;
	given_recorder();
	d = t.plugin;
	assert_string_equal(d->image.path, PLUGINDIR "/recorder.so");
	assert_string_equal(d->name, "recorder");
	assert_string_equal(d->version, "1.0");
	assert_string_equal(d->summary, "records its calls, for tests");
	assert_int_equal(d->abi, 1);
	assert_int_equal(d->ops, (1 << OPERATIONS) - 1);
	assert_true(d->has_watch_fd && d->has_start && d->has_stop);
	assert_int_equal(d->option_count, 9);
	assert_string_equal(d->options[0].name, "node");
	assert_null(d->options[0].fallback);
	assert_string_equal(d->options[2].fallback, "no");
	assert_string_equal(d->options[2].meaning, "record health too");
}

static void
a_plugin_may_have_three_functions_only(void **state)
{
	(void)state;
	given_handler("minimal");
	assert_int_equal(t.plugin->ops, 1 << OPERATION_HEALTH |
	    1 << OPERATION_ENSURE_MASTER | 1 << OPERATION_ENSURE_SLAVE);
	assert_false(t.plugin->has_watch_fd || t.plugin->has_start ||
	    t.plugin->has_stop);
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_FAILED, "the plugin has no ensure_demoted");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "master, epoch 42");
}

static void
an_older_plugin_with_a_shorter_description_works(void **state)
{
	(void)state;
	given_handler("older");
	assert_string_equal(t.plugin->name, "older");
	assert_string_equal(t.plugin->version, "0.9");
	assert_string_equal(t.plugin->summary, "");
	assert_int_equal(t.plugin->option_count, 0);
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "old but fine");
}

static void
then_it_is_refused(const char *plugin, const char *why)
{
	struct plugin_description	*d;
	struct error			 err;

	assert_false(plugin_describe(&d, plugin, PLUGIN_LOAD_LIMIT_MS, &err));
	assert_null(d);
	assert_string_equal(err.text, why);
}

static void
then_the_file_is_refused(const char *file, const char *why)
{
	char	 text[512];

	snprintf(text, sizeof(text), "plugin %s%s", file, why);
	then_it_is_refused(file, text);
}

static void
a_newer_plugin_finds_zero_where_we_have_nothing(void **state)
{
	(void)state;
	given_handler("newer");
	assert_int_equal(t.plugin->option_count, 2);
	assert_string_equal(t.plugin->options[1].name, "second");
	assert_int_equal(t.plugin->options[1].type, FAILOVER_SECRET);
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "one of 192.0.2.7");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "%n is no format");
	assert_string_equal(t.log,
	    "plugin newer (health): 100% as it is: %s\n");
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_DONE, "10.0.0.7 right");
}

static void
what_is_no_plugin_is_refused_with_the_reason(void **state)
{
	(void)state;
	write_file("text", "This is no plugin.\n");
	write_file("empty", "");
	write_file("broken", "\177ELF and then nothing of the kind");
	then_it_is_refused("nosuch", "plugin nosuch is not installed: there is "
	    "no " PLUGINDIR "/nosuch.so; to use a plugin elsewhere, give its "
	    "path, with a /");
	then_the_file_is_refused("./no/such.so", ": No such file or directory");
	then_the_file_is_refused(in_folder("text"), " is not a shared object");
	then_the_file_is_refused(in_folder("empty"), " is not a shared object");
	then_the_file_is_refused(t.folder, " is not a shared object");
	then_it_is_refused("no_info", PLUGINDIR "/no_info.so exports no "
	    "plugin_info: is it a consul-failover plugin?");
	then_it_is_refused("no_symbol",
	    PLUGINDIR "/no_symbol.so lacks the function ensure_slave");
	then_it_is_refused("other_abi", PLUGINDIR "/other_abi.so is built for "
	    "plugin ABI 2, and this consul-failover has 1: rebuild it with the "
	    "plugin.h of this version");
}

static void
a_broken_shared_object_is_refused(void **state)
{
	struct plugin_description	*d;
	struct error			 err;

	(void)state;
	write_file("broken", "\177ELF and then nothing of the kind");
	assert_false(plugin_describe(&d, in_folder("broken"),
	    PLUGIN_LOAD_LIMIT_MS, &err));
	assert_non_null(strstr(err.text, "can't be loaded"));
	assert_non_null(strstr(err.text, in_folder("broken")));
}

static void
a_plugin_that_hangs_when_loaded_is_refused_after_5_s(void **state)
{
	int64_t	 begun = clock_ms();

	(void)state;
	then_it_is_refused("hang_load", "plugin " PLUGINDIR "/hang_load.so did "
	    "not load within 5.0 s");
	assert_in_range(clock_ms() - begun, 4900, 7000);
}

/*
 * Options.
 */

static void
all_wrong_options_are_told_at_once(void **state)
{
	struct error	 err;
	char		*errors;

	(void)state;
	given_option("fag", "/x");
	given_option("something_else", "1");
	given_option("at", "12x");
	given_option("log_health", "maybe");
	given_option("pause", "5");
	assert_true(plugin_describe(&t.plugin, "recorder",
	    PLUGIN_LOAD_LIMIT_MS, &err));
	assert_false(plugin_check_options(t.plugin, &t.config, &errors));
	assert_string_equal(errors,
	    "test.ini:10: plugin recorder has no option fag; do you mean "
	    "flag?\n"
	    "test.ini:11: plugin recorder has no option something_else; it "
	    "has node, log, log_health, flag, script, app, at, at_file, pause\n"
	    "test.ini:13: [options] log_health: \"maybe\" is neither yes nor "
	    "no (record health too)\n"
	    "test.ini:12: [options] at: \"12x\" is not a whole number (our "
	    "position)\n"
	    "test.ini:14: [options] pause: \"5\" is not a duration such as "
	    "500ms, 2s or 1m (every ensure_ takes this long)\n");
	free(errors);
}

static void
a_missing_or_empty_option_is_told(void **state)
{
	struct error	 err;
	char		*errors;

	(void)state;
	given_option("health", "");
	given_option("ensure_master", "/bin/true");
	given_option("ensure_slave", "/bin/true");
	assert_true(plugin_describe(&t.plugin, EXEC_PLUGIN,
	    PLUGIN_LOAD_LIMIT_MS, &err));
	assert_false(plugin_check_options(t.plugin, &t.config, &errors));
	assert_string_equal(errors,
	    "test.ini:10: [options] health: \"\" is empty (command: exit 0 if "
	    "fit to serve, 75 if busy)\n"
	    "test.ini: [options] ensure_demoted is missing, and plugin exec "
	    "needs it: command: stop being the master, at once\n");
	free(errors);
}

static void
an_option_is_a_value_a_default_or_nothing(void **state)
{
	struct plugin_option	 o = { "wait", 3, "2s", "" };
	int64_t			 number;

	(void)state;
	assert_string_equal(plugin_option_value(&o, &t.config, &number), "2s");
	assert_int_equal(number, 2000);
	given_option("wait", "500ms");
	assert_string_equal(plugin_option_value(&o, &t.config, &number),
	    "500ms");
	assert_int_equal(number, 500);
	o.name = "other";
	o.fallback = NULL;
	assert_null(plugin_option_value(&o, &t.config, &number));
	assert_int_equal(number, 0);
}

/*
 * Calls.
 */

static void
a_call_gives_result_and_sentence(void **state)
{
	char	 expected[256];

	(void)state;
	given_option("flag", in_folder("flag"));
	given_recorder();
	call(OPERATION_HEALTH);
	snprintf(expected, sizeof(expected), "%s is missing",
	    in_folder("flag"));
	then(HANDLER_FAILED, expected);
	write_file("flag", "");
	call(OPERATION_HEALTH);
	snprintf(expected, sizeof(expected), "%s exists", in_folder("flag"));
	then(HANDLER_DONE, expected);
}

static void
a_call_without_a_sentence_gets_one(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	given_script("health=busy\nensure_master=bad\n");
	call(OPERATION_HEALTH);
	then(HANDLER_AGAIN, "health: again");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, "ensure_master: failed");
}

static void
a_plugin_is_told_node_epoch_and_master(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_DONE, "ensure_slave: done");
	assert_non_null(strstr(read_file("log"),
	    " node-1 begin ensure_slave 42 - 10.0.0.7:3306\n"));
	assert_non_null(strstr(read_file("log"),
	    " node-1 end ensure_slave 42 done 10.0.0.7:3306\n"));
	call(OPERATION_ENSURE_DEMOTED);
	assert_non_null(strstr(read_file("log"),
	    " node-1 end ensure_demoted 42 done -\n"));
}

static void
a_position_travels_whole(void **state)
{
	(void)state;
	given_option("at", "18");
	given_recorder();
	call(OPERATION_POSITION);
	then(HANDLER_DONE, "18");
	call(OPERATION_HAS_POSITION);	/* of 17 */
	then(HANDLER_DONE, "has_position: done");
	call(OPERATION_BEHIND);
	then(HANDLER_DONE, "0");
}

static void
an_empty_position_is_none(void **state)
{
	const char	*file = in_folder("at");

	(void)state;
	write_file("at", "\n");
	assert_int_equal(chmod(file, 0600), 0);
	given_option("at_file", file);
	given_recorder();
	call(OPERATION_POSITION);
	then(HANDLER_FAILED, "position answered done, but its text is empty");
}

static void
a_copy_can_tell_how_far_it_is_behind(void **state)
{
	(void)state;
	given_option("at", "12");
	given_recorder();
	call(OPERATION_HAS_POSITION);	/* of 17 */
	then(HANDLER_FAILED, "has_position: failed");
	call(OPERATION_BEHIND);
	then(HANDLER_DONE, "5");
}

static void
a_secret_is_the_first_line_of_a_file_that_not_everybody_can_read(void **state)
{
	const char	*file = in_folder("at");

	(void)state;
	write_file("at", "18\nnot this\n");
	assert_int_equal(chmod(file, 0600), 0);
	given_option("at_file", file);
	given_recorder();
	call(OPERATION_POSITION);
	then(HANDLER_DONE, "18");
	assert_int_equal(chmod(file, 0644), 0);
	call(OPERATION_POSITION);
	assert_int_equal(t.result, HANDLER_FAILED);
	assert_non_null(strstr(t.text, "any user can read "));
	assert_non_null(strstr(t.text, ": chmod o-r"));
	assert_int_equal(unlink(file), 0);
	call(OPERATION_POSITION);
	assert_int_equal(t.result, HANDLER_FAILED);
	assert_non_null(strstr(t.text, "No such file"));
}

static void
a_demotion_has_the_secret_of_the_start_where_the_file_is_no_good(void **state)
{
	const char	*kept = "the secret is 18";
	char		 file[384];

	(void)state;
	snprintf(file, sizeof(file), "%s", in_folder("at"));
	write_file("at", "19\n");
	assert_int_equal(chmod(file, 0600), 0);
	given_option("at_file", file);
	t.options[0].secret = (char *)(uintptr_t)"18";
	given_recorder();
	given_script("ensure_demoted=secret\nensure_slave=secret\n");
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, "the secret is 19");
	assert_int_equal(chmod(file, 0644), 0);
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, kept);
	assert_non_null(strstr(t.log, "chmod o-r it; demoting with the one "
	    "that was read at the start"));
	assert_int_equal(unlink(file), 0);
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, kept);
	call(OPERATION_ENSURE_SLAVE);
	assert_non_null(strstr(t.text, "No such file"));
}

static void
secrets_are_kept_of_options_that_name_a_file_of_one(void **state)
{
	struct plugin_option		 options[] = {
		{ "password_file", FAILOVER_STRING, NULL, "" },
		{ "replication_password_file", FAILOVER_STRING, NULL, "" },
		{ "password", FAILOVER_STRING, NULL, "" },
		{ "at_file", FAILOVER_STRING, NULL, "" },
		{ "token_file", FAILOVER_STRING, NULL, "" },
		{ "key", FAILOVER_SECRET | FAILOVER_REQUIRED, NULL, "" },
	};
	struct plugin_description	 d = { .options = options,
					    .option_count = 6 };

	(void)state;
	write_file("secret", "s3cret\nnot this\n");
	given_option("password_file", in_folder("secret"));
	given_option("replication_password_file", in_folder("none"));
	given_option("password", in_folder("secret"));
	given_option("at_file", in_folder("secret"));
	given_option("token_file", "/dev/zero");
	given_option("key", in_folder("secret"));
	plugin_keep_secrets(&t.config, &d);
	assert_string_equal(t.options[0].secret, "s3cret");
	assert_string_equal(t.options[5].secret, "s3cret");
	free(t.options[5].secret);
	assert_null(t.options[1].secret);
	assert_null(t.options[2].secret);
	assert_null(t.options[3].secret);
	assert_null(t.options[4].secret);
	free(t.options[0].secret);
}

static void
what_is_remembered_outlives_the_handler(void **state)
{
	const char	*text = "refused by node-1: 17 is gone";

	(void)state;
	given_recorder();
	given_script("health=remember\nensure_slave=forget\n");
	call(OPERATION_HEALTH);
	then(HANDLER_FAILED, text);
	assert_string_equal(read_file("mysql.memory"),
	    "refused by node-1: 17 is gone\n");
	given_script("ensure_slave=forget\n");
	handler_reload(t.handler, t.plugin);
	call(OPERATION_HEALTH);
	then(HANDLER_FAILED, text);
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, text);
	call(OPERATION_ENSURE_SLAVE);
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	assert_int_equal(access(in_folder("mysql.memory"), F_OK), -1);
}

static void
what_another_handler_remembers_is_seen_at_the_next_call(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	write_file("mysql.memory", "refused\n");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, "refused");
	assert_int_equal(unlink(in_folder("mysql.memory")), 0);
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "ensure_master: done");
}

static void
what_is_remembered_is_written_once(void **state)
{
	struct stat	 first, second;

	(void)state;
	given_recorder();
	given_script("health=remember\n");
	call(OPERATION_HEALTH);
	assert_int_equal(stat(in_folder("mysql.memory"), &first), 0);
	assert_int_equal(first.st_mode & 0777, 0600);
	call(OPERATION_HEALTH);
	assert_int_equal(stat(in_folder("mysql.memory"), &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
}

static void
promote_reaches_the_plugin(void **state)
{
	const struct handler_call	 promoted = {
		.op = OPERATION_ENSURE_MASTER, .timeout_ms = 10000,
		.what = { .node = "node-1", .reason = "a test",
		    .promote = true },
	};

	(void)state;
	given_recorder();
	write_file("mysql.memory", "refused\n");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_FAILED, "refused");
	t.answered = false;
	assert_true(handler_call(t.handler, &promoted, answer_cb, NULL));
	wait_for_answer();
	then(HANDLER_DONE, "ensure_master: done");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
a_memory_that_can_not_be_kept_fails_the_call(void **state)
{
	(void)state;
	t.config.state_dir = (char *)(uintptr_t)"/proc/nothing";
	given_recorder();
	given_script("ensure_slave=remember\n");
	call(OPERATION_ENSURE_SLAVE);
	assert_non_null(strstr(t.text, "can't write /proc/nothing/mysql.memory:"
	    " No such file or directory: free space on its disk, or set "
	    "[agent] state_dir; not kept: refused by node-1"));
}

/* As by a disk that fails. */
static void
a_memory_that_can_not_be_read_makes_nobody_fit_and_demotes_nobody(void **state)
{
	struct handler_call	 of_a_master = {
		.op = OPERATION_HEALTH, .timeout_ms = 10000,
		.what = { .node = "node-1", .reason = "a test",
		    .role = FAILOVER_MASTER },
	};

	(void)state;
	given_recorder();
	assert_int_equal(mkdir(in_folder("mysql.memory"), 0700), 0);
	call(OPERATION_HEALTH);
	assert_int_equal(t.result, HANDLER_FAILED);
	assert_non_null(strstr(t.text, "mysql.memory: Is a directory: it may "
	    "record that this copy lacks data"));
	call(OPERATION_ENSURE_MASTER);
	assert_int_equal(t.result, HANDLER_FAILED);
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, "ensure_demoted: done");
	t.answered = false;
	assert_true(handler_call(t.handler, &of_a_master, answer_cb, NULL));
	wait_for_answer();
	then(HANDLER_DONE, "health: done");
	assert_int_equal(rmdir(in_folder("mysql.memory")), 0);
}

static void
the_answer_comes_after_handler_call_has_returned(void **state)
{
	(void)state;
	given_recorder();
	assert_int_equal(handler_pid(t.handler), -1);
	assert_true(when_called(OPERATION_HEALTH, 10000));
	assert_false(t.answered);
	assert_true(handler_busy(t.handler));
	wait_for_answer();
	assert_false(handler_busy(t.handler));
}

static void
one_call_runs_at_a_time(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=50 ok\n");
	assert_true(when_called(OPERATION_HEALTH, 10000));
	assert_false(when_called(OPERATION_ENSURE_MASTER, 10000));
	wait_for_answer();
	then(HANDLER_DONE, "health: done");
}

static void
a_long_sentence_is_cut_and_only_its_first_line_counts(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=long\nensure_master=lines\nensure_slave=latin1\n");
	call(OPERATION_HEALTH);
	assert_int_equal(strlen(t.text), 511);
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "first line");
	call(OPERATION_ENSURE_SLAVE);
	then(HANDLER_DONE, "caf\351");
}

static void
a_failed_plugin_start_fails_the_call_and_is_tried_again(void **state)
{
	(void)state;
	given_recorder();
	given_script("plugin_start=bad\n");
	call(OPERATION_HEALTH);
	then(HANDLER_FAILED, "plugin_start: plugin_start: failed");
	given_script("plugin_start=ok\n");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	given_script("plugin_start=bad\n");	/* it is started already */
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
plugin_stop_is_called_when_a_handler_ends_in_good_order(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	handler_free(t.handler);
	t.handler = NULL;
	assert_non_null(strstr(read_file("log"), "end plugin_stop"));
}

/*
 * Misbehaviour.
 */

static void
then_the_next_call_works(void)
{
	given_script("");
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, "ensure_demoted: done");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
a_crash_costs_one_call(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=crash\n");
	call(OPERATION_HEALTH);
	then(HANDLER_LOST,
	    "health killed its handler: signal 11 (Segmentation fault)");
	then_the_next_call_works();
}

static void
last_words_of_a_crash_are_logged(void **state)
{
	(void)state;
	given_recorder();
	given_script("ensure_master=abort\n");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_LOST, "ensure_master killed its handler: signal 6 "
	    "(Aborted)");
	assert_string_equal(t.log, "plugin recorder (health) wrote: "
	    "assertion failed: the moon is full\n");
}

static void
an_exit_costs_one_call(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=exit\n");
	call(OPERATION_HEALTH);
	then(HANDLER_LOST, "health ended its handler: exit status 3");
	then_the_next_call_works();
}

static void
closed_descriptors_cost_one_call(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=closefds hang\n");
	call(OPERATION_HEALTH);
	then(HANDLER_LOST, "health closed its handler's channel");
	given_script("ensure_demoted=closefds\n");
	call(OPERATION_ENSURE_DEMOTED);
	assert_int_equal(t.result, HANDLER_LOST);
	then_the_next_call_works();
}

static void
garbage_costs_one_call(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=garbage\n");
	call(OPERATION_HEALTH);
	then(HANDLER_LOST, "health broke the protocol of its handler");
	then_the_next_call_works();
}

static void
a_result_that_is_none_is_a_failure(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=nonsense\n");
	call(OPERATION_HEALTH);
	then(HANDLER_FAILED,
	    "health returned 77, which is not a failover_result");
	then_the_next_call_works();
}

static void
then_it_is_late_after(const char *script, int64_t ms)
{
	int64_t	 begun = clock_ms();

	given_script(script);
	call_within(OPERATION_ENSURE_MASTER, ms);
	assert_in_range(clock_ms() - begun, ms - 20, ms + 2000);
	assert_int_equal(t.result, HANDLER_TIMEOUT);
}

static void
a_call_that_hangs_is_ended_at_its_deadline(void **state)
{
	(void)state;
	given_recorder();
	then_it_is_late_after("ensure_master=hang\n", 300);
	then(HANDLER_TIMEOUT, "ensure_master did not answer within 300 ms; its "
	    "handler was killed");
	then_it_is_late_after("ensure_master=spin\n", 1000);
	then(HANDLER_TIMEOUT, "ensure_master did not answer within 1 s; its "
	    "handler was killed");
	/* plugin_start is covered by the deadline of its call. */
	then_it_is_late_after("plugin_start=hang\n", 300);
	then_the_next_call_works();
}

static void
a_stopped_handler_is_ended_at_the_deadline(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	signal_handler(SIGSTOP);
	then_it_is_late_after("", 300);
	then_the_next_call_works();
}

static void
leaks_cost_nothing_but_memory(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=leak\n");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	then_the_next_call_works();
}

static bool
group_lives(pid_t group)
{
	int	 i;

	for (i = 0; i < 200 && kill(-group, 0) == 0; i++) {
		usleep(10000);
		waitpid(-group, NULL, WNOHANG);
	}
	return i == 200;
}

static void
a_handler_that_has_grown_is_replaced_between_two_calls(void **state)
{
	static const struct {
		const char	*script, *said;
	}	 ways[] = {
		{ "ensure_master=fill\n", "(health): its handler has grown by " },
		{ "ensure_master=leak\n", "(health): its handler has grown to " },
	};
	struct rlimit	 old, limit;
	pid_t		 pid;
	size_t		 i;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
	given_recorder();
#if defined(__SANITIZE_ADDRESS__)	/* there memory is not looked at */
	i = 1;
#else
	i = 0;
#endif
	for (; i < 2; i++) {
		given_script("");
		call(OPERATION_HEALTH);
		call(OPERATION_HEALTH);
		pid = handler_pid(t.handler);
		assert_int_not_equal(pid, -1);
		assert_null(strstr(t.log, ways[i].said));

		given_script(ways[i].script);
		call(OPERATION_ENSURE_MASTER);
		then(HANDLER_DONE, "ensure_master: done");
		assert_non_null(strstr(t.log, ways[i].said));
		assert_int_equal(handler_pid(t.handler), -1);
		assert_false(group_lives(pid));

		/* It costs no call. */
		then_the_next_call_works();
	}
	setrlimit(RLIMIT_NOFILE, &old);
}

static void
children_of_a_plugin_end_with_the_handler(void **state)
{
	pid_t	 pid;

	(void)state;
	/* Orphans come to us, and we bury them: init may take its time. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	given_recorder();
	given_script("health=fork\nensure_master=fork crash\n"
	    "ensure_slave=fork hang\n");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	pid = handler_pid(t.handler);
	call(OPERATION_ENSURE_MASTER);	/* the children don't hide the crash */
	assert_int_equal(t.result, HANDLER_LOST);
	assert_false(group_lives(pid));

	when_called(OPERATION_ENSURE_SLAVE, 200);
	run_loop_ms(50);
	pid = handler_pid(t.handler);
	wait_for_answer();
	assert_int_equal(t.result, HANDLER_TIMEOUT);
	assert_false(group_lives(pid));

	call(OPERATION_HEALTH);
	pid = handler_pid(t.handler);
	handler_free(t.handler);
	t.handler = NULL;
	assert_false(group_lives(pid));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void
a_plugin_that_talks_does_not_flood_the_log(void **state)
{
	(void)state;
	given_recorder();
	given_script("health=stdout\nensure_master=log\nensure_slave=stderr\n");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	assert_in_range(t.log_lines, 10, 60);
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "ensure_master: done");
	assert_in_range(t.log_lines, 10, 60);
	assert_non_null(strstr(t.log, "plugin recorder (health) wrote: "
	    "a plugin that talks a lot, line 0\n"));
	assert_non_null(strstr(t.log, "writes more than 50 lines in 10 s; the "
	    "rest is counted only\n"));
	then_the_next_call_works();
}

static void
what_plugin_stop_logs_is_logged(void **state)
{
	(void)state;
	given_recorder();
	given_script("plugin_stop=say\n");
	call(OPERATION_HEALTH);
	handler_free(t.handler);
	t.handler = NULL;
	assert_string_equal(t.log,
	    "plugin recorder (health): epoch 42: a test\n");
}

static void
what_a_plugin_logs_is_logged(void **state)
{
	(void)state;
	given_recorder();
	given_script("ensure_master=say\n");
	call(OPERATION_ENSURE_MASTER);
	then(HANDLER_DONE, "ensure_master: done");
	assert_string_equal(t.log,
	    "plugin recorder (health): epoch 42: a test\n");
}

/*
 * Starting again.
 */

static void
a_crash_loop_gets_slower_but_a_demotion_never_waits(void **state)
{
	int64_t	 begun;
	int	 i;

	(void)state;
	given_recorder();
	given_script("health=crash\n");
	begun = clock_ms();
	for (i = 0; i < 6; i++)
		call(OPERATION_HEALTH);
	/* Starts at 0, 0, 100, 300, 700 and 1500 ms; the next would wait for
	 * another 1600. */
	assert_in_range(clock_ms() - begun, 1495, 5000);

	begun = clock_ms();
	given_script("");
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, "ensure_demoted: done");
	assert_in_range(clock_ms() - begun, 0, 1400);
}

static void
a_good_call_ends_the_pauses(void **state)
{
	int64_t	 begun;
	int	 i;

	(void)state;
	given_recorder();
	given_script("ensure_demoted=crash\n");
	for (i = 0; i < 10; i++)
		call(OPERATION_ENSURE_DEMOTED);
	given_script("health=crash\n");
	call(OPERATION_ENSURE_DEMOTED);
	begun = clock_ms();
	call(OPERATION_HEALTH);
	call(OPERATION_ENSURE_MASTER);	/* else this waited for 5 s */
	assert_in_range(clock_ms() - begun, 0, 3000);
}

static void
a_call_in_a_pause_keeps_its_own_deadline(void **state)
{
	int	 i;

	(void)state;
	given_recorder();
	given_script("ensure_demoted=crash\n");
	for (i = 0; i < 10; i++)
		call(OPERATION_ENSURE_DEMOTED);
	then_it_is_late_after("", 100);
	then(HANDLER_TIMEOUT, "ensure_master was not started within 100 ms: its "
	    "handler was lost 10 times in a row");
}

static void
a_handler_that_is_lost_when_idle_is_started_again(void **state)
{
	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	signal_handler(SIGKILL);
	run_loop_ms(200);
	assert_string_equal(t.log, "plugin recorder (health): it killed its "
	    "handler: signal 9 (Killed); the next call starts it again\n");
	assert_int_equal(handler_pid(t.handler), -1);
	assert_int_equal(t.watched, 1);		/* health should be asked */
	then_the_next_call_works();
}

static void
a_cancelled_call_is_killed_and_never_answers(void **state)
{
	pid_t	 pid;

	(void)state;
	given_recorder();
	given_script("health=100 ok\n");
	when_called(OPERATION_HEALTH, 10000);
	run_loop_ms(50);
	pid = handler_pid(t.handler);
	handler_cancel(t.handler);
	assert_false(handler_busy(t.handler));
	assert_int_equal(handler_pid(t.handler), -1);
	run_loop_ms(200);
	assert_false(t.answered);
	assert_false(group_lives(pid));
	handler_cancel(t.handler);	/* nothing to cancel */
	then_the_next_call_works();
}

static void
a_call_cancelled_at_once_costs_no_handler(void **state)
{
	pid_t	 pid;

	(void)state;
	given_recorder();
	call(OPERATION_HEALTH);
	pid = handler_pid(t.handler);
	when_called(OPERATION_HEALTH, 10000);
	handler_cancel(t.handler);
	call(OPERATION_HEALTH);
	assert_int_equal(handler_pid(t.handler), pid);
}

static bool	no_memory_runs;

/* image.c's. */
int
memfd_create(const char *name, unsigned flags)
{
	if (!no_memory_runs)
		return (int)syscall(SYS_memfd_create, name, flags);
	errno = EACCES;
	return -1;
}

static void
given_a_copy_of(const char *plugin)
{
	char	 copy[512];

	snprintf(copy, sizeof(copy), "cp %s %s.new && mv %s.new %s", plugin,
	    in_folder("copy.so"), in_folder("copy.so"), in_folder("copy.so"));
	assert_int_equal(system(copy), 0);
}

static void
a_plugin_file_that_is_written_over_is_no_loss(void **state)
{
	(void)state;
	given_a_copy_of(PLUGINDIR "/recorder.so");
	given_handler(in_folder("copy.so"));
	call(OPERATION_HEALTH);
	assert_true(t.plugin->image.copied);
	write_file("copy.so", "\177ELF and then nothing of the kind");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	handler_reload(t.handler, t.plugin);
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
where_nothing_runs_from_memory_the_file_is_held(void **state)
{
	(void)state;
	given_a_copy_of(PLUGINDIR "/recorder.so");
	no_memory_runs = true;
	given_handler(in_folder("copy.so"));
	no_memory_runs = false;
	assert_false(t.plugin->image.copied);
	given_a_copy_of(PLUGINDIR "/minimal.so");
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
	unlink(in_folder("copy.so"));
	handler_reload(t.handler, t.plugin);
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
a_file_has_changed_when_its_content_has(void **state)
{
	struct image	 i;
	struct error	 err;

	(void)state;
	given_a_copy_of(PLUGINDIR "/recorder.so");
	assert_true(image_take(&i, in_folder("copy.so"), IMAGE_COPIED, &err));
	assert_int_equal(image_look(&i), IMAGE_SAME);
	given_a_copy_of(PLUGINDIR "/recorder.so");
	assert_int_equal(image_look(&i), IMAGE_SAME);
	given_a_copy_of(PLUGINDIR "/minimal.so");
	assert_int_equal(image_look(&i), IMAGE_CHANGED);
	assert_int_equal(image_look(&i), IMAGE_CHANGED);
	write_file("copy.so", "");
	assert_int_equal(image_look(&i), IMAGE_CHANGED);
	unlink(in_folder("copy.so"));
	assert_int_equal(image_look(&i), IMAGE_GONE);
	given_a_copy_of(PLUGINDIR "/recorder.so");
	assert_int_equal(image_look(&i), IMAGE_SAME);
	image_drop(&i);
}

static void
a_plugin_file_that_went_away_is_no_loss(void **state)
{
	(void)state;
	given_a_copy_of(PLUGINDIR "/recorder.so");
	given_handler(in_folder("copy.so"));
	unlink(in_folder("copy.so"));
	call(OPERATION_HEALTH);
	then(HANDLER_DONE, "health: done");
}

static void
a_handler_that_cant_be_started_is_told(void **state)
{
	struct rlimit	 limit, few;

	(void)state;
	given_recorder();
	getrlimit(RLIMIT_NOFILE, &limit);
	few = limit;
	few.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &few);
	assert_true(when_called(OPERATION_HEALTH, 1000));
	wait_for_answer();
	setrlimit(RLIMIT_NOFILE, &limit);
	then(HANDLER_LOST, "can't make a channel: Too many open files");
	then_the_next_call_works();
}

/* A process that is traced can't be reaped by its parent: to us it looks as if
 * it hung in the kernel. */
static pid_t
given_a_tracer(int pids)
{
	pid_t	 tracer = fork(), pid;

	if (tracer != 0)
		return tracer;
	while (read(pids, &pid, sizeof(pid)) == sizeof(pid))
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
			_exit(1);
	_exit(0);
}

static void
handlers_that_do_not_die_are_not_heaped_up(void **state)
{
	int	 pipes[2], i, status;
	pid_t	 tracer, pid;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	tracer = given_a_tracer(pipes[0]);
	given_recorder();
	given_script("health=hang\n");
	for (i = 0; i < 4; i++) {
		when_called(OPERATION_HEALTH, 200);
		run_loop_ms(20);
		pid = handler_pid(t.handler);
		assert_true(write(pipes[1], &pid, sizeof(pid)) > 0);
		wait_for_answer();
		assert_int_equal(t.result, HANDLER_TIMEOUT);
	}
	if (waitpid(tracer, &status, WNOHANG) != 0)
		skip();		/* we are not allowed to trace */
	call(OPERATION_HEALTH);
	then(HANDLER_LOST, "4 killed handlers have not ended yet: does a file "
	    "system or a disk hang?");
	call(OPERATION_ENSURE_DEMOTED);
	then(HANDLER_DONE, "ensure_demoted: done");

	kill(tracer, SIGKILL);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
	close(pipes[0]);
	close(pipes[1]);
	run_loop_ms(1100);	/* reaped without being asked */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);	/* one lives */
	then_the_next_call_works();
}

/*
 * watch_fd.
 */

static void
a_change_of_the_application_asks_for_health(void **state)
{
	(void)state;
	given_option("flag", in_folder("flag"));
	given_handler(EXAMPLE_PLUGIN);
	call(OPERATION_HEALTH);
	run_loop_ms(50);
	assert_int_equal(t.watched, 0);

	write_file("flag", "");
	run_loop_ms(50);
	assert_int_equal(t.watched, 1);
	unlink(in_folder("flag"));	/* told once, until health is asked */
	run_loop_ms(250);
	assert_int_equal(t.watched, 1);

	call(OPERATION_HEALTH);
	assert_int_equal(t.result, HANDLER_FAILED);
	write_file("flag", "");
	run_loop_ms(250);
	assert_int_equal(t.watched, 2);
}

static void
ask_again(void *arg)
{
	(void)arg;
	t.watched++;
	t.answered = false;
	assert_true(when_called(OPERATION_HEALTH, 1000));
}

static void
a_descriptor_that_stays_readable_costs_10_calls_a_second(void **state)
{
	(void)state;
	given_option("flag", in_folder("flag"));
	given_recorder();
	given_script("health=touch\n");
	handler_free(t.handler);
	t.handler = handler_new(t.base, "health", &t.config, t.plugin,
	    ask_again, NULL);
	call(OPERATION_HEALTH);	/* from here on it is watched */
	call(OPERATION_HEALTH);
	run_loop_ms(1000);
	assert_in_range(t.watched, 5, 11);
}

/*
 * What a handler is given, and what it leaves.
 */

static void
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char	 path[64];
	int	 fd;
	ssize_t	 n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY);
	n = read(fd, text, size - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '\n';
}

static void
a_handler_gets_no_secret(void **state)
{
	char	 text[65536];

	(void)state;
	setenv("CONSUL_HTTP_TOKEN", "s3cret", 1);
	setenv("CONSUL_HTTP_TOKEN_FILE", "/s3cret", 1);
	setenv("CONSUL_HTTP_AUTH", "s3cret", 1);
	setenv("CONSUL_CLIENT_KEY", "/s3cret", 1);
	setenv("NOTIFY_SOCKET", "/s3cret", 1);
	setenv("WATCHDOG_USEC", "s3cret", 1);
	setenv("LISTEN_FDS", "s3cret", 1);
	setenv("JOURNAL_STREAM", "s3cret", 1);
	setenv("CONSUL_HTTP_ADDR", "127.0.0.1:8500", 1);
	given_recorder();
	call(OPERATION_HEALTH);
	read_proc(handler_pid(t.handler), "environ", text, sizeof(text));
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "PATH="));
	assert_non_null(strstr(text, "CONSUL_HTTP_ADDR="));
	read_proc(handler_pid(t.handler), "cmdline", text, sizeof(text));
	assert_non_null(strstr(text, "/consul-failover-handler\nhealth\n"));
}

static void
a_handler_gets_no_descriptor_and_no_signal_setting(void **state)
{
	char		 text[4096], path[64], *mask;
	struct dirent	*e;
	DIR		*fds;
	int		 highest = 0, leaked = dup2(2, 100);

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	given_recorder();
	call(OPERATION_HEALTH);
	snprintf(path, sizeof(path), "/proc/%d/fd", handler_pid(t.handler));
	fds = opendir(path);
	while ((e = readdir(fds)) != NULL)
		if (atoi(e->d_name) > highest)
			highest = atoi(e->d_name);
	closedir(fds);
	close(leaked);
	signal(SIGPIPE, SIG_DFL);
	/* The channel, and the plugin: none of it for what the plugin starts. */
	assert_int_equal(highest, CHILD_PLUGIN);
	read_proc(handler_pid(t.handler), "fdinfo/3", text, sizeof(text));
	assert_true(strtoul(strstr(text, "flags:") + 6, NULL, 8) & O_CLOEXEC);
	read_proc(handler_pid(t.handler), "fdinfo/4", text, sizeof(text));
	assert_true(strtoul(strstr(text, "flags:") + 6, NULL, 8) & O_CLOEXEC);
	read_proc(handler_pid(t.handler), "status", text, sizeof(text));
	/* Not the two that are libc's own: nobody can set those. */
	mask = strstr(text, "SigIgn:");
	assert_non_null(mask);
	assert_int_equal(strtoull(mask + 8, NULL, 16) & 0x7fffffff, 0);
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
}

static void
a_handler_dies_with_its_agent(void **state)
{
	int	 pipes[2], i;
	pid_t	 agent, pid = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	/* Orphans come to us, so that we see them end. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	agent = fork();
	assert_true(agent >= 0);
	if (agent == 0) {
		event_reinit(t.base);
		given_recorder();
		given_script("health=0 ok\nensure_master=hang\n");
		call(OPERATION_HEALTH);
		pid = handler_pid(t.handler);
		when_called(OPERATION_ENSURE_MASTER, 60000);
		run_loop_ms(50);
		if (write(pipes[1], &pid, sizeof(pid)) == sizeof(pid))
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(kill(pid, 0), 0);
	kill(agent, SIGKILL);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	for (i = 0; i < 200 && waitpid(pid, NULL, WNOHANG) != pid; i++)
		usleep(10000);
	assert_in_range(i, 0, 199);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void
a_thousand_crashes_leave_nothing_behind(void **state)
{
	int	 files, i;

	(void)state;
	given_recorder();
	given_script("ensure_demoted=crash\n");
	call(OPERATION_ENSURE_DEMOTED);
	files = open_files();
	for (i = 0; i < 1000; i++) {
		call(OPERATION_ENSURE_DEMOTED);
		assert_int_equal(t.result, HANDLER_LOST);
	}
	run_loop_ms(50);
	assert_int_equal(open_files(), files);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* All tests, or those whose names match a pattern. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest	 tests[] = {
		TEST(a_plugin_is_described_by_its_handler),
		TEST(a_plugin_may_have_three_functions_only),
		TEST(an_older_plugin_with_a_shorter_description_works),
		TEST(a_newer_plugin_finds_zero_where_we_have_nothing),
		TEST(what_is_no_plugin_is_refused_with_the_reason),
		TEST(a_broken_shared_object_is_refused),
		TEST(a_plugin_that_hangs_when_loaded_is_refused_after_5_s),
		TEST(all_wrong_options_are_told_at_once),
		TEST(a_missing_or_empty_option_is_told),
		TEST(an_option_is_a_value_a_default_or_nothing),
		TEST(a_call_gives_result_and_sentence),
		TEST(a_call_without_a_sentence_gets_one),
		TEST(a_plugin_is_told_node_epoch_and_master),
		TEST(an_empty_position_is_none),
		TEST(a_copy_can_tell_how_far_it_is_behind),
		TEST(a_secret_is_the_first_line_of_a_file_that_not_everybody_can_read),
		TEST(a_position_travels_whole),
		TEST(a_demotion_has_the_secret_of_the_start_where_the_file_is_no_good),
		TEST(secrets_are_kept_of_options_that_name_a_file_of_one),
		TEST(what_is_remembered_outlives_the_handler),
		TEST(what_another_handler_remembers_is_seen_at_the_next_call),
		TEST(what_is_remembered_is_written_once),
		TEST(promote_reaches_the_plugin),
		TEST(a_memory_that_can_not_be_kept_fails_the_call),
		TEST(a_memory_that_can_not_be_read_makes_nobody_fit_and_demotes_nobody),
		TEST(the_answer_comes_after_handler_call_has_returned),
		TEST(one_call_runs_at_a_time),
		TEST(a_long_sentence_is_cut_and_only_its_first_line_counts),
		TEST(a_failed_plugin_start_fails_the_call_and_is_tried_again),
		TEST(plugin_stop_is_called_when_a_handler_ends_in_good_order),
		TEST(a_crash_costs_one_call),
		TEST(last_words_of_a_crash_are_logged),
		TEST(an_exit_costs_one_call),
		TEST(closed_descriptors_cost_one_call),
		TEST(garbage_costs_one_call),
		TEST(a_result_that_is_none_is_a_failure),
		TEST(a_call_that_hangs_is_ended_at_its_deadline),
		TEST(a_stopped_handler_is_ended_at_the_deadline),
		TEST(leaks_cost_nothing_but_memory),
		TEST(a_handler_that_has_grown_is_replaced_between_two_calls),
		TEST(children_of_a_plugin_end_with_the_handler),
		TEST(a_plugin_that_talks_does_not_flood_the_log),
		TEST(what_a_plugin_logs_is_logged),
		TEST(what_plugin_stop_logs_is_logged),
		TEST(a_crash_loop_gets_slower_but_a_demotion_never_waits),
		TEST(a_good_call_ends_the_pauses),
		TEST(a_call_in_a_pause_keeps_its_own_deadline),
		TEST(a_handler_that_is_lost_when_idle_is_started_again),
		TEST(a_cancelled_call_is_killed_and_never_answers),
		TEST(a_call_cancelled_at_once_costs_no_handler),
		TEST(a_plugin_file_that_is_written_over_is_no_loss),
		TEST(where_nothing_runs_from_memory_the_file_is_held),
		TEST(a_file_has_changed_when_its_content_has),
		TEST(a_plugin_file_that_went_away_is_no_loss),
		TEST(a_handler_that_cant_be_started_is_told),
		TEST(handlers_that_do_not_die_are_not_heaped_up),
		TEST(a_change_of_the_application_asks_for_health),
		TEST(a_descriptor_that_stays_readable_costs_10_calls_a_second),
		TEST(a_handler_gets_no_secret),
		TEST(a_handler_gets_no_descriptor_and_no_signal_setting),
		TEST(a_handler_dies_with_its_agent),
		TEST(a_thousand_crashes_leave_nothing_behind),
	};

	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

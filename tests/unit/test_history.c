/* test_history.c - the changes of master in Consul, and a node's own states. */
#include "given_consul.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history.h"
#include "journal.h"

#define PATH	"lock/mysql/history"

static struct config	 config = {
	.service_name = (char *)(uintptr_t)"mysql",
	.service_id = (char *)(uintptr_t)"mysql-1",
	.run_dir = (char *)(uintptr_t)"",
};
static struct history_change	 change;
static struct error		 err;

static int
begin(void **state)
{
	(void)state;
	change = (struct history_change){
		.at_ms = 1795372800123, .node = "node-2",
		.service_id = "mysql-1", .address = "10.0.0.2", .port = 3306,
		.epoch = 17, .previous = "node-1", .planned = true,
		.why = "stop requested", .without_ms = 812, .doubt = "",
	};
	err.text[0] = '\0';
	return 0;
}

/*
 * The value.
 */

/* Puts the change on top; NULL if that is not ADDED. */
static char *
added(const char *value)
{
	char	*text = history_value_change(&change), *out;

	assert_int_equal(history_value_add(value, text, &out, &err),
	    HISTORY_ADDED);
	assert_non_null(out);
	free(text);
	return out;
}

static void
then_merge(const char *value, enum history_merge want)
{
	char	*text = history_value_change(&change), *out;

	assert_int_equal(history_value_add(value, text, &out, &err), want);
	free(text);
	free(out);
}

static void
a_change_has_all_that_is_known(void **state)
{
	char	*text = history_value_change(&change);

	(void)state;
	assert_string_equal(text, "{\"at\":\"2026-11-22T18:40:00.123Z\","
	    "\"node\":\"node-2\",\"service_id\":\"mysql-1\","
	    "\"address\":\"10.0.0.2\",\"port\":3306,\"epoch\":17,"
	    "\"previous\":\"node-1\",\"planned\":true,"
	    "\"why\":\"stop requested\",\"without_master_ms\":812}");
	free(text);
}

static void
what_is_unknown_is_left_out(void **state)
{
	char	*text;

	(void)state;
	change.previous = "";
	change.without_ms = -1;
	change.planned = false;
	change.doubt = "node-3 has more";
	text = history_value_change(&change);
	assert_null(strstr(text, "previous"));
	assert_null(strstr(text, "without"));
	assert_non_null(strstr(text, "\"planned\":false"));
	assert_non_null(strstr(text, "\"doubt\":\"node-3 has more\""));
	free(text);
}

static void
the_newest_is_on_top_and_fifty_are_kept(void **state)
{
	char		*value = strdup(""), *next;
	yajl_val	 root, list;
	int		 i;

	(void)state;
	for (i = 1; i <= HISTORY_CHANGES + 3; i++) {
		change.epoch = (uint64_t)i;
		next = added(value);
		free(value);
		value = next;
	}
	root = history_value_parse(value, &err);
	list = json_get(root, "changes");
	assert_int_equal(list->u.array.len, HISTORY_CHANGES);
	assert_int_equal(json_uint(list->u.array.values[0], "epoch", 0),
	    HISTORY_CHANGES + 3);
	assert_int_equal(json_uint(list->u.array.values[HISTORY_CHANGES - 1],
	    "epoch", 0), 4);
	yajl_tree_free(root);
	free(value);
}

static void
an_epoch_is_recorded_once(void **state)
{
	char	*value = added("");

	(void)state;
	then_merge(value, HISTORY_THERE);
	change.node = "NODE-2";		/* to Consul the same */
	then_merge(value, HISTORY_THERE);
	change.node = "node-3";
	then_merge(value, HISTORY_ADDED);
	change.node = "node-2";
	change.epoch++;
	then_merge(value, HISTORY_ADDED);
	free(value);
}

static void
what_a_later_version_adds_is_kept(void **state)
{
	char	*value = added("{\"format\":1,\"changes\":[{\"epoch\":3,"
		    "\"by\":[\"x\",1.5,null,{\"y\":false}]}]}");

	(void)state;
	assert_non_null(strstr(value, ",{\"epoch\":3,"
	    "\"by\":[\"x\",1.5,null,{\"y\":false}]}]}"));
	free(value);
}

static void
what_is_not_ours_is_foreign(void **state)
{
	static const struct {
		const char	*value, *why;
	} cases[] = {
		{ "hello", "can't parse" },
		{ " ", "can't parse" },
		{ "[]", "not a history" },
		{ "{}", "not a history" },
		{ "{\"format\":1}", "not a history" },
		{ "{\"format\":\"1\",\"changes\":[]}", "not a history" },
		{ "{\"format\":1,\"changes\":{}}", "not a history" },
		{ "{\"format\":1,\"changes\":[{},7]}", "change 2" },
		{ "{\"format\":2,\"changes\":[]}", "newer" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		then_merge(cases[i].value, HISTORY_FOREIGN);
		assert_non_null(strstr(err.text, cases[i].why));
	}
}

static void
one_that_is_too_large_is_foreign(void **state)
{
	char	*value = malloc(HISTORY_VALUE_MAX + 64);

	(void)state;
	assert_non_null(value);
	snprintf(value, 64, "{\"format\":1,\"changes\":[");
	memset(value + strlen(value), ' ', HISTORY_VALUE_MAX);
	strcpy(value + HISTORY_VALUE_MAX, "]}");
	then_merge(value, HISTORY_FOREIGN);
	assert_non_null(strstr(err.text, "bytes"));
	free(value);
}

static void
what_would_be_too_large_loses_its_oldest(void **state)
{
	char	 one[4096], *value = malloc(HISTORY_VALUE_MAX), *to = value;
	char	*out;
	int	 i;

	(void)state;
	assert_non_null(value);
	memset(one, 'x', sizeof one);
	one[sizeof one - 1] = '\0';
	to += sprintf(to, "{\"format\":1,\"changes\":[");
	for (i = 0; i < 31; i++)
		to += sprintf(to, "%s{\"epoch\":%d,\"more\":\"%s\"}",
		    i > 0 ? "," : "", 100 - i, one);
	strcpy(to, "]}");
	assert_true(strlen(value) < HISTORY_VALUE_MAX);
	assert_true(strlen(value) > HISTORY_VALUE_MAX - 4096);
	change.why = one;		/* which is cut */
	out = added(value);
	assert_true(strlen(out) < HISTORY_VALUE_MAX);
	free(out);
	to[0] = ',';
	sprintf(to + 1, "{\"more\":\"%.*s\"}]}",
	    (int)(HISTORY_VALUE_MAX - (to - value) - 20), one);
	out = added(value);
	assert_true(strlen(out) <= HISTORY_VALUE_MAX);
	assert_null(strstr(out, "},{\"more\""));
	assert_non_null(strstr(out, "\"epoch\":70"));
	free(out);
	free(value);
}

/*
 * How it is written.
 */

static struct history	*history;
static char		 troubles[512];		/* '|' after each */
static struct consul_record record;

static void
on_trouble(const char *text, void *arg)
{
	(void)arg;
	strcat(strcat(troubles, text), "|");
}

static int
begin_to_write(void **state)
{
	begin(state);
	given_consul();
	base = event_base_new();
	troubles[0] = '\0';
	record = (struct consul_record){ .key = PATH, .session = "",
	    .value = "", .modify_index = 5 };
	answers.records = &record;
	history = history_new(base, NULL, &config, on_trouble, NULL);
	return base == NULL;
}

static int
end_of_writing(void **state)
{
	(void)state;
	history_free(history);
	event_base_free(base);
	return 0;
}

static void
run_ms(int ms)
{
	const struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* Until there have been so many requests. */
static void
when_asked(int requests)
{
	int64_t	 end = clock_ms() + 20000;
	int	 n = 0, i;

	while (n < requests && clock_ms() < end) {
		run_ms(10);
		for (n = i = 0; asked[i] != '\0'; i++)
			n += asked[i] == '\n';
	}
	run_ms(10);
	assert_int_equal(n, requests);
}

static void
then_nothing_more_is_asked(void)
{
	assert_int_equal(event_base_get_num_events(base,
	    EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
}

static void
nothing_is_asked_before_the_master_serves(void **state)
{
	(void)state;
	history_write(history, &change);
	run_ms(500);
	assert_string_equal(asked, "");
}

static void
a_change_is_written_only_over_what_was_read(void **state)
{
	(void)state;
	history_write(history, &change);
	when_asked(2);
	assert_non_null(strstr(asked, "fetch " PATH "\ncas " PATH
	    " 0 {\"format\":1,\"changes\":[{\"at\":"));
	asked[0] = '\0';
	answers.record_count = 1;
	record.value = "{\"format\":1,\"changes\":[]}";
	change.epoch++;
	history_write(history, &change);
	when_asked(2);
	assert_non_null(strstr(asked, "cas " PATH " 5 "));
	then_nothing_more_is_asked();
}

static int	tries;

static void
the_first_cas_is_refused(const char *words)
{
	answers.outcome = strncmp(words, "cas", 3) == 0 && tries++ == 0 ?
	    CONSUL_REFUSED : CONSUL_OK;
}

static void
one_that_is_refused_is_read_again(void **state)
{
	(void)state;
	asking = the_first_cas_is_refused;
	tries = 0;
	history_write(history, &change);
	when_asked(4);
	assert_non_null(strstr(asked, "fetch"));
	assert_string_equal(troubles, "|");	/* and all is well */
}

static char	*written;

/* It has effect, and no answer. */
static void
the_cas_has_no_answer(const char *words)
{
	answers.outcome = CONSUL_OK;
	if (strncmp(words, "cas", 3) != 0)
		return;
	written = strdup(strchr(words, '{'));
	answers.outcome = CONSUL_UNKNOWN;
	answers.text = "no answer";
	answers.record_count = 1;
	record.value = written;
}

static void
one_without_an_answer_is_not_written_twice(void **state)
{
	(void)state;
	asking = the_cas_has_no_answer;
	history_write(history, &change);
	when_asked(3);
	then_nothing_more_is_asked();
	assert_string_equal(troubles, "no answer||");
	free(written);
}

static void
what_is_not_ours_stays_as_it_is(void **state)
{
	(void)state;
	answers.record_count = 1;
	record.value = "somebody's";
	history_write(history, &change);
	when_asked(1);
	then_nothing_more_is_asked();
	assert_null(strstr(asked, "cas"));
}

static void
what_fails_is_tried_again_until_we_are_no_master(void **state)
{
	(void)state;
	answers.outcome = CONSUL_DENIED;
	answers.text = "403";
	history_write(history, &change);
	when_asked(2);
	assert_string_equal(troubles, "403|403|");
	history_end(history);
	then_nothing_more_is_asked();
}

/*
 * A node's own states.
 */

static char	folder[64], path[PATH_MAX], older[PATH_MAX];
static char	read_back[256];		/* the first words */
static int	lines;

static int
begin_on_disk(void **state)
{
	begin(state);
	strcpy(folder, "/tmp/test_history.XXXXXX");
	config.run_dir = folder;
	read_back[0] = '\0';
	lines = 0;
	if (mkdtemp(folder) == NULL)
		return 1;
	journal_path(&config, path);
	snprintf(older, sizeof older, "%.4000s.1", path);
	return 0;
}

static int
end_on_disk(void **state)
{
	(void)state;
	unlink(path);
	unlink(older);
	return rmdir(folder);
}

static void
each(yajl_val v, void *arg)
{
	(void)arg;
	lines++;
	if (strlen(read_back) < sizeof read_back - 64)
		strcat(strcat(read_back, json_string(v, "to", "?")), " ");
	yajl_tree_free(v);
}

static void
lines_are_appended_and_read_in_their_order(void **state)
{
	struct stat	st;

	(void)state;
	assert_false(journal_read(&config, each, NULL, &err));
	assert_non_null(strstr(err.text, "mysql-1.history"));
	assert_true(journal_append(&config, "{\"to\":\"a\"}\n{\"to\":\"b\"}\n",
	    &err));
	assert_true(journal_append(&config, "{\"to\":\"c\"}\n", &err));
	assert_true(journal_read(&config, each, NULL, &err));
	assert_string_equal(read_back, "a b c ");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
what_is_no_line_of_ours_is_skipped(void **state)
{
	(void)state;
	assert_true(journal_append(&config, "{\"to\":\"a\"}\n{\"to\n\n[]\n"
	    "{\"to\":\"b\"}\n{\"to\":\"c", &err));
	assert_true(journal_read(&config, each, NULL, &err));
	assert_string_equal(read_back, "a b ");
}

static void
a_full_file_makes_room(void **state)
{
	struct stat	 st;
	char		 line[1024];
	int		 i;

	(void)state;
	snprintf(line, sizeof line, "{\"to\":\"x\",\"why\":\"%0900d\"}\n", 0);
	for (i = 0; i < 1000; i++)
		assert_true(journal_append(&config, line, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 257 * 1024);
	assert_int_equal(stat(older, &st), 0);
	assert_true(st.st_size < 258 * 1024);
	assert_true(journal_append(&config, "{\"to\":\"last\"}\n", &err));
	assert_true(journal_read(&config, each, NULL, &err));
	assert_true(lines > 250 && lines < 600);
}

static void
where_nothing_can_be_written_the_reason_is_there(void **state)
{
	(void)state;
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_false(journal_append(&config, "{}\n", &err));
	assert_non_null(strstr(err.text, "can't write /tmp/test_history."));
	unlink(path);
	assert_int_equal(symlink("/dev/full", older), 0);
	config.run_dir = (char *)(uintptr_t)"/proc";
	assert_false(journal_append(&config, "{}\n", &err));
	config.run_dir = folder;
}

#define VALUE(name)	cmocka_unit_test_setup(name, begin)
#define WRITE(name)	cmocka_unit_test_setup_teardown(name, begin_to_write, \
			    end_of_writing)
#define DISK(name)	cmocka_unit_test_setup_teardown(name, begin_on_disk, \
			    end_on_disk)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		VALUE(a_change_has_all_that_is_known),
		VALUE(what_is_unknown_is_left_out),
		VALUE(the_newest_is_on_top_and_fifty_are_kept),
		VALUE(an_epoch_is_recorded_once),
		VALUE(what_a_later_version_adds_is_kept),
		VALUE(what_is_not_ours_is_foreign),
		VALUE(one_that_is_too_large_is_foreign),
		VALUE(what_would_be_too_large_loses_its_oldest),
		WRITE(nothing_is_asked_before_the_master_serves),
		WRITE(a_change_is_written_only_over_what_was_read),
		WRITE(one_that_is_refused_is_read_again),
		WRITE(one_without_an_answer_is_not_written_twice),
		WRITE(what_is_not_ours_stays_as_it_is),
		WRITE(what_fails_is_tried_again_until_we_are_no_master),
		DISK(lines_are_appended_and_read_in_their_order),
		DISK(what_is_no_line_of_ours_is_skipped),
		DISK(a_full_file_makes_room),
		DISK(where_nothing_can_be_written_the_reason_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_election.c - which of the copies takes a free lock. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "election.h"

#define NOW	1000000
#define WAIT	1000
#define SILENT	(WAIT / 2)	/* so long are the silent waited for */
#define EPOCH	42
#define EARLIER	41
#define OTHERS	4

static const char *const	nobody[] = { NULL };
static const char *const	to_us[] = { "b/app", NULL };
static const char *const	anybody[] = { "*", NULL };

static struct election_config	config;
static struct election		*election;
static struct election_record	records[OTHERS];
static size_t			count;
static int64_t			now;

static int
begin(void **state)
{
	(void)state;
	config = (struct election_config){
		.id = "b/app", .wait_ms = WAIT, .priority = 100,
		.max_behind = -1, .compares = true, .measures = true,
	};
	election = election_new(&config);
	count = 0;
	now = NOW;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	election_free(election);
	return 0;
}

static void
given_was_left(const char *left, bool final, const char *told)
{
	election_begin(election, EPOCH, "", left, final, told, now);
	election_records(election, records, count, true);
}

static void
given_a_free_lock(const char *left)
{
	given_was_left(left, true, "");
}

/* As it is in Consul from the beginning of its session. */
static struct election_record *
given_a_candidate(const char *id)
{
	struct election_record	*r = &records[count++];

	*r = (struct election_record){
		.id = id, .alive = true, .compares = true, .priority = 100,
		.epoch = UINT64_MAX, .position = "", .yields = nobody,
	};
	return r;
}

static void
says(struct election_record *r, const char *position,
    const char *const *yields)
{
	r->epoch = EPOCH;
	r->position = position;
	r->yields = yields;
	election_records(election, records, count, true);
}

static struct election_step
next(void)
{
	return election_next(election, now);
}

static void
then_it_takes_the_lock(void)
{
	assert_int_equal(next().type, ELECTION_TAKE);
	assert_false(election_runs(election));
	assert_int_equal(next().at, INT64_MAX);
}

static void
then_it_waits_until(int64_t at)
{
	struct election_step	s = next();

	assert_int_equal(s.type, ELECTION_NOTHING);
	assert_int_equal(s.at, at);
}

static void
then_it_asks_for_its_position(const char *answer)
{
	assert_int_equal(next().type, ELECTION_POSITION_OF_OURS);
	assert_int_equal(next().type, ELECTION_NOTHING);	/* once */
	election_answer(election, answer[0] == '\0' ? ELECTION_NO :
	    ELECTION_YES, answer);
}

static void
then_it_asks(enum election_step_type type, const char *of,
    enum election_answer answer, const char *text)
{
	struct election_step	s = next();

	assert_int_equal(s.type, type);
	assert_string_equal(s.text, of);
	assert_int_equal(next().type, ELECTION_NOTHING);
	election_answer(election, answer, text);
}

static void
then_it_compares(const char *with, enum election_answer answer)
{
	then_it_asks(ELECTION_COMPARE, with, answer, "");
}

/*
 * While the lock can't be had yet.
 */

static void
a_copy_that_comes_makes_the_decision_void_once(void **unused)
{
	(void)unused;
	given_a_free_lock("");
	then_it_takes_the_lock();
	assert_false(election_is_void(election));
	given_a_candidate("a/app");
	election_records(election, records, count, true);
	assert_true(election_is_void(election));
	assert_false(election_is_void(election));
}

static void
so_does_one_that_says_at_last_how_far_it_has_got(void **unused)
{
	struct election_record	*r = given_a_candidate("a/app");

	(void)unused;
	given_a_free_lock("");
	then_it_asks_for_its_position("p");
	assert_int_equal(next().type, ELECTION_PUBLISH);
	now += WAIT / 2;
	then_it_takes_the_lock();
	election_records(election, records, count, true);
	assert_false(election_is_void(election));
	says(r, "more", nobody);
	assert_true(election_is_void(election));
}

static void
whom_another_stands_back_for_and_one_that_is_gone_are_no_news(void **unused)
{
	static const char *const	 us[] = { "b/app", NULL };
	struct election_record		*r = given_a_candidate("a/app");

	(void)unused;
	given_a_free_lock("");
	says(r, "p", nobody);
	then_it_asks_for_its_position("p");
	assert_int_equal(next().type, ELECTION_PUBLISH);
	then_it_compares("p", ELECTION_YES);
	then_it_takes_the_lock();
	says(r, "p", us);
	assert_false(election_is_void(election));
	r->alive = false;
	assert_false(election_is_void(election));
}

/*
 * A list that may be old.
 */

static void
a_list_that_may_be_old_is_not_decided_upon(void **unused)
{
	(void)unused;
	given_a_free_lock("");
	election_records(election, records, count, false);
	then_it_waits_until(NOW + WAIT / 2);
	assert_string_equal(election_reason(election), "Consul has not shown "
	    "our own record among the candidates', so others may be missing "
	    "there, too");
	given_a_candidate("a/app");
	election_records(election, records, count, true);
	then_it_asks_for_its_position("p");
}

static void
a_list_that_can_not_be_read_is_waited_for_half_the_time(void **unused)
{
	(void)unused;
	given_a_free_lock("");
	election_records(election, records, count, false);
	then_it_waits_until(NOW + WAIT / 2);
	now += WAIT / 2;
	then_it_takes_the_lock();
	assert_string_equal(election_reason(election), "Consul has not shown "
	    "our own record among the candidates', so others may be missing "
	    "there, too");
}

static void
a_list_that_has_come_since_is_no_reason(void **unused)
{
	(void)unused;
	given_a_candidate("a/app");
	given_a_free_lock("left");
	election_records(election, records, count, false);
	then_it_waits_until(NOW + WAIT / 2);
	election_records(election, records, count, true);
	then_it_compares("left", ELECTION_YES);
	then_it_takes_the_lock();
	assert_string_equal(election_reason(election), "");
}

static void
then_it_publishes(const char *position, const char *whom)
{
	struct election_step	s = next();

	assert_int_equal(s.type, ELECTION_PUBLISH);
	assert_string_equal(s.text, position);
	if (whom == NULL) {
		assert_null(s.yields[0]);
		return;
	}
	assert_string_equal(s.yields[0], whom);
	assert_null(s.yields[1]);
}

/* Ours is published, and it waits for what the others say. */
static void
given_it_has_told(const char *position)
{
	given_a_free_lock("");
	then_it_asks_for_its_position(position);
	then_it_publishes(position, NULL);
}

static void
a_single_candidate_takes_it_at_once_and_asks_nothing(void **state)
{
	(void)state;
	given_a_free_lock("");
	then_it_takes_the_lock();
}

static void
a_single_candidate_need_not_ask_about_what_was_left_either(void **state)
{
	(void)state;
	given_a_free_lock("left");
	then_it_takes_the_lock();
}

static void
its_own_record_and_those_of_the_dead_count_for_nothing(void **state)
{
	(void)state;
	given_a_candidate("b/app");
	given_a_candidate("c/app")->alive = false;
	given_a_free_lock("");
	then_it_takes_the_lock();
}

static void
without_positions_nobody_is_waited_for(void **state)
{
	(void)state;
	config.compares = false;
	given_a_candidate("a/app");
	given_a_candidate("c/app");
	given_a_free_lock("left");
	then_it_takes_the_lock();
}

static void
nor_is_one_whose_plugin_has_none(void **state)
{
	(void)state;
	given_a_candidate("c/app")->compares = false;
	given_a_free_lock("");
	then_it_takes_the_lock();
}

static void
who_has_all_that_was_left_waits_for_nobody(void **state)
{
	(void)state;
	given_a_candidate("a/app");
	given_a_candidate("c/app");
	given_a_free_lock("left");
	then_it_compares("left", ELECTION_YES);
	then_it_takes_the_lock();
}

static void
who_has_not_compares_with_the_others(void **state)
{
	struct election_record	*c = given_a_candidate("c/app");

	(void)state;
	given_a_free_lock("left");
	then_it_compares("left", ELECTION_NO);
	then_it_asks_for_its_position("p2");
	then_it_publishes("p2", NULL);
	/* What was asked before need not be asked again. */
	says(c, "left", nobody);
	then_it_publishes("p2", "c/app");
}

static void
of_two_equals_none_waits_for_the_other(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	then_it_waits_until(NOW + SILENT);
	says(a, "p1", nobody);
	then_it_compares("p1", ELECTION_YES);
	then_it_takes_the_lock();
	assert_string_equal(election_reason(election), "");
}

static void
the_better_one_is_waited_for_and_no_longer_than_wait(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	now = NOW + SILENT;
	then_it_waits_until(NOW + WAIT);
	now = NOW + WAIT - 1;
	then_it_waits_until(NOW + WAIT);
	assert_non_null(strstr(election_reason(election), "a/app has what"));
	now = NOW + WAIT;
	then_it_takes_the_lock();
	assert_non_null(strstr(election_reason(election), "a/app has what"));
}

static void
it_goes_on_as_soon_as_the_better_one_is_gone(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	a->alive = false;
	election_records(election, records, count, true);
	then_it_takes_the_lock();
}

static void
who_says_nothing_is_waited_for_half_as_long(void **state)
{
	(void)state;
	given_a_candidate("a/app");
	given_it_has_told("p1");
	then_it_waits_until(NOW + SILENT);
	assert_non_null(strstr(election_reason(election), "has not reported"));
	now = NOW + SILENT;
	then_it_takes_the_lock();
	assert_non_null(strstr(election_reason(election), "has not reported"));
}

/* Or whoever begins a moment earlier would go before the better one. */
static void
a_third_one_that_is_silent_does_not_send_the_worse_one_ahead(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_a_candidate("c/app");
	given_it_has_told("p1");
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	now = NOW + SILENT;
	then_it_waits_until(NOW + WAIT);
}

static void
what_was_said_of_another_freedom_does_not_count(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p0", to_us);
	a->epoch = EARLIER;
	then_it_waits_until(NOW + SILENT);
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
}

/* Both lack something: the greater name goes on, once both have said so. */
static void
of_two_that_lack_something_the_one_that_ranks_higher_goes_on(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "q1", nobody);
	then_it_compares("q1", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	then_it_waits_until(NOW + SILENT);
	says(a, "q1", to_us);
	then_it_takes_the_lock();
}

static void
and_the_other_one_waits(void **state)
{
	struct election_record	*c = given_a_candidate("c/app");

	(void)state;
	given_it_has_told("p1");
	says(c, "q1", to_us);
	then_it_compares("q1", ELECTION_NO);
	then_it_publishes("p1", "c/app");
	then_it_waits_until(NOW + SILENT);
}

static void
priority_ranks_before_the_name(void **state)
{
	struct election_record	*c = given_a_candidate("c/app");

	(void)state;
	c->priority = 99;
	given_it_has_told("p1");
	says(c, "q1", to_us);
	then_it_compares("q1", ELECTION_NO);
	then_it_publishes("p1", "c/app");
	then_it_takes_the_lock();
}

static void
of_equals_the_one_with_the_higher_priority_goes_first(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	a->priority = 101;
	given_it_has_told("p1");
	says(a, "p1", nobody);
	then_it_compares("p1", ELECTION_YES);
	then_it_waits_until(NOW + SILENT);
	assert_non_null(strstr(election_reason(election), "higher priority"));
}

static void
but_not_if_it_stands_back_itself(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	a->priority = 101;
	given_it_has_told("p2");
	says(a, "p1", to_us);
	then_it_compares("p1", ELECTION_YES);
	then_it_takes_the_lock();
}

static void
data_come_before_priority(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	a->priority = 1;
	given_it_has_told("p1");
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	then_it_waits_until(NOW + SILENT);
}

static void
with_all_that_was_left_only_a_higher_priority_is_waited_for(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	a->priority = 101;
	given_a_free_lock("left");
	then_it_compares("left", ELECTION_YES);
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
	then_it_waits_until(NOW + SILENT);
	/* It lacks some of it, and says so. */
	says(a, "p0", anybody);
	then_it_compares("p0", ELECTION_YES);
	then_it_takes_the_lock();
}

static void
who_does_not_want_the_lock_is_not_waited_for(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	then_it_waits_until(NOW + SILENT);
	says(a, "", anybody);
	then_it_takes_the_lock();
}

static void
the_last_holder_counts_only_if_he_speaks(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	election_begin(election, EPOCH, "a/app", "", false, "", now);
	election_records(election, records, count, true);
	then_it_takes_the_lock();

	given_a_candidate("c/app");
	election_begin(election, EPOCH, "a/app", "", false, "", now);
	election_records(election, records, count, true);
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
}

/* It has begun later, and may have to wait for a third one itself. */
static void
whoever_has_more_has_all_the_wait_from_its_word_on(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	election_begin(election, EPOCH, "", "", false, "", now);
	election_records(election, records, count, true);
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
	then_it_waits_until(NOW + SILENT);
	now += SILENT - 1;
	says(a, "p2", nobody);
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	next();
	now = NOW + WAIT + 1;
	assert_int_equal(next().type, ELECTION_NOTHING);
	now = NOW + SILENT - 1 + WAIT;
	then_it_takes_the_lock();
}

/* As with another priority, in the middle of an election. */
static void
what_was_said_in_a_record_that_is_written_anew_is_said_again(void **state)
{
	(void)state;
	given_a_candidate("a/app");
	election_begin(election, EPOCH, "", "", false, "", now);
	election_records(election, records, count, true);
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
	then_it_waits_until(NOW + SILENT);
	election_say_again(election);
	then_it_publishes("p1", NULL);
	then_it_waits_until(NOW + SILENT);
}

static void
each_position_is_compared_once(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");
	struct election_record	*c = given_a_candidate("c/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p0", nobody);
	says(c, "p0", nobody);
	then_it_compares("p0", ELECTION_YES);
	then_it_takes_the_lock();
}

static void
a_position_that_has_changed_is_compared_again(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p0", nobody);
	assert_int_equal(next().type, ELECTION_COMPARE);
	says(a, "p2", nobody);		/* before the answer */
	election_answer(election, ELECTION_YES, "");
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
	then_it_waits_until(NOW + SILENT);
}

static void
a_copy_that_can_not_tell_its_position_says_so(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("");
	says(a, "p1", nobody);
	then_it_compares("p1", ELECTION_CAN_NOT_TELL);
	then_it_publishes("", "a/app");
	now = NOW + WAIT;
	then_it_takes_the_lock();
}

static void
a_plugin_that_hangs_holds_it_up_no_longer_than_wait(void **state)
{
	(void)state;
	given_a_candidate("a/app");
	given_a_free_lock("");
	assert_int_equal(next().type, ELECTION_POSITION_OF_OURS);
	then_it_waits_until(NOW + WAIT);
	now = NOW + WAIT;
	then_it_takes_the_lock();
	/* What comes too late is of no use, nor does it harm. */
	election_answer(election, ELECTION_YES, "p1");
	assert_int_equal(next().at, INT64_MAX);
}

static void
an_answer_to_nothing_is_not_heard(void **state)
{
	(void)state;
	given_a_candidate("a/app");
	given_a_free_lock("");
	election_answer(election, ELECTION_YES, "p9");
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
}

static void
a_new_election_knows_nothing_of_the_last_one(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "p0", nobody);
	then_it_compares("p0", ELECTION_YES);
	election_end(election);
	assert_false(election_runs(election));
	assert_int_equal(next().at, INT64_MAX);
	given_it_has_told("p3");
	then_it_compares("p0", ELECTION_NO);
}

static void
who_is_further_behind_than_max_behind_must_not(void **state)
{
	struct election_step	s;

	(void)state;
	config.max_behind = 10;
	given_a_free_lock("left");
	then_it_asks(ELECTION_MEASURE, "left", ELECTION_YES, "11");
	s = next();
	assert_int_equal(s.type, ELECTION_REFUSE);
	assert_non_null(strstr(s.text, "lacks 11 "));
	assert_non_null(strstr(s.text, "max_behind is 10"));
	assert_false(election_runs(election));
}

static void
who_is_not_takes_it(void **state)
{
	(void)state;
	config.max_behind = 10;
	given_a_free_lock("left");
	then_it_asks(ELECTION_MEASURE, "left", ELECTION_YES, "10");
	then_it_takes_the_lock();
}

static void
what_can_not_be_measured_is_no_reason(void **state)
{
	(void)state;
	config.max_behind = 0;
	given_a_free_lock("left");
	then_it_asks(ELECTION_MEASURE, "left", ELECTION_CAN_NOT_TELL, "");
	then_it_takes_the_lock();

	given_a_free_lock("left");
	assert_int_equal(next().type, ELECTION_MEASURE);
	then_it_waits_until(NOW + WAIT);
	now = NOW + WAIT;
	then_it_takes_the_lock();
}

/* A master has died before it could write that it needs no longer what was left
 * with the lock: what it has told since then counts, too. */
static void
what_the_last_master_has_told_is_measured_beside_what_was_left(void **state)
{
	(void)state;
	config.max_behind = 10;
	given_was_left("left", false, "told");
	then_it_asks(ELECTION_MEASURE, "left", ELECTION_YES, "0");
	then_it_asks(ELECTION_MEASURE, "told", ELECTION_YES, "11");
	assert_int_equal(next().type, ELECTION_REFUSE);

	given_was_left("", false, "told");
	then_it_asks(ELECTION_MEASURE, "told", ELECTION_YES, "10");
	then_it_takes_the_lock();

	/* Who has left all that there is has told no more before. */
	given_was_left("left", true, "told");
	then_it_asks(ELECTION_MEASURE, "left", ELECTION_YES, "10");
	then_it_takes_the_lock();
}

/* It was silent until then, and may have more. */
static void
who_speaks_while_a_copy_is_measured_is_compared(void **state)
{
	struct election_record	*a = given_a_candidate("a/app");

	(void)state;
	config.max_behind = 10;
	given_was_left("", false, "told");
	then_it_asks_for_its_position("p1");
	then_it_publishes("p1", NULL);
	then_it_waits_until(NOW + SILENT);
	now += SILENT;
	assert_int_equal(next().type, ELECTION_MEASURE);
	says(a, "p2", nobody);
	election_answer(election, ELECTION_YES, "0");
	then_it_compares("p2", ELECTION_NO);
	then_it_publishes("p1", "a/app");
}

static void
without_a_known_position_or_behind_nothing_is_measured(void **state)
{
	(void)state;
	config.max_behind = 0;
	given_a_free_lock("");
	then_it_takes_the_lock();
	config.measures = false;
	given_a_free_lock("left");
	then_it_takes_the_lock();
}

/* c lacks what a has, and so it does not go, whatever its name is. */
static void
a_circle_of_three_is_broken_by_the_one_that_stands_back(void **state)
{
	static const char *const	b_and_a[] = { "b/app", "a/app", NULL };
	struct election_record		*a = given_a_candidate("a/app");
	struct election_record		*c = given_a_candidate("c/app");

	(void)state;
	given_it_has_told("p1");
	says(a, "q2", to_us);		/* has all of c, not all of ours */
	says(c, "q1", b_and_a);
	then_it_compares("q2", ELECTION_NO);
	then_it_compares("q1", ELECTION_NO);
	assert_int_equal(next().type, ELECTION_PUBLISH);
	then_it_takes_the_lock();
}

#define T(name)	cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(a_copy_that_comes_makes_the_decision_void_once),
		T(so_does_one_that_says_at_last_how_far_it_has_got),
		T(whom_another_stands_back_for_and_one_that_is_gone_are_no_news),
		T(a_list_that_may_be_old_is_not_decided_upon),
		T(a_list_that_can_not_be_read_is_waited_for_half_the_time),
		T(a_list_that_has_come_since_is_no_reason),
		T(a_single_candidate_takes_it_at_once_and_asks_nothing),
		T(a_single_candidate_need_not_ask_about_what_was_left_either),
		T(its_own_record_and_those_of_the_dead_count_for_nothing),
		T(without_positions_nobody_is_waited_for),
		T(nor_is_one_whose_plugin_has_none),
		T(who_has_all_that_was_left_waits_for_nobody),
		T(who_has_not_compares_with_the_others),
		T(of_two_equals_none_waits_for_the_other),
		T(the_better_one_is_waited_for_and_no_longer_than_wait),
		T(it_goes_on_as_soon_as_the_better_one_is_gone),
		T(who_says_nothing_is_waited_for_half_as_long),
		T(a_third_one_that_is_silent_does_not_send_the_worse_one_ahead),
		T(what_was_said_of_another_freedom_does_not_count),
		T(of_two_that_lack_something_the_one_that_ranks_higher_goes_on),
		T(and_the_other_one_waits),
		T(priority_ranks_before_the_name),
		T(of_equals_the_one_with_the_higher_priority_goes_first),
		T(but_not_if_it_stands_back_itself),
		T(data_come_before_priority),
		T(with_all_that_was_left_only_a_higher_priority_is_waited_for),
		T(who_does_not_want_the_lock_is_not_waited_for),
		T(the_last_holder_counts_only_if_he_speaks),
		T(whoever_has_more_has_all_the_wait_from_its_word_on),
		T(what_was_said_in_a_record_that_is_written_anew_is_said_again),
		T(each_position_is_compared_once),
		T(a_position_that_has_changed_is_compared_again),
		T(a_copy_that_can_not_tell_its_position_says_so),
		T(a_plugin_that_hangs_holds_it_up_no_longer_than_wait),
		T(an_answer_to_nothing_is_not_heard),
		T(a_new_election_knows_nothing_of_the_last_one),
		T(who_is_further_behind_than_max_behind_must_not),
		T(who_is_not_takes_it),
		T(what_can_not_be_measured_is_no_reason),
		T(what_the_last_master_has_told_is_measured_beside_what_was_left),
		T(who_speaks_while_a_copy_is_measured_is_compared),
		T(without_a_known_position_or_behind_nothing_is_measured),
		T(a_circle_of_three_is_broken_by_the_one_that_stands_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_lease.c - the dead man's switch. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lease.h"

#define WAIT	1500
#define DEMOTE	3000
#define NOW	1000000

static struct lease	lease;
static int64_t		deadline;

static int
begin(void **state)
{
	(void)state;
	lease_init(&lease, WAIT, DEMOTE);
	return 0;
}

static void
without_a_lease_nothing_is_due(void **state)
{
	(void)state;
	assert_int_equal(lease_wake(&lease), INT64_MAX);
	assert_false(lease_fire(&lease, NOW, &deadline));
	assert_false(lease_is_over(&lease, NOW));
}

static void
it_fires_once_when_the_lease_is_over(void **state)
{
	(void)state;
	lease_hold(&lease, NOW, NOW + DEMOTE);
	assert_int_equal(lease_wake(&lease), NOW + LEASE_SLACK_MS);
	assert_false(lease_fire(&lease, NOW + LEASE_SLACK_MS - 1, &deadline));
	assert_true(lease_fire(&lease, NOW + LEASE_SLACK_MS, &deadline));
	assert_int_equal(deadline, NOW + LEASE_SLACK_MS + DEMOTE);
	assert_false(lease_fire(&lease, NOW + LEASE_SLACK_MS + 1, &deadline));
	assert_int_equal(lease_wake(&lease), INT64_MAX);
}

static void
the_last_word_counts_be_it_longer_or_shorter(void **state)
{
	(void)state;
	lease_hold(&lease, NOW + 10000, NOW + 10000 + DEMOTE);
	lease_hold(&lease, NOW + 300, NOW + DEMOTE);
	assert_false(lease_fire(&lease, NOW + 299 + LEASE_SLACK_MS, &deadline));
	assert_true(lease_fire(&lease, NOW + 300 + LEASE_SLACK_MS, &deadline));
	/* What the agent has used up of the time is gone. */
	assert_int_equal(deadline, NOW + DEMOTE + LEASE_SLACK_MS);
}

static void
a_word_from_before_a_pause_is_worth_what_the_clock_says(void **state)
{
	(void)state;
	lease_hold(&lease, NOW, NOW + DEMOTE);
	assert_true(lease_fire(&lease, NOW + 60000, &deadline));
	/* Too late anyhow: all the time that it takes. */
	assert_int_equal(deadline, NOW + 60000 + DEMOTE);
}

static void
what_has_fired_takes_no_lease_before_its_end(void **state)
{
	(void)state;
	lease_hold(&lease, NOW, NOW + DEMOTE);
	lease_fire(&lease, NOW + LEASE_SLACK_MS, &deadline);
	assert_false(lease_hold(&lease, NOW + 9000, NOW + 9000 + DEMOTE));
	lease_end(&lease);
	assert_true(lease_hold(&lease, NOW + 9000, NOW + 9000 + DEMOTE));
}

static void
an_agent_that_is_gone_may_come_back_for_a_while(void **state)
{
	(void)state;
	lease_hold(&lease, NOW + 9000, NOW + 9000 + DEMOTE);
	lease_lose_agent(&lease, NOW);
	assert_false(lease_fire(&lease, NOW + WAIT - 1, &deadline));
	assert_true(lease_fire(&lease, NOW + WAIT, &deadline));
	assert_int_equal(deadline, NOW + WAIT + DEMOTE);
}

static void
but_not_longer_than_the_lease(void **state)
{
	(void)state;
	lease_hold(&lease, NOW + 400, NOW + 400 + DEMOTE);
	lease_lose_agent(&lease, NOW);
	assert_true(lease_fire(&lease, NOW + 400 + LEASE_SLACK_MS, &deadline));
}

static void
a_lost_agent_without_a_lease_leaves_only_things_to_clear(void **state)
{
	(void)state;
	lease_lose_agent(&lease, NOW);
	assert_false(lease_is_over(&lease, NOW + WAIT - 1));
	assert_true(lease_is_over(&lease, NOW + WAIT));
	assert_false(lease_fire(&lease, NOW + WAIT, &deadline));
}

static void
the_agent_itself_may_ask_for_it(void **state)
{
	(void)state;
	lease_hold(&lease, NOW, NOW + 2000);
	assert_int_equal(lease_fire_now(&lease, NOW), NOW + 2000 + LEASE_SLACK_MS);
	assert_false(lease_hold(&lease, NOW + 1, NOW + 1 + DEMOTE));
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(without_a_lease_nothing_is_due),
		TEST(it_fires_once_when_the_lease_is_over),
		TEST(the_last_word_counts_be_it_longer_or_shorter),
		TEST(a_word_from_before_a_pause_is_worth_what_the_clock_says),
		TEST(what_has_fired_takes_no_lease_before_its_end),
		TEST(an_agent_that_is_gone_may_come_back_for_a_while),
		TEST(but_not_longer_than_the_lease),
		TEST(a_lost_agent_without_a_lease_leaves_only_things_to_clear),
		TEST(the_agent_itself_may_ask_for_it),
	};

	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}

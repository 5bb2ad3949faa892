/* test_deadline.c - what is left of a call: plugins/common/deadline.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deadline.h"

static int64_t	 left;

static int64_t
time_left(const struct failover *f)
{
	(void)f;
	return left;
}

static void
a_wait_ends_before_the_call(void **state)
{
	struct failover	 f = { .time_left = time_left };

	(void)state;
	left = 1000;
	assert_int_equal(deadline_left(&f, INT64_MAX), 1000 - MARGIN);
	assert_int_equal(deadline_left(&f, 1000 - MARGIN - 1),
	    1000 - MARGIN - 1);
	assert_int_equal(deadline_left(&f, 1000), 1000 - MARGIN);
}

static void
where_nothing_is_left_nothing_waits(void **state)
{
	struct failover	 f = { .time_left = time_left };

	(void)state;
	for (left = 0; left <= MARGIN; left++)
		assert_int_equal(deadline_left(&f, INT64_MAX), 0);
	assert_int_equal(deadline_left(&f, INT64_MAX), 1);
	assert_int_equal(deadline_left(&f, -1), 0);
}

static void
the_clock_is_that_of_the_deadline(void **state)
{
	int64_t	 before = deadline_now();

	(void)state;
	assert_true(before > 0);
	assert_in_range(deadline_now() - before, 0, 60000);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_wait_ends_before_the_call),
		cmocka_unit_test(where_nothing_is_left_nothing_waits),
		cmocka_unit_test(the_clock_is_that_of_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

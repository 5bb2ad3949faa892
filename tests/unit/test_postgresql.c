/* test_postgresql.c - which copy has got further: plugins/postgresql/position.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "position.h"

static struct position
given(const char *text)
{
	struct position	 p;

	assert_true(position_parse(&p, text));
	return p;
}

static bool
has(const char *one, const char *other)
{
	struct position	 a = given(one), b = given(other);

	/* It lacks nothing, or can't follow that timeline. */
	if (position_has(&a, &b))
		assert_int_equal(position_behind(&a, &b), 0);
	return position_has(&a, &b);
}

static int64_t
behind(const char *one, const char *other)
{
	struct position	 a = given(one), b = given(other);

	return position_behind(&a, &b);
}

static void
a_position_is_read_as_it_was_written(void **state)
{
	static const char	*const texts[] = {
		"1 0/1", "4294967295 FFFFFFFF/FFFFFFFF",
		"3 0/63DCA9 2:0/63BBA8 1:0/63B9E0",
	};
	struct position	 p;
	char		 text[256];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		p = given(texts[i]);
		assert_true(position_print(&p, text, sizeof(text)));
		assert_string_equal(text, texts[i]);
		assert_false(position_print(&p, text, strlen(texts[i])));
	}
}

static void
what_is_no_position_is_refused(void **state)
{
	static const char	*const texts[] = {
		"", "nonsense", "1", "1 ", "0 0/1", "-1 0/1", "+1 0/1", " 1 0/1",
		"1 0", "1 0/", "1 /1", "1 0/1 ", "1 0/1 x", "1  0/1", "1 -1/1",
		"1 0/123456789", "123456789/0", "4294967296 0/1", "2 0/1 1:",
		"2 0/1 1:0/1x", "2 0/1 0:0/1", "2 0/1 1 0/1", "2 0x1/0x1",
	};
	struct position	 p;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (position_parse(&p, texts[i]))
			fail_msg("it took \"%s\"", texts[i]);
}

static void
on_one_timeline_the_larger_lsn_has_the_smaller(void **state)
{
	(void)state;
	assert_true(has("1 0/300", "1 0/300"));
	assert_true(has("1 0/300", "1 0/2FF"));
	assert_true(has("1 1/0", "1 0/FFFFFFFF"));
	assert_false(has("1 0/300", "1 0/301"));
	assert_int_equal(behind("1 0/300", "1 0/310"), 16);
	assert_int_equal(behind("1 0/FFFFFFFF", "1 1/0"), 1);
	assert_int_equal(behind("1 0/310", "1 0/300"), 0);
}

static void
a_new_timeline_has_the_old_one_up_to_the_fork(void **state)
{
	(void)state;
	assert_true(has("2 0/300 1:0/200", "1 0/200"));
	assert_true(has("3 0/400 2:0/300 1:0/200", "1 0/100"));
	assert_true(has("3 0/400 2:0/300 1:0/200", "2 0/2FF 1:0/200"));
	/* What was written to the old one after it. */
	assert_false(has("2 0/300 1:0/200", "1 0/201"));
	assert_int_equal(behind("2 0/300 1:0/200", "1 0/210"), 16);
	assert_int_equal(behind("3 0/400 2:0/300 1:0/200", "1 0/210"), 16);
}

static void
an_old_timeline_lacks_the_new_one(void **state)
{
	(void)state;
	assert_false(has("1 0/200", "2 0/210 1:0/200"));
	assert_int_equal(behind("1 0/200", "2 0/210 1:0/200"), 16);
	assert_int_equal(behind("1 0/1F0", "2 0/210 1:0/200"), 32);
	/* A fork just there is no byte, and yet another way. */
	assert_false(has("1 0/200", "2 0/200 1:0/200"));
	/* Further on the old one is no further on the new. */
	assert_false(has("1 0/900", "2 0/210 1:0/200"));
	assert_int_equal(behind("1 0/900", "2 0/210 1:0/200"), 16);
}

static void
two_timelines_with_one_number_are_two(void **state)
{
	(void)state;
	assert_false(has("2 0/300 1:0/200", "2 0/280 1:0/210"));
	assert_false(has("2 0/300 1:0/210", "2 0/280 1:0/200"));
	assert_int_equal(behind("2 0/300 1:0/200", "2 0/280 1:0/210"), 0x80);
	assert_false(has("3 0/400 2:0/300 1:0/200", "2 0/280 1:0/210"));
}

static void
sisters_lack_what_the_other_has(void **state)
{
	(void)state;
	assert_false(has("2 0/300 1:0/200", "3 0/280 1:0/240"));
	assert_int_equal(behind("2 0/300 1:0/200", "3 0/280 1:0/240"), 0x80);
	assert_int_equal(behind("3 0/280 1:0/240", "2 0/300 1:0/200"), 0x100);
}

static void
what_has_no_timeline_in_common_can_not_be_compared(void **state)
{
	(void)state;
	assert_false(has("1 0/300", "2 0/200"));
	assert_int_equal(behind("1 0/300", "2 0/200"), -1);
	assert_int_equal(behind("5 0/300", "4 0/200"), -1);
}

static void
the_oldest_timelines_may_be_left_out(void **state)
{
	(void)state;
	assert_true(has("3 0/400 2:0/300 1:0/200", "3 0/400 2:0/300"));
	assert_true(has("3 0/400 2:0/300", "3 0/400 2:0/300 1:0/200"));
	assert_int_equal(behind("2 0/2F0", "3 0/310 2:0/300 1:0/200"), 32);
}

static void
a_history_file_is_read(void **state)
{
	struct position	 p = { .timeline = 4, .lsn = 0x400 };
	char		 text[256];

	(void)state;
	position_read_history(&p,
	    "1\t0/100\tno recovery target specified\n"
	    "# a comment\n\n"
	    "2\t0/200\tafter 2\t0/9\n\n"
	    "3\t0/300\tno end of line");
	assert_true(position_print(&p, text, sizeof(text)));
	assert_string_equal(text, "4 0/400 3:0/300 2:0/200 1:0/100");
	position_read_history(&p, "");
	assert_int_equal(p.count, 0);
	position_read_history(&p, "1\n2\tx\n3 0/300\n");
	assert_int_equal(p.count, 1);
}

static void
a_long_history_is_cut_at_its_old_end_and_fits(void **state)
{
	char		 file[65536], text[4096];
	struct position	 p = { .timeline = UINT32_MAX, .lsn = UINT64_MAX };
	size_t		 at = 0;
	uint32_t	 i;

	(void)state;
	for (i = 300; i > 0; i--)
		at += (size_t)snprintf(file + at, sizeof(file) - at,
		    "%u\tFFFFFFFF/%X\tno reason\n\n", UINT32_MAX - i,
		    UINT32_MAX - i);
	position_read_history(&p, file);
	assert_int_equal(p.count, POSITION_FORKS);
	assert_int_equal(p.forks[0].timeline, UINT32_MAX - 1);
	assert_int_equal(p.forks[POSITION_FORKS - 1].timeline,
	    UINT32_MAX - POSITION_FORKS);
	assert_true(position_print(&p, text, sizeof(text)));
	p = given(text);
	assert_int_equal(p.count, POSITION_FORKS);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_position_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_position_is_refused),
		cmocka_unit_test(on_one_timeline_the_larger_lsn_has_the_smaller),
		cmocka_unit_test(a_new_timeline_has_the_old_one_up_to_the_fork),
		cmocka_unit_test(an_old_timeline_lacks_the_new_one),
		cmocka_unit_test(two_timelines_with_one_number_are_two),
		cmocka_unit_test(sisters_lack_what_the_other_has),
		cmocka_unit_test(
		    what_has_no_timeline_in_common_can_not_be_compared),
		cmocka_unit_test(the_oldest_timelines_may_be_left_out),
		cmocka_unit_test(a_history_file_is_read),
		cmocka_unit_test(a_long_history_is_cut_at_its_old_end_and_fits),
	};

	return cmocka_run_group_tests_name("postgresql", tests, NULL, NULL);
}

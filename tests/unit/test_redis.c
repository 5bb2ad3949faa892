/* test_redis.c - which copy has got further: plugins/redis/history.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "history.h"

#define NONE	"0000000000000000000000000000000000000000"
#define A	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C	"cccccccccccccccccccccccccccccccccccccccc"
#define D	"dddddddddddddddddddddddddddddddddddddddd"

static struct history
given(const char *text)
{
	struct history	 h;

	assert_true(history_parse(&h, text));
	return h;
}

static void
a_position_is_read_as_it_was_written(void **state)
{
	static const char	*const texts[] = {
		A ":0 " NONE ":-1 keys:0",
		B ":123456789012345678 " A ":1 keys:7",
	};
	struct history	 h;
	char		 text[256];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		h = given(texts[i]);
		history_print(&h, text, sizeof(text));
		assert_string_equal(text, texts[i]);
	}
}

static void
what_is_no_position_is_refused(void **state)
{
	static const char	*const texts[] = {
		"", " ", "nonsense", A, A ":1", A ":1 " NONE ":-1",
		A ":1 " NONE ":-1 keys:", A ":1 " NONE ":-1 keys:x",
		A ":1 " NONE ":-1 keys:1 ", A ":1 " NONE ":-1 keys:1\n",
		A ":-1 " NONE ":-1 keys:1", A ":1 " NONE ":-2 keys:1",
		A ":1 " NONE ":-1 keys:-1", "a:1 " NONE ":-1 keys:1",
		A "a:1 " NONE ":-1 keys:1", A ":1 0:-1 keys:1",
		"x" A ":1 " NONE ":-1 keys:1",
		A ":9999999999999999999 " NONE ":-1 keys:1",
		A ":1 " NONE ":-1 keys:99999999999999999999999",
	};
	struct history	 h;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (history_parse(&h, texts[i]))
			fail_msg("\"%s\" is taken", texts[i]);
}

/* Does h have other; and how many bytes does it lack? */
static const struct {
	const char		*why, *h, *other;
	enum history_answer	 has;
	int64_t			 lacks;
} cases[] = {
	{ "the same", A ":5 " NONE ":-1 keys:1", A ":5 " NONE ":-1 keys:1",
	    HISTORY_YES, 0 },
	{ "further", A ":9 " NONE ":-1 keys:1", A ":5 " NONE ":-1 keys:1",
	    HISTORY_YES, 0 },
	{ "behind", A ":5 " NONE ":-1 keys:1", A ":9 " NONE ":-1 keys:1",
	    HISTORY_NO, 4 },
	{ "promoted since, with all of it", B ":9 " A ":6 keys:1",
	    A ":5 " NONE ":-1 keys:1", HISTORY_YES, 0 },
	{ "promoted since, without the rest", B ":9 " A ":6 keys:1",
	    A ":7 " NONE ":-1 keys:1", HISTORY_NO, 2 },
	{ "the other was promoted, and has written",
	    A ":5 " NONE ":-1 keys:1", B ":9 " A ":6 keys:1", HISTORY_NO, 4 },
	{ "the other was promoted, and has not written",
	    A ":5 " NONE ":-1 keys:1", B ":5 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "both were promoted from one", B ":9 " A ":6 keys:1",
	    C ":7 " A ":6 keys:1", HISTORY_NO, 2 },
	{ "both were promoted, the other has not written",
	    B ":9 " A ":6 keys:1", C ":5 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "two promotions ago", C ":20 " B ":16 keys:1",
	    B ":12 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "an old master that went on alone", A ":9 " NONE ":-1 keys:1",
	    B ":9 " A ":6 keys:1", HISTORY_NO, 4 },
	{ "nothing in common", A ":9 " NONE ":-1 keys:1",
	    B ":5 " NONE ":-1 keys:1", HISTORY_UNKNOWN, -1 },
	{ "no history before is not one in common",
	    A ":9 " NONE ":0 keys:1", B ":5 " NONE ":0 keys:1",
	    HISTORY_UNKNOWN, -1 },
	{ "started empty, the other has data", A ":0 " NONE ":-1 keys:0",
	    B ":5 " NONE ":-1 keys:1", HISTORY_NO, -1 },
	{ "the other was started empty", B ":5 " NONE ":-1 keys:1",
	    A ":0 " NONE ":-1 keys:0", HISTORY_YES, 0 },
	{ "both were started empty", A ":0 " NONE ":-1 keys:0",
	    B ":0 " NONE ":-1 keys:0", HISTORY_YES, 0 },
	{ "emptied in good order is further", A ":9 " NONE ":-1 keys:0",
	    A ":5 " NONE ":-1 keys:7", HISTORY_YES, 0 },
	{ "before it was emptied", A ":5 " NONE ":-1 keys:7",
	    A ":9 " NONE ":-1 keys:0", HISTORY_NO, 4 },
};

static void
the_copy_that_has_got_further_is_known(void **state)
{
	struct history	 h, other;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		h = given(cases[i].h);
		other = given(cases[i].other);
		if (history_has(&h, &other) != cases[i].has ||
		    history_lacks(&h, &other) != cases[i].lacks)
			fail_msg("%s: %d, lacks %lld", cases[i].why,
			    history_has(&h, &other),
			    (long long)history_lacks(&h, &other));
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_position_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_position_is_refused),
		cmocka_unit_test(the_copy_that_has_got_further_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

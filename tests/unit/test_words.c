/* test_words.c - when a plugin's sentence is news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "words.h"

struct pair {
	const char	*a, *b;
};

static void
all_are(const struct pair *p, size_t count, bool same)
{
	size_t	 i;

	for (i = 0; i < count; i++) {
		if (words_same(p[i].a, p[i].b) != same ||
		    words_same(p[i].b, p[i].a) != same)
			print_error("\"%s\", \"%s\"\n", p[i].a, p[i].b);
		assert_int_equal(words_same(p[i].a, p[i].b), same);
		assert_int_equal(words_same(p[i].b, p[i].a), same);
		assert_true(words_same(p[i].a, p[i].a));
		assert_true(words_same(p[i].b, p[i].b));
	}
}

#define ALL(pairs)	pairs, sizeof(pairs) / sizeof((pairs)[0])

static void
numbers_that_count_are_no_news(void **state)
{
	static const struct pair	 pairs[] = {
		{ "", "" },
		{ "0.5 s behind", "0.7 s behind" },
		{ "1234 bytes", "99 bytes" },
		{ "3ms, 99%", "12ms, 100%" },
		{ "(7 of 8)", "(8 of 8)" },
		{ "slave of 10.0.0.1:3306, link up, 5 keys",
		    "slave of 10.0.0.1:3306, link up, 17 keys" },
		{ "at 2024-05-01T12:34:56Z", "at 2024-05-02T02:04:00Z" },
		{ "at 12:34:56", "at 23:59:60" },
		{ "at 0/3000148", "at 1/42" },
		{ "has 0-1-17", "has 0-1-18" },
		{ "lag=5", "lag=6" },
	};

	(void)state;
	all_are(ALL(pairs), true);
}

static void
another_address_port_or_host_is_news(void **state)
{
	static const struct pair	 pairs[] = {
		{ "slave of 10.0.0.1:3306", "slave of 10.0.0.2:3306" },
		{ "slave of 10.0.0.1:3306", "slave of 10.0.0.1:3307" },
		{ "slave of 10.0.0.1:3306, 5 s", "slave of 10.0.0.11:3306, 5 s" },
		{ "slave of 10.0.0.1", "slave of 10.0.0.2" },
		{ "it follows 10.0.0.1.", "it follows 10.0.0.2." },
		{ "10.0.0.1: not there", "10.0.0.2: not there" },
		{ "slave of [fd00::1]:3306", "slave of [fd00::2]:3306" },
		{ "slave of [fd00::1]:3306", "slave of [fd00::1]:3307" },
		{ "slave of fd00::1", "slave of fd00::2" },
		{ "slave of fd00::1:3306", "slave of fd00::2:3306" },
		{ "slave of ::1", "slave of ::2" },
		{ "slave of fd00::", "slave of fd01::" },
		{ "slave of ::ffff:10.0.0.1", "slave of ::ffff:10.0.0.2" },
		{ "slave of db1:3306", "slave of db2:3306" },
		{ "slave of db:3306", "slave of db:3307" },
		{ "slave of db-1.example.com", "slave of db-2.example.com" },
		{ "slave of http://10.0.0.1:8983/solr",
		    "slave of http://10.0.0.2:8983/solr" },
		{ "slave of http://db1/solr", "slave of http://db2/solr" },
		{ "slave (10.0.0.1)", "slave (10.0.0.2)" },
		{ "host=10.0.0.1", "host=10.0.0.2" },
		{ "slave of 10.0.0.1", "slave of 10" },
	};

	(void)state;
	all_are(ALL(pairs), false);
}

static void
other_words_are_news(void **state)
{
	static const struct pair	 pairs[] = {
		{ "", "1" "s" },
		{ "5 s", "5 s behind" },
		{ "slave", "master" },
		{ "5 s,", "5 s" },
		{ "up 5", "5 up" },
	};

	(void)state;
	all_are(ALL(pairs), false);
}

/* As long as a sentence can be, and longer. */
static void
a_word_of_any_length_is_taken(void **state)
{
	static char	 a[5000], b[5000];

	(void)state;
	memset(a, 'x', sizeof(a) - 1);
	memset(b, 'x', sizeof(b) - 1);
	assert_true(words_same(a, b));
	b[4000] = 'y';
	assert_false(words_same(a, b));
	memset(a, ':', sizeof(a) - 1);
	assert_true(words_same(a, a));
	memset(a, ']', sizeof(a) - 1);
	assert_true(words_same(a, a));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(numbers_that_count_are_no_news),
		cmocka_unit_test(another_address_port_or_host_is_news),
		cmocka_unit_test(other_words_are_news),
		cmocka_unit_test(a_word_of_any_length_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

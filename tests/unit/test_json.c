/* test_json.c - reading and writing JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

/* Parses exactly these bytes, with none behind them, and frees the tree. */
static bool
parses(const char *text, size_t length, struct error *err)
{
	char		*copy = malloc(length == 0 ? 1 : length);
	yajl_val	 v;

	assert_non_null(copy);
	memcpy(copy, text, length);
	err->text[0] = '\0';
	v = json_parse(copy, length, err);
	free(copy);
	yajl_tree_free(v);
	return v != NULL;
}

static void
members_are_found_by_name_and_type(void **state)
{
	const char	 text[] = "{\"s\": \"a\\u00e4\\n\", \"n\": 7, "
			    "\"o\": {\"x\": null}, \"s\": \"second\"}";
	struct error	 err;
	yajl_val	 v = json_parse(text, strlen(text), &err);

	(void)state;
	assert_non_null(v);
	assert_string_equal(json_string(v, "s", "none"), "a\xc3\xa4\n");
	assert_string_equal(json_string(v, "n", "none"), "none");
	assert_null(json_string(v, "missing", NULL));
	assert_true(json_uint(v, "n", 1) == 7);
	assert_true(json_uint(v, "s", 1) == 1);
	assert_true(YAJL_IS_NULL(json_get(json_get(v, "o"), "x")));
	assert_null(json_get(v, "x"));
	assert_null(json_get(json_get(v, "s"), "x"));
	assert_null(json_get(NULL, "x"));
	yajl_tree_free(v);
}

static void
numbers_are_right_up_to_two_to_the_64th(void **state)
{
	static const struct {
		const char	*digits;
		uint64_t	 want;
	} cases[] = {
		{ "0", 0 },
		{ "9223372036854775807", INT64_MAX },
		{ "9223372036854775808", UINT64_C(1) << 63 },
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551616", 42 },
		{ "99999999999999999999999999", 42 },
		{ "-1", 42 }, { "-0", 42 }, { "1.0", 42 }, { "1e3", 42 },
		{ "1e999", 42 }, { "\"7\"", 42 }, { "null", 42 },
		{ "true", 42 }, { "[1]", 42 },
	};
	struct error	 err;
	char		 text[64];
	yajl_val	 v;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "{\"n\": %s}", cases[i].digits);
		v = json_parse(text, strlen(text), &err);
		assert_non_null(v);
		if (json_uint(v, "n", 42) != cases[i].want)
			fail_msg("%s is read wrong", cases[i].digits);
		yajl_tree_free(v);
	}
}

static void
what_is_no_json_is_refused_with_its_beginning(void **state)
{
	static const char *const bad[] = { "", " ", "<html>", "{", "{\"a\"",
	    "{\"a\":1", "[1,2", "\"abc", "{\"a\":1}}", "[]]", "[1] 2", "nul",
	    "{\"a\" 1}", "[1,]", "{,}", "\"\\", "\"\\u12", "'a'", "01", "[\n",
	    "\"\xff\"", "\"a\nb\"", "/* c */ 1", "1 // c", "\xef\xbb\xbf{}" };
	struct error	 err;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parses(bad[i], strlen(bad[i]), &err))
			fail_msg("\"%s\" is taken for JSON", bad[i]);
		if (strncmp(err.text, "can't parse this JSON (", 23) != 0 ||
		    strchr(err.text, '\n') != NULL)
			fail_msg("bad reason: %s", err.text);
	}
	assert_false(parses("<html>\r\n\x1b[1m", 12, &err));
	assert_non_null(strstr(err.text, "): <html>???[1m"));
}

static void
a_nul_byte_is_refused_wherever_it_stands(void **state)
{
	struct error	 err;

	(void)state;
	assert_false(parses("{}\0", 3, &err));
	assert_non_null(strstr(err.text, "NUL"));
	assert_false(parses("\0{}", 3, &err));
	assert_false(parses("\"a\0\"", 4, &err));
	assert_false(parses("\"\\\0\"", 4, &err));
	assert_non_null(strstr(err.text, "NUL"));
}

static void
a_long_text_is_quoted_in_part(void **state)
{
	struct error	 err;
	char		 text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_false(parses(text, sizeof(text), &err));
	assert_true(strlen(err.text) < 400);
}

static void
nesting_is_limited_before_yajl_sees_it(void **state)
{
	static char	 deep[2 * 1000 * 1000];
	struct error	 err;
	size_t		 n = sizeof(deep) / 2;

	(void)state;
	memset(deep, '[', JSON_DEPTH);
	memset(deep + JSON_DEPTH, ']', JSON_DEPTH);
	assert_true(parses(deep, 2 * JSON_DEPTH, &err));
	memset(deep, '[', JSON_DEPTH + 1);
	memset(deep + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	assert_false(parses(deep, 2 * JSON_DEPTH + 2, &err));
	assert_non_null(strstr(err.text, "nested too deeply"));
	memset(deep, '[', n);
	memset(deep + n, ']', n);
	assert_false(parses(deep, 2 * n, &err));
}

static void
brackets_in_strings_are_not_nesting(void **state)
{
	const char	*flat = "[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]";
	const char	*wide = "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
			    "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
			    "[],[],[],[],[],{},{}]";
	struct error	 err;

	(void)state;
	assert_true(parses(flat, strlen(flat), &err));
	assert_true(parses(wide, strlen(wide), &err));
	assert_true(parses("\"http://x/*\"", 12, &err));
}

static void
then_text(yajl_gen g, const char *want)
{
	size_t		 length;
	const char	*text = json_text(g, &length);

	assert_int_equal(length, strlen(want));
	assert_memory_equal(text, want, length);
	json_free(g);
}

static void
objects_are_written(void **state)
{
	yajl_gen	 g = json_new();

	(void)state;
	yajl_gen_map_open(g);
	json_put_member(g, "a", "b");
	json_put_member_int(g, "n", INT64_MIN);
	json_put_member_bool(g, "yes", true);
	json_put_member_null(g, "none");
	yajl_gen_map_close(g);
	then_text(g, "{\"a\":\"b\",\"n\":-9223372036854775808,\"yes\":true,"
	    "\"none\":null}");
	json_free(NULL);
}

static void
what_was_parsed_is_written_as_it_was(void **state)
{
	static const char	 text[] = "{\"a\":[1,-2.5e3,18446744073709551615,"
				    "true,false,null],\"b\":{\"c\":\"d\\n\","
				    "\"e\":{}}}";
	struct error		 err;
	yajl_val		 v = json_parse(text, strlen(text), &err);
	yajl_gen		 g = json_new();

	(void)state;
	json_put_value(g, v);
	yajl_tree_free(v);
	then_text(g, text);
}

static void
text_is_escaped_and_bad_utf_8_replaced(void **state)
{
#define BAD	"\xef\xbf\xbd"
	static const char *const cases[][2] = {
		{ "", "\"\"" },
		{ "a\"\\b\n\x01/", "\"a\\\"\\\\b\\n\\u0001/\"" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "a\xff" "b", "\"a" BAD "b\"" },
		{ "\xc3", "\"" BAD "\"" },
		{ "\xe2\x82", "\"" BAD BAD "\"" },
		{ "\xe2\x82z", "\"" BAD BAD "z\"" },
		{ "\xc0\xaf", "\"" BAD BAD "\"" },		/* overlong */
		{ "\xe0\x80\xaf", "\"" BAD BAD BAD "\"" },
		{ "\xf0\x80\x80\xaf", "\"" BAD BAD BAD BAD "\"" },
		{ "\xed\xa0\x80", "\"" BAD BAD BAD "\"" },	/* surrogate */
		{ "\xed\x9f\xbf", "\"\xed\x9f\xbf\"" },
		{ "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
		{ "\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"" },
		{ "\xf5\x80", "\"" BAD BAD "\"" },
	};
	yajl_gen	 g;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		g = json_new();
		json_put(g, cases[i][0]);
		then_text(g, cases[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(members_are_found_by_name_and_type),
		cmocka_unit_test(numbers_are_right_up_to_two_to_the_64th),
		cmocka_unit_test(what_is_no_json_is_refused_with_its_beginning),
		cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
		cmocka_unit_test(a_long_text_is_quoted_in_part),
		cmocka_unit_test(nesting_is_limited_before_yajl_sees_it),
		cmocka_unit_test(brackets_in_strings_are_not_nesting),
		cmocka_unit_test(objects_are_written),
		cmocka_unit_test(what_was_parsed_is_written_as_it_was),
		cmocka_unit_test(text_is_escaped_and_bad_utf_8_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_remember.c - what the agent remembers against a copy:
 * plugins/common/remember.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "remember.h"

static char			 memory[FAILOVER_SENTENCE];
static char			 logged[2 * FAILOVER_SENTENCE];
static int			 writes;
static enum failover_result	 answer;

static enum failover_result
keep(struct failover *f, const char *text)
{
	(void)f;
	writes++;
	if (answer == FAILOVER_DONE)
		snprintf(memory, sizeof(memory), "%s", text);
	return answer;
}

static void __attribute__((format(printf, 3, 4)))
put_log(struct failover *f, enum failover_level level, const char *fmt, ...)
{
	va_list	 ap;

	(void)f;
	assert_int_equal(level, FAILOVER_WARNING);
	va_start(ap, fmt);
	vsnprintf(logged, sizeof(logged), fmt, ap);
	va_end(ap);
}

/* Given an agent that keeps what it is given, or does not. */
static struct failover
given_agent(enum failover_result keeps, const char *text)
{
	answer = keeps;
	writes = 0;
	logged[0] = '\0';
	snprintf(memory, sizeof(memory), "%s", text);
	return (struct failover){ .memory = memory, .remember = keep,
	    .log = put_log };
}

static void
a_sentence_is_kept_until_it_is_cleared(void **state)
{
	struct failover	 f = given_agent(FAILOVER_DONE, "");

	(void)state;
	remember_that(&f, "it lacks %d rows", 3);
	assert_string_equal(memory, "it lacks 3 rows");
	remember_nothing(&f);
	assert_string_equal(memory, "");
	assert_int_equal(writes, 2);
	remember_nothing(&f);		/* no disk is asked for it */
	assert_int_equal(writes, 2);
	assert_string_equal(logged, "");
}

static void
what_can_not_be_kept_or_cleared_is_logged(void **state)
{
	struct failover	 f = given_agent(FAILOVER_FAILED, "it lacks all");

	(void)state;
	remember_that(&f, "it lacks %d rows", 3);
	assert_string_equal(logged, "can't record (is [agent] state_dir "
	    "writable?) that it lacks 3 rows");
	remember_nothing(&f);
	assert_string_equal(logged, "can't clear the record (is [agent] "
	    "state_dir writable?) that it lacks all");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_sentence_is_kept_until_it_is_cleared),
		cmocka_unit_test(what_can_not_be_kept_or_cleared_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

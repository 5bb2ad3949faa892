/* test_handover.c - what a demoted copy leaves with the lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handover.h"
#include "log.h"

static struct handover		handover;
static struct lock_before	before;
static char			left[64];	/* with the lock */

void
log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void
lock_release(struct lock *l, bool clean, const char *position, bool final)
{
	(void)l;
	(void)clean;
	snprintf(left, sizeof left, "%s%s", position, final ? ", final" : "");
}

void
lock_pass_on(struct lock *l, bool clean)
{
	(void)l;
	(void)clean;
	snprintf(left, sizeof left, "passed on");
}

static int
begin(void **state)
{
	(void)state;
	memset(&handover, 0, sizeof handover);
	before = (struct lock_before){ .position = "" };
	left[0] = '\0';
	return 0;
}

/* True: the question that was asked is answered for the core, with this. */
static bool
answered(bool was_master, bool again, enum operation asked,
    enum handler_result result, const char *text, enum core_result told)
{
	struct core_action	act = { .type = CORE_DO_CALL,
				    .call = { .was_master = was_master } };
	struct handler_call	call = { 0 };
	struct core_event	ev = {
		.type = CORE_EV_CALL_DONE,
		.call = {
			.result = result == HANDLER_DONE ? CORE_RESULT_DONE :
			    result == HANDLER_AGAIN ? CORE_RESULT_AGAIN :
			    CORE_RESULT_FAILED,
			.text = text,
		},
	};

	handover_ask(&handover, &before, &act, again, &call);
	assert_int_equal(call.op, asked);
	if (!handover_answered(&handover, result, &ev))
		return false;
	assert_int_equal(ev.call.result, told);
	return true;
}

static void
then_is_left(bool with_position, const char *text)
{
	struct core_action	act = {
		.type = CORE_DO_RELEASE,
		.release = { .clean = true, .with_position = with_position },
	};

	handover_release(&handover, NULL, &act);
	assert_string_equal(left, text);
}

static void
what_a_promotion_lacks_is_kept_for_people(void **state)
{
	struct handler_call	call = { .what = { .node = "node-2" } };

	(void)state;
	before.position = (char *)(uintptr_t)"18";
	strcpy(before.node, "node-2");
	handover_tell(&handover, &before, true, true, &call);
	assert_string_equal(handover.lacks, "");	/* it was its own */
	handover_begin(&handover);
	strcpy(before.node, "node-1");
	handover_tell(&handover, &before, false, true, &call);
	assert_string_equal(handover.lacks, "");
	handover_tell(&handover, &before, true, true, &call);
	assert_non_null(strstr(handover.lacks, "node-1 up to position 18"));
	handover_begin(&handover);
	assert_string_equal(handover.lacks, "");
}

static void
a_master_leaves_all_there_is(void **state)
{
	(void)state;
	before.position = "old";
	assert_true(answered(true, false, OPERATION_POSITION, HANDLER_DONE,
	    "mine", CORE_RESULT_DONE));
	then_is_left(true, "mine, final");
}

/* It may have taken writes, although its plugin has not said so. */
static void
who_has_what_it_was_to_wait_for_leaves_its_own(void **state)
{
	(void)state;
	before.position = "old";
	before.final = true;
	assert_false(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_DONE, "", CORE_RESULT_DONE));
	assert_true(answered(false, true, OPERATION_POSITION, HANDLER_DONE,
	    "mine", CORE_RESULT_DONE));
	then_is_left(true, "mine, final");
}

static void
who_lacks_it_passes_it_on(void **state)
{
	(void)state;
	before.position = "old";
	assert_true(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_FAILED, "", CORE_RESULT_DONE));
	then_is_left(true, "passed on");
}

/* As while PostgreSQL still stops. */
static void
who_does_not_know_yet_is_asked_again(void **state)
{
	(void)state;
	before.position = "old";
	assert_true(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_AGAIN, "it stops", CORE_RESULT_AGAIN));
	assert_false(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_DONE, "", CORE_RESULT_DONE));
}

static void
who_never_knows_passes_it_on(void **state)
{
	(void)state;
	before.position = "old";
	assert_true(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_AGAIN, "it stops", CORE_RESULT_AGAIN));
	then_is_left(false, "passed on");
	/* That was it: the next release is another one. */
	then_is_left(false, "");
}

static void
nor_does_it_get_lost_if_the_copy_can_not_tell_its_own(void **state)
{
	(void)state;
	before.position = "old";
	assert_false(answered(false, false, OPERATION_HAS_POSITION,
	    HANDLER_DONE, "", CORE_RESULT_DONE));
	assert_true(answered(false, true, OPERATION_POSITION, HANDLER_FAILED,
	    "", CORE_RESULT_FAILED));
	then_is_left(false, "passed on");
}

/* catch_up is over: it may take writes without what was left to it. */
static void
no_longer_waiting(void)
{
	struct handler_call	call = { .what.node = "this" };

	before.position = "old";
	handover_tell(&handover, &before, true, true, &call);
}

static void
who_no_longer_waits_for_it_leaves_its_own(void **state)
{
	(void)state;
	no_longer_waiting();
	assert_true(answered(false, false, OPERATION_POSITION, HANDLER_DONE,
	    "mine", CORE_RESULT_DONE));
	then_is_left(true, "mine");
}

/* Consul was away for longer than the fuse, and the lock is still this copy's. */
static void
nor_does_it_wait_again_with_the_same_lock(void **state)
{
	struct handler_call	call = { .what.node = "this" };

	(void)state;
	no_longer_waiting();
	handover_tell(&handover, &before, false, true, &call);
	assert_string_equal(call.what.target, "");
	assert_true(call.what.enough);
	handover_begin(&handover);
	handover_tell(&handover, &before, false, true, &call);
	assert_string_equal(call.what.target, "old");
	assert_false(call.what.enough);
}

static void
or_passes_it_on_if_it_can_not_tell_its_own(void **state)
{
	(void)state;
	no_longer_waiting();
	assert_true(answered(false, false, OPERATION_POSITION, HANDLER_FAILED,
	    "", CORE_RESULT_FAILED));
	then_is_left(false, "passed on");
}

static void
where_nothing_was_left_there_is_nothing_to_pass_on(void **state)
{
	(void)state;
	assert_true(answered(false, false, OPERATION_POSITION, HANDLER_FAILED,
	    "", CORE_RESULT_FAILED));
	then_is_left(false, "");
}

int
main(void)
{
#define T(name)	cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest	tests[] = {
		T(a_master_leaves_all_there_is),
		T(what_a_promotion_lacks_is_kept_for_people),
		T(who_has_what_it_was_to_wait_for_leaves_its_own),
		T(who_lacks_it_passes_it_on),
		T(who_does_not_know_yet_is_asked_again),
		T(who_never_knows_passes_it_on),
		T(nor_does_it_get_lost_if_the_copy_can_not_tell_its_own),
		T(who_no_longer_waits_for_it_leaves_its_own),
		T(nor_does_it_wait_again_with_the_same_lock),
		T(or_passes_it_on_if_it_can_not_tell_its_own),
		T(where_nothing_was_left_there_is_nothing_to_pass_on),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}

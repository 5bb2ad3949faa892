/* test_lock.c - our session and the lock key, as Consul answers or does not. */
#include "given_consul.h"

#include <poll.h>

#include "lock.h"

#define LEADER	"lock/mysql/leader"

static struct config	 config = {
	.service_name = (char *)(uintptr_t)"mysql",
	.service_id = (char *)(uintptr_t)"mysql-1",
	.service_port = 3306,
	.session_ttl = 10000,
	.lock_delay = 15000,
	.fuse = 10000,
	.verify_interval = 60000,
};
static struct lock	*lock;
static struct core_lock	 seen;		/* the last report */
static int		 reports;
static bool		 has_session;

static void
on_seen(const struct core_lock *l, void *arg)
{
	(void)arg;
	seen = *l;
	reports++;
}

static void
on_session(bool yes, const char *text, void *arg)
{
	(void)text, (void)arg;
	has_session = yes;
}

static void
on_yes_or_no(bool yes, const char *text, void *arg)
{
	(void)yes, (void)text, (void)arg;
}

static void
on_trouble(const char *text, void *arg)
{
	(void)text, (void)arg;
}

static const struct lock_events	events = {
	.seen = on_seen, .refused = on_yes_or_no, .session = on_session,
	.released = on_yes_or_no, .key_trouble = on_trouble,
	.write_trouble = on_trouble, .session_trouble = on_trouble,
};

/* Until nothing is left that is answered now. */
static void
run(void)
{
	const struct timeval	 moment = { .tv_usec = 20000 };

	event_base_loopexit(base, &moment);
	event_base_dispatch(base);
}

static int
begin(void **state)
{
	(void)state;
	given_consul();
	base = event_base_new();
	has_session = false;
	reports = 0;
	/* As we would have it made. */
	strcpy(session.id, "s-1");
	strcpy(session.ttl, "10s");
	session.lock_delay_ms = 15000;
	session.service = true;
	answers.session_count = 1;
	key.exists = true;
	key.modify_index = 7;
	strcpy(key.value, "{\"state\":\"released\"}");
	return base == NULL;
}

static int
end(void **state)
{
	(void)state;
	lock_free(lock);
	event_base_free(base);
	return 0;
}

static void
given_lock(const char *resume)
{
	lock = lock_new(base, NULL, &config, resume, &events, NULL);
	lock_identify(lock, "node-1", "10.0.0.1");
	run();
}

static void
when_a_session_is_wanted(void)
{
	lock_want_session(lock, true);
	run();
}

static void
then_asked(const char *words)
{
	if (strstr(asked, words) == NULL)
		fail_msg("\"%s\" was not asked: %s", words, asked);
}

static void
then_not_asked(const char *words)
{
	if (strstr(asked, words) != NULL)
		fail_msg("\"%s\" was asked: %s", words, asked);
}

/* As a proof: the lock is held by the session that is ours. */
static void
given_the_lock(void)
{
	given_lock("");
	when_a_session_is_wanted();
	strcpy(key.session, "s-1");
	strcpy(key.value, "");
	key.modify_index = 8;
	lock_acquire(lock, 7);
	run();
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	asked[0] = '\0';
}

/*
 * The session.
 */

static void
a_session_as_ordered_is_ours(void **state)
{
	(void)state;
	given_lock("");
	when_a_session_is_wanted();
	then_asked("create mysql 15000\ninfo s-1\nrenew s-1\n");
	assert_true(has_session);
	assert_string_equal(lock_session(lock), "s-1");
}

static void
then_it_is_destroyed_and_not_ours(void)
{
	then_asked("destroy s-1\n");
	assert_false(has_session);
	assert_string_equal(lock_session(lock), "");
}

static void
one_with_too_short_a_lock_delay_is_not(void **state)
{
	(void)state;
	given_lock("");
	session.lock_delay_ms = 14999;
	when_a_session_is_wanted();
	then_it_is_destroyed_and_not_ours();
	then_not_asked("renew s-1");
}

static void
nor_is_one_without_our_check(void **state)
{
	(void)state;
	given_lock("");
	session.service = false;
	when_a_session_is_wanted();
	then_it_is_destroyed_and_not_ours();
}

static void
nor_is_one_that_consul_does_not_show(void **state)
{
	(void)state;
	given_lock("");
	answers.session_count = 0;
	when_a_session_is_wanted();
	assert_false(has_session);
	assert_string_equal(lock_session(lock), "");
}

static void
one_of_an_earlier_run_that_has_the_lock_is_adopted_if_it_is_long_enough(
    void **state)
{
	(void)state;
	strcpy(key.session, "s-1");
	session.lock_delay_ms = 14999;
	given_lock("s-1");
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	when_a_session_is_wanted();
	then_it_is_destroyed_and_not_ours();
	strcpy(key.session, "");
	lock_look(lock);
	run();
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
}

static void
one_that_does_not_have_it_is_not_adopted(void **state)
{
	(void)state;
	given_lock("s-0");
	when_a_session_is_wanted();
	then_asked("create mysql 15000\n");
	assert_string_equal(lock_session(lock), "s-1");
}

static void
a_renewal_that_finds_none_loses_lock_and_session(void **state)
{
	(void)state;
	given_the_lock();
	answers.outcome = CONSUL_GONE;
	lock_want_session(lock, true);		/* renews at once */
	run();
	assert_false(has_session);
	assert_string_equal(lock_session(lock), "");
}

static void
one_that_comes_to_no_answer_loses_nothing(void **state)
{
	(void)state;
	given_the_lock();
	answers.outcome = CONSUL_UNKNOWN;
	lock_want_session(lock, true);
	run();
	then_asked("renew s-1\n");
	assert_true(has_session);
	assert_string_equal(lock_session(lock), "s-1");
}

static void
without_one_nothing_is_acquired(void **state)
{
	(void)state;
	given_lock("");
	lock_acquire(lock, 7);
	run();
	then_not_asked("lock " LEADER);
}

/* What was read since has not been reported yet. */
static void
nothing_is_acquired_but_what_was_decided_upon(void **state)
{
	(void)state;
	given_lock("");
	when_a_session_is_wanted();
	lock_acquire(lock, 6);
	run();
	then_not_asked("lock " LEADER);
	lock_acquire(lock, 7);
	run();
	then_asked("lock " LEADER);
	then_not_asked("\"made\"");
}

/* Of two tries the one of which we do not know may have had effect. */
static void
what_the_key_says_tells_that_we_have_made_it(void **state)
{
	(void)state;
	given_lock("");
	key.exists = false;
	lock_look(lock);
	when_a_session_is_wanted();
	lock_acquire(lock, 0);
	strcpy(key.session, "s-1");
	strcpy(key.value, "");
	key.exists = true;
	key.modify_index = 9;
	run();
	then_asked("\"made\":true");
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	assert_true(seen.made);
	strcpy(key.value, "{\"state\":\"held\"}");
	lock_look(lock);
	run();
	assert_false(seen.made);
	strcpy(key.value, "{\"state\":\"held\",\"made\":true}");
	lock_look(lock);
	run();
	assert_true(seen.made);
}

/* As each write of another key makes it be asked. */
static void
a_missing_key_is_not_asked_for_while_it_is_looked_who_is_there(void **state)
{
	(void)state;
	memset(&key, 0, sizeof(key));
	strcpy(instances[0].node, "node-1");
	strcpy(instances[0].service_id, "mysql-1");
	answers.instance_count = 1;
	given_lock("");
	when_a_session_is_wanted();
	lock_look(lock);
	when_the_watch_is_answered(4);
	lock_acquire(lock, 0);
	then_not_asked("lock " LEADER);
	reports = 0;
	run();
	assert_true(reports > 0 && seen.clean);
	lock_acquire(lock, 0);
	strcpy(key.session, "s-1");
	key.exists = true;
	key.modify_index = 9;
	run();
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	assert_false(seen.made);
}

/*
 * The key.
 */

static void
what_is_given_back_in_good_order_is_clean(void **state)
{
	(void)state;
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
	assert_true(seen.clean);
	assert_int_equal(seen.epoch, 7);
}

static void
what_was_lost_or_says_nothing_is_not(void **state)
{
	(void)state;
	strcpy(key.value, "{\"state\":\"dropped\"}");
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
	assert_false(seen.clean);
	strcpy(key.value, "released");
	lock_look(lock);
	run();
	assert_false(seen.clean);
}

static void
a_missing_key_is_clean_only_for_who_sees_itself_alone(void **state)
{
	static const struct consul_record	 records[] = {
		{ "lock/mysql/candidates/s-0", "",
		    "{\"id\":\"node-1/mysql-1\"}", 0, false },
		{ "lock/mysql/candidates/s-7", "",
		    "{\"id\":\"node-2/mysql-1\"}", 0, false },
	};

	(void)state;
	memset(&key, 0, sizeof(key));
	strcpy(instances[0].node, "node-1");
	strcpy(instances[0].service_id, "mysql-1");
	strcpy(instances[1].node, "node-2");
	strcpy(instances[1].service_id, "mysql-1");
	answers.instance_count = 1;
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
	assert_true(seen.clean);

	/* Whose Consul agent has lost its services a moment ago. */
	answers.records = records;
	answers.record_count = 2;
	lock_look(lock);
	run();
	assert_false(seen.clean);
	answers.record_count = 1;
	lock_look(lock);
	run();
	assert_true(seen.clean);

	/* Consul says that it hides somebody. */
	answers.filtered = true;
	lock_look(lock);
	run();
	assert_false(seen.clean);
	answers.filtered = false;

	answers.instance_count = 2;
	lock_look(lock);
	run();
	assert_false(seen.clean);
	/* Our token may see nothing at all. */
	answers.instance_count = 0;
	lock_look(lock);
	run();
	assert_false(seen.clean);
}

/* Consul knows nodes and ids in any case. */
static void
whoever_is_called_so_in_another_case_is_the_same(void **state)
{
	(void)state;
	memset(&key, 0, sizeof(key));
	strcpy(instances[0].node, "NODE-1");
	strcpy(instances[0].service_id, "MySQL-1");
	answers.instance_count = 1;
	given_lock("");
	assert_true(seen.clean);

	/* An earlier run of ours is no master to follow. */
	strcpy(key.session, "s-9");
	strcpy(key.value, "{\"session\":\"s-9\",\"node\":\"Node-1\","
	    "\"service_id\":\"MYSQL-1\",\"address\":\"10.0.0.1\","
	    "\"port\":3306}");
	key.exists = true;
	key.modify_index = 9;
	lock_look(lock);
	run();
	assert_int_equal(seen.owner, CORE_LOCK_THEIRS);
	assert_string_equal(seen.host, "");
}

static void
another_ones_lock_is_theirs(void **state)
{
	(void)state;
	strcpy(key.session, "s-9");
	strcpy(key.value, "{\"session\":\"s-9\",\"node\":\"node-2\","
	    "\"address\":\"10.0.0.2\",\"port\":3307}");
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_THEIRS);
	assert_string_equal(seen.host, "10.0.0.2");
	assert_int_equal(seen.port, 3307);
}

/* Whoever wrote it may have been followed by one who has not written yet. */
static void
a_value_of_another_session_names_no_master(void **state)
{
	(void)state;
	strcpy(key.session, "s-9");
	strcpy(key.value, "{\"session\":\"s-8\",\"node\":\"node-2\","
	    "\"address\":\"10.0.0.2\",\"port\":3307}");
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_THEIRS);
	assert_string_equal(seen.host, "");
	then_asked("info s-9\n");
}

static void
given_a_holder(const char *node, const char *bound_to)
{
	strcpy(key.session, "s-9");
	strcpy(key.value, "");
	strcpy(session.id, "s-9");
	strcpy(session.node, node);
	strcpy(session.service_id, bound_to);
	answers.instance_count = 2;
	strcpy(instances[0].node, "node-1");
	strcpy(instances[0].service_id, "mysql-1");
	strcpy(instances[0].address, "10.0.0.1");
	strcpy(instances[1].node, "node-2");
	strcpy(instances[1].service_id, "mysql");
	strcpy(instances[1].address, "10.0.0.2");
	given_lock("");
	assert_int_equal(seen.owner, CORE_LOCK_THEIRS);
}

/* As the older program leaves it. */
static void
whose_session_is_of_the_service_is_followed(void **state)
{
	(void)state;
	given_a_holder("Node-2", "mysql");
	assert_string_equal(seen.host, "10.0.0.2");
}

static void
a_session_made_by_hand_is_nobody_to_follow(void **state)
{
	(void)state;
	given_a_holder("node-2", "");
	assert_string_equal(seen.host, "");
	assert_non_null(strstr(lock_stranger(lock), "of the node node-2 "
	    "holds the lock, but belongs to no copy of this service"));
	assert_non_null(strstr(lock_stranger(lock), "/v1/session/destroy/"));
	/* It has ended. */
	key.session[0] = '\0';
	key.modify_index++;
	lock_look(lock);
	run();
	assert_string_equal(lock_stranger(lock), "");
}

static void
nor_is_one_of_another_service(void **state)
{
	(void)state;
	given_a_holder("node-2", "solr");
	assert_string_equal(seen.host, "");
}

static void
our_own_node_is_never_followed(void **state)
{
	(void)state;
	given_a_holder("node-1", "mysql-1");
	assert_string_equal(seen.host, "");
}

static void
a_proof_is_dated_when_it_was_asked_for(void **state)
{
	int64_t	 before;

	(void)state;
	given_the_lock();
	before = clock_ms();
	lock_look(lock);
	poll(NULL, 0, 50);
	run();
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	assert_true(seen.proof);
	assert_in_range(seen.at - before, 0, 40);
}

static void
a_lock_that_was_taken_from_us_is_not_ours(void **state)
{
	(void)state;
	given_the_lock();
	strcpy(key.session, "");
	lock_look(lock);
	run();
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
	assert_false(seen.clean);
}

/* An old leader may answer a watch with what was true before. */
static void
what_a_watch_shows_takes_no_lock_from_us(void **state)
{
	(void)state;
	given_the_lock();
	strcpy(key.session, "");
	when_the_watch_is_answered(9);
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	then_asked("get " LEADER " consistent\n");
	strcpy(key.session, "s-1");
	run();
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
}

static void
nor_does_it_prove_that_we_have_it(void **state)
{
	(void)state;
	given_lock("");
	when_a_session_is_wanted();
	asked[0] = '\0';
	strcpy(key.session, "s-1");
	when_the_watch_is_answered(9);
	assert_int_equal(seen.owner, CORE_LOCK_FREE);
	then_asked("get " LEADER " consistent\n");
	run();
	assert_int_equal(seen.owner, CORE_LOCK_OURS);
	assert_true(seen.proof);
}

static void
no_answer_is_no_proof(void **state)
{
	int	 before;

	(void)state;
	given_the_lock();
	before = reports;
	answers.outcome = CONSUL_UNKNOWN;
	lock_look(lock);
	run();
	assert_int_equal(reports, before);
}

static void
a_release_says_whether_it_is_clean(void **state)
{
	(void)state;
	given_the_lock();
	lock_release(lock, false, "", false);
	run();
	then_asked("release " LEADER " s-1 {\"state\":\"dropped\"");
	given_consul();
	lock_release(lock, true, "18", true);
	run();
	then_asked("release " LEADER " s-1 {\"state\":\"released\"");
	then_asked("\"position\":\"18\",\"final\":true");
}

static void
then_the_last_holder_was(const char *node, const char *state, const char *why,
    bool planned)
{
	const struct lock_before	*b = lock_before(lock);

	assert_string_equal(b->last, node);
	assert_string_equal(b->state, state);
	assert_string_equal(b->reason.text, why);
	assert_int_equal(b->reason.planned, planned);
}

static void
a_release_says_why(void **state)
{
	(void)state;
	given_the_lock();
	then_the_last_holder_was("", "released", "", false);
	lock_set_reason(lock, &(struct lock_reason){
	    .text = "stop requested", .planned = true });
	lock_release(lock, true, "18", true);
	run();
	then_asked("\"final\":true,\"why\":\"stop requested\","
	    "\"planned\":true}");
	lock_settle(lock);
	given_consul();
	lock_release(lock, true, "18", true);
	run();
	then_asked("\"final\":true}");		/* that was of another one */
}

static void
a_reason_takes_no_room_from_a_position(void **state)
{
	struct lock_reason	 reason = { .planned = true };
	char			 position[CONSUL_VALUE_MAX], *value;

	(void)state;
	given_lock("");
	memset(position, 'x', sizeof position);
	position[CONSUL_VALUE_MAX - 300] = '\0';
	memset(reason.text, 'y', sizeof reason.text - 1);
	value = lock_value_make(&config, "released", "s-1", "node-1",
	    "10.0.0.1", position, true, &reason, NULL, NULL);
	assert_true(strlen(value) < CONSUL_VALUE_MAX);
	assert_non_null(strstr(value, position));
	assert_null(strstr(value, "yyy"));
	free(value);
}

static void
why_a_lock_was_released_is_known_to_the_next(void **state)
{
	(void)state;
	strcpy(key.value, "{\"state\":\"released\",\"node\":\"node-2\","
	    "\"why\":\"the disable file exists\",\"planned\":true}");
	given_lock("");
	then_the_last_holder_was("node-2", "released",
	    "the disable file exists", true);
	strcpy(key.value, "{\"state\":\"held\",\"node\":\"node-3\","
	    "\"before\":{\"node\":\"node-2\",\"position\":\"7\"}}");
	key.modify_index++;
	lock_look(lock);
	run();
	then_the_last_holder_was("node-3", "held", "", false);
	assert_string_equal(lock_before(lock)->node, "node-2");
}

/* Whoever left that may want the lock again: it is another one who has it no
 * more. */
static void
what_is_passed_on_says_so(void **state)
{
	(void)state;
	strcpy(key.value, "{\"state\":\"released\",\"node\":\"node-2\","
	    "\"service_id\":\"app\",\"position\":\"18\"}");
	given_the_lock();
	assert_false(lock_before(lock)->passed_on);
	lock_pass_on(lock, true);
	run();
	then_asked("\"node\":\"node-2\"");
	then_asked("\"position\":\"18\"");
	then_asked("\"passed_on\":true");
	given_consul();
	key.session[0] = '\0';
	strcpy(key.value, "{\"state\":\"released\",\"passed_on\":true}");
	lock_look(lock);
	run();
	assert_true(lock_before(lock)->passed_on);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(a_session_as_ordered_is_ours),
		TEST(what_is_passed_on_says_so),
		TEST(a_release_says_why),
		TEST(a_reason_takes_no_room_from_a_position),
		TEST(why_a_lock_was_released_is_known_to_the_next),
		TEST(one_with_too_short_a_lock_delay_is_not),
		TEST(nor_is_one_without_our_check),
		TEST(nor_is_one_that_consul_does_not_show),
		TEST(one_of_an_earlier_run_that_has_the_lock_is_adopted_if_it_is_long_enough),
		TEST(one_that_does_not_have_it_is_not_adopted),
		TEST(a_renewal_that_finds_none_loses_lock_and_session),
		TEST(one_that_comes_to_no_answer_loses_nothing),
		TEST(without_one_nothing_is_acquired),
		TEST(nothing_is_acquired_but_what_was_decided_upon),
		TEST(what_the_key_says_tells_that_we_have_made_it),
		TEST(a_missing_key_is_not_asked_for_while_it_is_looked_who_is_there),
		TEST(what_is_given_back_in_good_order_is_clean),
		TEST(what_was_lost_or_says_nothing_is_not),
		TEST(a_missing_key_is_clean_only_for_who_sees_itself_alone),
		TEST(whoever_is_called_so_in_another_case_is_the_same),
		TEST(another_ones_lock_is_theirs),
		TEST(whose_session_is_of_the_service_is_followed),
		TEST(a_session_made_by_hand_is_nobody_to_follow),
		TEST(nor_is_one_of_another_service),
		TEST(our_own_node_is_never_followed),
		TEST(a_value_of_another_session_names_no_master),
		TEST(a_proof_is_dated_when_it_was_asked_for),
		TEST(a_lock_that_was_taken_from_us_is_not_ours),
		TEST(what_a_watch_shows_takes_no_lock_from_us),
		TEST(nor_does_it_prove_that_we_have_it),
		TEST(no_answer_is_no_proof),
		TEST(a_release_says_whether_it_is_clean),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}

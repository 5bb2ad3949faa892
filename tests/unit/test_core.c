/* test_core.c - the decisions: every state x every event, and the promises. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core.h"
#include "core_check.h"
#include "core_graph.h"

#define FUSE		10000
#define DEMOTE		3000
#define MARGIN		1000	/* of the grace */
#define ELECTION	1000
#define LOCK_DELAY	15000
#define REQUEST		2000
#define BUSY		60000
#define PROMOTE		60000
#define EPOCH		12

/* A core, its clock, and what it wanted last. */
struct world {
	struct core		 core;
	struct core_actions	 todo;
	int64_t			 now;
	bool			 alone;	/* no guard answers */
	bool			 undecided;	/* nor an election */
	bool			 broken;	/* it is meant to be */
};

static void
assert_unbroken(const struct world *w)
{
	if (w->core.broken != NULL && !w->broken)
		fail_msg("it is not true that %s", w->core.broken);
}

/* What is wanted because of this comes behind what is wanted already. */
static void
send_too(struct world *w, const struct core_event *ev)
{
	struct core_actions	more;
	size_t			i;

	core_event(&w->core, ev, w->now, &more);
	assert_unbroken(w);
	for (i = 0; i < more.count && w->todo.count < CORE_ACTIONS; i++)
		w->todo.list[w->todo.count++] = more.list[i];
}

static void
guard(struct world *w, enum core_guard what)
{
	struct core_event	ev = {
		.type = CORE_EV_GUARD,
		.guard = {
			.what = what, .until = w->core.guard.until,
			.text = "says the guard",
		},
	};

	send_too(w, &ev);
}

/* A guard answers at once; one that is asked to demote can't either.  Nobody
 * else wants a free lock. */
static void
send(struct world *w, const struct core_event *ev)
{
	struct core_event	elected = { .type = CORE_EV_ELECTED,
				    .elected = { .take = true } };
	size_t			i;

	core_event(&w->core, ev, w->now, &w->todo);
	assert_unbroken(w);
	if (w->core.electing && !w->undecided)
		send_too(w, &elected);
	for (i = 0; i < w->todo.count && !w->alone; i++) {
		if (w->todo.list[i].type != CORE_DO_LEASE)
			continue;
		guard(w, CORE_GUARD_HOLDS);
		if (w->todo.list[i].lease.demote_now) {
			guard(w, CORE_GUARD_FIRED);
			guard(w, CORE_GUARD_FAILED);
		}
		break;
	}
}

static void
tick(struct world *w, int64_t later)
{
	struct core_event	ev = { .type = CORE_EV_TICK };

	w->now += later;
	send(w, &ev);
}

static void
health(struct world *w, enum core_health h)
{
	struct core_event	ev = { .type = CORE_EV_HEALTH,
				    .health = { .verdict = h } };

	ev.health.text = h == CORE_HEALTH_OK ? "fine" : "not fine";
	send(w, &ev);
}

static void
see(struct world *w, enum core_owner owner, bool mark)
{
	struct core_lock	l = { .owner = owner, .at = w->now,
				    .epoch = EPOCH };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	l.proof = owner == CORE_LOCK_OURS && mark;
	l.clean = owner == CORE_LOCK_FREE && mark;
	if (owner == CORE_LOCK_THEIRS) {
		strcpy(l.node, "other");
		strcpy(l.host, "127.0.0.9");
		l.port = 8080;
	}
	send(w, &ev);
}

/* The key was deleted, and nobody says that none can be master. */
static void
see_missing(struct world *w)
{
	struct core_lock	l = { .owner = CORE_LOCK_FREE, .at = w->now };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	send(w, &ev);
}

static void
see_made(struct world *w)
{
	struct core_lock	l = { .owner = CORE_LOCK_OURS, .proof = true,
				    .at = w->now, .epoch = EPOCH, .made = true };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	send(w, &ev);
}

/* There was no key yet, and there is no other copy. */
static void
see_nobody(struct world *w)
{
	struct core_lock	l = { .owner = CORE_LOCK_FREE, .clean = true,
				    .at = w->now };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	send(w, &ev);
}

static void
session(struct world *w, bool yes)
{
	struct core_event	ev = { .type = CORE_EV_SESSION,
				    .session = { .exists = yes } };

	send(w, &ev);
}

static void
answer(struct world *w, enum core_result r)
{
	struct core_event	ev = {
		.type = CORE_EV_CALL_DONE,
		.call = {
			.number = w->core.call, .result = r,
			.text = "so it is",
		},
	};

	send(w, &ev);
}

static void
released(struct world *w, bool yes)
{
	struct core_event	ev = { .type = CORE_EV_RELEASED,
				    .released = { .known = yes } };

	send(w, &ev);
}

static void
disable(struct world *w, bool yes)
{
	struct core_event	ev = {
		.type = CORE_EV_DISABLED,
		.disabled = { .exists = yes, .file = "/the/file" },
	};

	send(w, &ev);
}

static void
hand_over(struct world *w, bool yes)
{
	struct core_event	ev = {
		.type = CORE_EV_YIELD,
		.yield = { .wanted = yes, .why = "a check is critical" },
	};

	send(w, &ev);
}

static void
stop(struct world *w)
{
	struct core_event	ev = { .type = CORE_EV_STOP,
				    .stop = { .why = "SIGTERM" } };

	send(w, &ev);
}

static const struct core_action *
wanted(const struct world *w, enum core_action_type type)
{
	size_t	i;

	for (i = 0; i < w->todo.count; i++)
		if (w->todo.list[i].type == type)
			return &w->todo.list[i];
	return NULL;
}

static const struct core_action *
called(const struct world *w, enum core_op op)
{
	const struct core_action	*a = wanted(w, CORE_DO_CALL);

	return a != NULL && a->call.op == op ? a : NULL;
}

static void
begin(struct world *w, uint64_t resume_epoch)
{
	struct core_config	c = {
		.fuse_ms = FUSE, .demote_deadline_ms = DEMOTE,
		.request_timeout_ms = REQUEST, .role_interval_ms = 10000,
		.master_deadline_ms = 30000, .slave_deadline_ms = 60000,
		.busy_limit_ms = BUSY, .promote_limit_ms = PROMOTE,
		.catch_up_ms = PROMOTE, .election_wait_ms = ELECTION,
		.can_demote = true, .resume_epoch = resume_epoch,
	};

	memset(w, 0, sizeof *w);
	w->now = 1000000;
	core_init(&w->core, &c, w->now);
	tick(w, 0);
}

/* A healthy node with a session, that has looked at a free lock. */
static void
given_candidate(struct world *w)
{
	begin(w, 0);
	health(w, CORE_HEALTH_OK);
	see(w, CORE_LOCK_FREE, true);
	answer(w, CORE_RESULT_DONE);	/* ensure_demoted at the start */
	assert_int_equal(w->core.state, CORE_STATE_CANDIDATE);
	session(w, true);
}

/* Brings a core into a state, by events that lead there in life. */
static void
given(struct world *w, enum core_state state)
{
	switch (state) {
	case CORE_STATE_STARTING:
		begin(w, 0);
		break;
	case CORE_STATE_UNHEALTHY:
		given_candidate(w);
		health(w, CORE_HEALTH_BAD);
		break;
	case CORE_STATE_DISABLED:
		given_candidate(w);
		disable(w, true);
		break;
	case CORE_STATE_CANDIDATE:
		given_candidate(w);
		break;
	case CORE_STATE_PROMOTING:
		given_candidate(w);
		see(w, CORE_LOCK_OURS, true);
		break;
	case CORE_STATE_MASTER:
		given(w, CORE_STATE_PROMOTING);
		answer(w, CORE_RESULT_DONE);
		break;
	case CORE_STATE_DEMOTING:
		given(w, CORE_STATE_MASTER);
		health(w, CORE_HEALTH_BAD);
		break;
	case CORE_STATE_SLAVE:
		given_candidate(w);
		see(w, CORE_LOCK_THEIRS, false);
		break;
	case CORE_STATE_FENCED:
		given(w, CORE_STATE_MASTER);
		tick(w, FUSE);
		answer(w, CORE_RESULT_DONE);	/* ensure_demoted */
		break;
	case CORE_STATE_STOPPING:
		given_candidate(w);
		stop(w);
		break;
	case CORE_STATES:
		break;
	}
	assert_int_equal(w->core.state, state);
}

/*
 * Every state x every event.
 */

static void
ev_tick(struct world *w)
{
	tick(w, 1);
}

static void
ev_fuse(struct world *w)
{
	tick(w, FUSE);
}

static void
ev_ok(struct world *w)
{
	health(w, CORE_HEALTH_OK);
}

static void
ev_busy(struct world *w)
{
	health(w, CORE_HEALTH_BUSY);
}

static void
ev_bad(struct world *w)
{
	health(w, CORE_HEALTH_BAD);
}

static void
ev_free(struct world *w)
{
	see(w, CORE_LOCK_FREE, false);
}

static void
ev_free_clean(struct world *w)
{
	see(w, CORE_LOCK_FREE, true);
}

static void
ev_theirs(struct world *w)
{
	see(w, CORE_LOCK_THEIRS, false);
}

static void
ev_ours(struct world *w)
{
	see(w, CORE_LOCK_OURS, true);
}

static void
ev_ours_unproved(struct world *w)
{
	see(w, CORE_LOCK_OURS, false);
}

static void
ev_refused(struct world *w)
{
	struct core_event	ev = { .type = CORE_EV_REFUSED,
				    .refused = { .held = true } };

	send(w, &ev);
}

static void
ev_session(struct world *w)
{
	session(w, true);
}

static void
ev_no_session(struct world *w)
{
	session(w, false);
}

static void
ev_done(struct world *w)
{
	answer(w, CORE_RESULT_DONE);
}

static void
ev_failed(struct world *w)
{
	answer(w, CORE_RESULT_FAILED);
}

static void
ev_again(struct world *w)
{
	answer(w, CORE_RESULT_AGAIN);
}

static void
ev_released(struct world *w)
{
	released(w, true);
}

static void
ev_not_released(struct world *w)
{
	released(w, false);
}

static void
ev_disabled(struct world *w)
{
	disable(w, true);
}

static void
ev_enabled(struct world *w)
{
	disable(w, false);
}

static void
ev_yield(struct world *w)
{
	hand_over(w, true);
}

static void
ev_stop(struct world *w)
{
	stop(w);
}

static void
ev_fired(struct world *w)
{
	guard(w, CORE_GUARD_FIRED);
}

static void
ev_guard_gone(struct world *w)
{
	guard(w, CORE_GUARD_GONE);
}

#define S CORE_STATE_STARTING
#define U CORE_STATE_UNHEALTHY
#define X CORE_STATE_DISABLED
#define C CORE_STATE_CANDIDATE
#define P CORE_STATE_PROMOTING
#define M CORE_STATE_MASTER
#define D CORE_STATE_DEMOTING
#define L CORE_STATE_SLAVE
#define F CORE_STATE_FENCED
#define E CORE_STATE_STOPPING

/* In the order of enum core_state. */
static const struct {
	const char	*name;
	void		(*happens)(struct world *);
	enum core_state	 then[CORE_STATES];
} expected[] = {
/*				       S  U  X  C  P  M  D  L  F  E */
{ "a tick",	   ev_tick,	     { S, U, X, C, P, M, D, L, F, E } },
{ "the fuse",	   ev_fuse,	     { D, U, X, C, D, D, D, L, F, E } },
{ "health ok",	   ev_ok,	     { S, C, X, C, P, M, D, L, F, E } },
{ "health busy",   ev_busy,	     { S, C, X, C, P, M, D, L, F, E } },
{ "health bad",	   ev_bad,	     { S, U, X, U, D, D, D, U, F, E } },
{ "free",	   ev_free,	     { D, U, X, C, D, D, D, C, C, E } },
{ "free, clean",   ev_free_clean,    { D, U, X, C, D, D, D, C, C, E } },
{ "theirs",	   ev_theirs,	     { D, U, X, L, D, D, D, L, L, E } },
{ "ours",	   ev_ours,	     { D, U, X, P, P, M, D, P, P, E } },
{ "ours, no proof", ev_ours_unproved, { S, U, X, C, P, M, D, L, F, E } },
{ "refused",	   ev_refused,	     { S, U, X, C, P, M, D, L, F, E } },
{ "a session",	   ev_session,	     { S, U, X, C, P, M, D, L, F, E } },
{ "no session",	   ev_no_session,    { S, U, X, C, D, D, D, L, F, E } },
{ "done",	   ev_done,	     { S, U, X, C, M, M, D, L, F, E } },
{ "failed",	   ev_failed,	     { S, U, X, C, P, M, D, L, F, E } },
{ "again",	   ev_again,	     { S, U, X, C, P, M, D, L, F, E } },
{ "released",	   ev_released,	     { S, U, X, C, P, M, D, L, F, E } },
{ "not released",  ev_not_released,  { S, U, X, C, P, M, D, L, F, E } },
{ "disabled",	   ev_disabled,	     { S, X, X, X, D, D, D, X, X, E } },
{ "enabled",	   ev_enabled,	     { S, U, C, C, P, M, D, L, F, E } },
{ "yield",	   ev_yield,	     { S, U, X, C, P, D, D, L, F, E } },
{ "stop",	   ev_stop,	     { D, E, E, E, D, D, D, E, E, E } },
{ "guard fired",   ev_fired,	     { S, U, X, C, D, D, D, L, F, E } },
{ "guard gone",	   ev_guard_gone,    { S, U, X, C, P, M, D, L, F, E } },
};

#undef S
#undef U
#undef X
#undef C
#undef P
#undef M
#undef D
#undef L
#undef F
#undef E

static void
every_state_answers_every_event(void **unused)
{
	struct world	w;
	size_t		i;
	int		s;

	(void)unused;
	for (i = 0; i < sizeof expected / sizeof expected[0]; i++)
		for (s = 0; s < CORE_STATES; s++) {
			given(&w, (enum core_state)s);
			expected[i].happens(&w);
			if (w.core.state != expected[i].then[s])
				fail_msg("%s, then %s: %s instead of %s",
				    core_state_name((enum core_state)s),
				    expected[i].name,
				    core_state_name(w.core.state),
				    core_state_name(expected[i].then[s]));
		}
}

/* Whatever comes in whatever order: an ensure_master is only asked for with a
 * fresh proof, and a master is never silently forgotten. */
static void
no_sequence_of_events_promotes_without_a_fresh_proof(void **unused)
{
	size_t		n = sizeof expected / sizeof expected[0];
	struct world	w;
	int		round, i;

	(void)unused;
	srand(4711);
	for (round = 0; round < 20000; round++) {
		begin(&w, rand() % 2 == 0 ? EPOCH : 0);
		for (i = 0; i < 40; i++) {
			w.now += rand() % 3000;
			w.todo.count = 0;	/* what was asked for then */
			expected[(size_t)rand() % n].happens(&w);
			if (called(&w, CORE_OP_ENSURE_MASTER) != NULL) {
				assert_true(w.core.proof + FUSE > w.now);
				assert_true(w.now >= w.core.grace_until);
			}
			if (w.core.maybe_master)
				assert_true(
				    w.core.state == CORE_STATE_STARTING ||
				    w.core.state == CORE_STATE_PROMOTING ||
				    w.core.state == CORE_STATE_MASTER ||
				    w.core.state == CORE_STATE_DEMOTING ||
				    w.core.stop);
			assert_true(w.core.wake > w.now);
		}
	}
}

/*
 * The promises, one by one.
 */

static void
a_start_demotes_first_because_the_copy_may_be_a_master(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, 0);
	health(&w, CORE_HEALTH_OK);
	assert_null(wanted(&w, CORE_DO_CALL));
	see(&w, CORE_LOCK_FREE, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
given_the_first_agent_of_all(struct world *w, uint64_t resume_epoch)
{
	begin(w, resume_epoch);
	health(w, CORE_HEALTH_OK);
	see_nobody(w);
}

static void
the_first_copy_of_all_is_taken_over_as_it_is(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	assert_null(wanted(&w, CORE_DO_CALL));
	session(&w, true);
	assert_null(wanted(&w, CORE_DO_CALL));
	assert_int_equal(wanted(&w, CORE_DO_ACQUIRE)->acquire.epoch, 0);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
it_is_demoted_if_it_is_not_alone(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, 0);
	health(&w, CORE_HEALTH_OK);
	see_missing(&w);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
it_is_demoted_if_it_was_master_for_us_before(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, EPOCH);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
it_is_demoted_if_another_one_may_have_had_the_lock_meanwhile(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	session(&w, true);
	see_made(&w);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
it_is_demoted_if_another_one_is_faster(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	session(&w, true);
	ev_refused(&w);
	assert_null(wanted(&w, CORE_DO_CALL));
	see(&w, CORE_LOCK_THEIRS, false);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
it_is_left_as_it_is_while_it_is_not_well_or_the_lock_can_not_be_had(
    void **unused)
{
	struct world	w;
	int		i;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	health(&w, CORE_HEALTH_BAD);
	for (i = 0; i < 100; i++) {
		tick(&w, 1000);
		assert_non_null(wanted(&w, CORE_DO_LOOK));
		see_nobody(&w);
		assert_null(wanted(&w, CORE_DO_CALL));
	}
	session(&w, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	health(&w, CORE_HEALTH_OK);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
it_is_left_as_it_is_by_a_stop_but_not_by_the_disable_file(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	stop(&w);
	assert_null(wanted(&w, CORE_DO_CALL));
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
	given_the_first_agent_of_all(&w, 0);
	disable(&w, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

/* Nobody knows then who has come. */
static void
it_is_demoted_if_nothing_is_heard_for_as_long_as_the_fuse(void **unused)
{
	struct world	w;

	(void)unused;
	given_the_first_agent_of_all(&w, 0);
	tick(&w, FUSE - 1);
	assert_null(wanted(&w, CORE_DO_CALL));
	tick(&w, 1);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

/* Whether anybody else can have had the lock is asked after we are registered,
 * which waits for the plugin. */
static void
while_there_is_no_key_the_plugin_has_time_for_its_first_verdict(void **unused)
{
	struct core_lock	l = { .missing = true };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };
	struct world		w;

	(void)unused;
	begin(&w, 0);
	send(&w, &ev);
	tick(&w, FUSE - 1);
	assert_null(wanted(&w, CORE_DO_CALL));
	tick(&w, 1);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	begin(&w, EPOCH);
	send(&w, &ev);
	tick(&w, REQUEST);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
a_start_without_consul_demotes_after_one_request_time_out(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, EPOCH);
	assert_int_equal(w.core.wake, w.now + REQUEST);
	tick(&w, REQUEST);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
}

static void
a_restarted_agent_goes_on_as_master_without_demotion(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, EPOCH);
	session(&w, true);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_STARTING);
	health(&w, CORE_HEALTH_OK);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
}

static void
a_restarted_agent_that_is_never_master_now_gives_the_lock_back(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, EPOCH);
	w.core.config.never_master = true;
	session(&w, true);
	health(&w, CORE_HEALTH_OK);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	if (called(&w, CORE_OP_POSITION))
		answer(&w, CORE_RESULT_DONE);
	assert_non_null(wanted(&w, CORE_DO_RELEASE));
	/* One that nobody can demote would go on as it is, without the lock. */
	begin(&w, EPOCH);
	w.core.config.never_master = true;
	w.core.config.can_demote = false;
	session(&w, true);
	health(&w, CORE_HEALTH_OK);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
}

static void
a_restarted_agent_of_another_epoch_demotes_and_waits(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, EPOCH - 1);
	session(&w, true);
	health(&w, CORE_HEALTH_OK);
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	/* It may have died while it waited for another master to end. */
	assert_false(wanted(&w, CORE_DO_RELEASE)->release.clean);
}

static void
a_lock_given_back_in_good_order_is_taken_at_once(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see(&w, CORE_LOCK_FREE, true);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
a_lock_found_free_otherwise_waits_until_its_master_must_be_demoted(void **unused)
{
	struct world	w;
	int64_t		i;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see(&w, CORE_LOCK_FREE, false);
	for (i = 0; i < FUSE + DEMOTE + MARGIN - 1000; i += 1000) {
		tick(&w, 1000);
		assert_null(wanted(&w, CORE_DO_ELECT));
	}
	tick(&w, 999);
	assert_null(wanted(&w, CORE_DO_ELECT));
	tick(&w, 1);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
a_missing_key_is_made_at_once_and_its_maker_waits(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see_missing(&w);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
	tick(&w, FUSE - 1);
	see(&w, CORE_LOCK_OURS, true);	/* a proof */
	tick(&w, DEMOTE + MARGIN);
	assert_null(wanted(&w, CORE_DO_CALL));
	tick(&w, 1);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
an_acquire_names_the_free_lock_that_it_was_decided_upon(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see(&w, CORE_LOCK_FREE, true);
	assert_int_equal(wanted(&w, CORE_DO_ACQUIRE)->acquire.epoch, EPOCH);
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see_missing(&w);
	assert_int_equal(wanted(&w, CORE_DO_ACQUIRE)->acquire.epoch, 0);
}

/* Whether it was missing all the time can't be told. */
static void
a_key_asked_for_while_it_was_missing_waits_whatever_is_seen_meanwhile(
    void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see_missing(&w);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_FREE, true);
	see_made(&w);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
}

static void
a_missing_key_that_was_refused_is_forgotten(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	see_missing(&w);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	ev_refused(&w);
	see(&w, CORE_LOCK_FREE, true);
	tick(&w, 1000);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
elected(struct world *w, bool yes)
{
	struct core_event	ev = { .type = CORE_EV_ELECTED,
				    .elected = { .take = yes } };

	send(w, &ev);
}

static void
a_free_lock_is_taken_when_the_election_says_so(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	w.undecided = true;
	see(&w, CORE_LOCK_FREE, true);
	assert_true(wanted(&w, CORE_DO_ELECT)->elect.begin);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 500);
	assert_null(wanted(&w, CORE_DO_ELECT));	/* it is under way */
	elected(&w, true);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
a_copy_that_must_not_take_the_lock_asks_again_later(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	w.undecided = true;
	see(&w, CORE_LOCK_FREE, true);
	elected(&w, false);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	assert_null(wanted(&w, CORE_DO_ELECT));
	tick(&w, 1000);
	tick(&w, 1000);
	assert_true(wanted(&w, CORE_DO_ELECT)->elect.begin);
}

static void
an_election_ends_when_somebody_takes_the_lock_or_we_may_not(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	w.undecided = true;
	see(&w, CORE_LOCK_FREE, true);
	see(&w, CORE_LOCK_THEIRS, false);
	assert_false(wanted(&w, CORE_DO_ELECT)->elect.begin);
	answer(&w, CORE_RESULT_DONE);
	see(&w, CORE_LOCK_FREE, true);
	health(&w, CORE_HEALTH_BUSY);
	assert_false(wanted(&w, CORE_DO_ELECT)->elect.begin);
	/* What is said late is of an election that is over. */
	health(&w, CORE_HEALTH_OK);
	disable(&w, true);
	elected(&w, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
what_an_election_has_shown_is_old_after_3_s(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	w.undecided = true;
	ev_refused(&w);
	see(&w, CORE_LOCK_FREE, true);
	tick(&w, 1000);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	ev_refused(&w);
	see(&w, CORE_LOCK_FREE, true);
	tick(&w, 1000);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	ev_refused(&w);
	see(&w, CORE_LOCK_FREE, true);
	tick(&w, 1000);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	assert_true(wanted(&w, CORE_DO_ELECT)->elect.begin);
}

static void
a_decision_that_is_void_is_made_anew_before_the_next_try(void **unused)
{
	struct core_event	ev = { .type = CORE_EV_ELECTION_VOID };
	struct world		w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	w.undecided = true;
	ev_refused(&w);
	see(&w, CORE_LOCK_FREE, true);
	send(&w, &ev);
	tick(&w, 1000);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	assert_true(w.core.electing);
	elected(&w, true);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

/* Until what was decided is too old, and the copies are compared again. */
static void
decided_anew(struct world *w)
{
	struct core_event	failed = { .type = CORE_EV_REFUSED };
	int			tries = 0;

	do {
		send(w, &failed);
		see(w, CORE_LOCK_FREE, true);
		tick(w, ELECTION / 2);
	} while (wanted(w, CORE_DO_ELECT) == NULL && ++tries < 10);
	assert_true(wanted(w, CORE_DO_ELECT)->elect.begin);
}

/* An error that takes effect: Consul has written the lock after all.  The request
 * may be that of the agent before this one, whose session it has adopted. */
static void
a_lock_that_comes_when_this_copy_must_not_have_it_is_given_back(void **unused)
{
	int	how;

	(void)unused;
	for (how = 0; how < 3; how++) {
		struct world	w;

		given(&w, CORE_STATE_CANDIDATE);
		w.undecided = true;
		if (how == 0) {
			decided_anew(&w);
			elected(&w, false);
		} else if (how == 1) {
			begin(&w, 0);
			w.undecided = true;
			health(&w, CORE_HEALTH_OK);
			see(&w, CORE_LOCK_FREE, true);
			answer(&w, CORE_RESULT_DONE);
			session(&w, true);
			assert_null(wanted(&w, CORE_DO_ACQUIRE));
			elected(&w, false);
		} else {
			ev_refused(&w);
			see(&w, CORE_LOCK_FREE, true);
			w.core.config.never_master = true;
		}
		see(&w, CORE_LOCK_OURS, true);
		assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
		assert_null(called(&w, CORE_OP_ENSURE_MASTER));
		if (called(&w, CORE_OP_POSITION))
			answer(&w, CORE_RESULT_DONE);
		assert_non_null(wanted(&w, CORE_DO_RELEASE));
	}
}

/* What was decided of a lock says nothing about the one after it. */
static void
a_lock_that_comes_after_another_node_has_had_it_is_kept(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	w.undecided = true;
	decided_anew(&w);
	elected(&w, false);
	see(&w, CORE_LOCK_THEIRS, false);
	assert_int_equal(w.core.state, CORE_STATE_SLAVE);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
}

/* Somebody has written the lock by hand. */
static void
a_slave_that_is_never_master_gives_the_lock_back(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	w.core.config.never_master = true;
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	answer(&w, CORE_RESULT_DONE);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
}

/* Nothing forbids it: what an answer that was lost has decided is still right. */
static void
a_lock_that_comes_late_is_kept(void **unused)
{
	struct core_event	voided = { .type = CORE_EV_ELECTION_VOID };
	int			how;

	(void)unused;
	for (how = 0; how < 4; how++) {
		struct world	w;

		given(&w, CORE_STATE_CANDIDATE);
		w.undecided = true;
		if (how == 0)
			send(&w, &voided);
		ev_refused(&w);
		see(&w, CORE_LOCK_FREE, true);
		if (how == 1)
			send(&w, &voided);
		if (how >= 2)
			decided_anew(&w);
		if (how == 3) {
			elected(&w, false);
			tick(&w, 1000);
			tick(&w, 1000);
			elected(&w, true);
		}
		see(&w, CORE_LOCK_OURS, true);
		assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
	}
}

/* What is heard of that request later, or of the others. */
static void
a_master_keeps_the_lock_that_it_was_to_have(void **unused)
{
	struct core_event	voided = { .type = CORE_EV_ELECTION_VOID };
	struct world		w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	see(&w, CORE_LOCK_OURS, true);
	ev_refused(&w);
	send(&w, &voided);
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	tick(&w, FUSE);
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
	send(&w, &voided);
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
a_copy_that_is_never_master_never_tries_for_the_lock(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	w.core.config.never_master = true;
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ELECT));
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
a_demoted_copy_tells_how_far_it_has_got_before_the_lock_is_given_back(
    void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	w.core.config.can_tell = true;
	disable(&w, true);
	answer(&w, CORE_RESULT_DONE);	/* ensure_demoted */
	assert_non_null(called(&w, CORE_OP_POSITION));
	assert_null(wanted(&w, CORE_DO_RELEASE));
	answer(&w, CORE_RESULT_DONE);
	assert_true(wanted(&w, CORE_DO_RELEASE)->release.with_position);
	assert_true(wanted(&w, CORE_DO_RELEASE)->release.clean);

	given(&w, CORE_STATE_MASTER);
	w.core.config.can_tell = true;
	stop(&w);
	answer(&w, CORE_RESULT_DONE);
	answer(&w, CORE_RESULT_FAILED);	/* it does not know */
	assert_false(wanted(&w, CORE_DO_RELEASE)->release.with_position);
	assert_true(wanted(&w, CORE_DO_RELEASE)->release.clean);
}

static void
a_copy_that_still_stops_is_asked_again_how_far_it_has_got(void **unused)
{
	struct world	w;
	int		i;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	w.core.config.can_tell = true;
	disable(&w, true);
	answer(&w, CORE_RESULT_DONE);	/* ensure_demoted */
	for (i = 0; i < 49; i++) {
		answer(&w, CORE_RESULT_AGAIN);
		assert_null(wanted(&w, CORE_DO_RELEASE));
		tick(&w, 100);
		assert_non_null(called(&w, CORE_OP_POSITION));
	}
	answer(&w, CORE_RESULT_AGAIN);
	tick(&w, 100);
	answer(&w, CORE_RESULT_AGAIN);
	assert_false(wanted(&w, CORE_DO_RELEASE)->release.with_position);
}

static void
a_demotion_that_ends_ends_the_question_how_far_the_copy_has_got(
    void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	w.core.config.can_tell = true;
	disable(&w, true);
	answer(&w, CORE_RESULT_DONE);	/* ensure_demoted */
	assert_non_null(called(&w, CORE_OP_POSITION));
	session(&w, false);
	assert_int_equal(w.core.state, CORE_STATE_DISABLED);
	assert_non_null(wanted(&w, CORE_DO_CANCEL));
	assert_int_equal(w.core.op, CORE_OP_NONE);
}

static void
only_a_copy_that_was_master_has_all_there_is(void **unused)
{
	enum core_state	from;
	struct world	w;

	(void)unused;
	for (from = CORE_STATE_PROMOTING; from <= CORE_STATE_MASTER; from++) {
		given(&w, from);
		w.core.config.can_tell = true;
		disable(&w, true);
		answer(&w, CORE_RESULT_DONE);	/* ensure_demoted */
		assert_int_equal(called(&w, CORE_OP_POSITION)->call.was_master,
		    from == CORE_STATE_MASTER);
	}
}

static void
an_election_begins_anew_when_the_free_lock_is_another_one(void **unused)
{
	struct world		w;
	struct core_lock	l = { .owner = CORE_LOCK_FREE, .clean = true,
				    .epoch = EPOCH + 2 };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	w.undecided = true;
	see(&w, CORE_LOCK_FREE, true);
	send(&w, &ev);
	assert_false(wanted(&w, CORE_DO_ELECT)->elect.begin);
	assert_true(w.core.electing);
}

static void
a_new_master_waits_for_what_was_left_for_a_bounded_time(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	w.core.config.catch_up_ms = 5000;
	see(&w, CORE_LOCK_OURS, true);
	assert_false(called(&w, CORE_OP_ENSURE_MASTER)->call.enough);
	tick(&w, 4900);
	answer(&w, CORE_RESULT_AGAIN);
	tick(&w, 500);
	assert_true(called(&w, CORE_OP_ENSURE_MASTER)->call.enough);
}

static void
seeing_the_same_freedom_again_does_not_prolong_the_wait(void **unused)
{
	struct world	w;
	int64_t		until;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	see(&w, CORE_LOCK_FREE, false);
	until = w.core.grace_until;
	w.now += 1000;
	see(&w, CORE_LOCK_FREE, false);
	assert_int_equal(w.core.grace_until, until);
}

static void
a_process_that_stood_still_looks_again_before_it_acquires(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	session(&w, false);
	see(&w, CORE_LOCK_FREE, false);
	tick(&w, 30000);
	assert_non_null(wanted(&w, CORE_DO_LOOK));
	session(&w, true);
	assert_null(wanted(&w, CORE_DO_ELECT));
	see(&w, CORE_LOCK_FREE, false);
	assert_null(wanted(&w, CORE_DO_ELECT));
	assert_int_equal(w.core.grace_until, w.now + FUSE + DEMOTE + MARGIN);
}

static void
a_refused_acquire_is_tried_again_after_a_pause(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	assert_int_equal(w.core.session.state, CORE_SESSION_ACQUIRES);
	ev_refused(&w);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 300);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

/* But while one that has less data still waits for this copy. */
static void
an_acquire_that_consul_denies_is_tried_again_after_a_longer_pause(void **unused)
{
	struct world		w;
	struct core_event	ev = { .type = CORE_EV_REFUSED };

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	send(&w, &ev);
	tick(&w, ELECTION / 2 - 1);
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 1);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
	w.core.config.election_wait_ms = 60000;
	send(&w, &ev);
	tick(&w, 1999);
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 1);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

/* Another try than the one that was refused made it, and may have come late. */
static void
who_makes_a_missing_key_waits_for_who_may_have_had_it(void **unused)
{
	struct world	w;
	int64_t		until;

	(void)unused;
	given(&w, CORE_STATE_CANDIDATE);
	ev_refused(&w);
	see_made(&w);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
	until = w.now + FUSE + DEMOTE + MARGIN;
	assert_int_equal(w.core.grace_until, until);
	w.now += 1000;
	see_made(&w);
	assert_int_equal(w.core.grace_until, until);
}

/* The lock of an earlier run that died in its wait. */
static void
a_lock_that_is_ours_unasked_waits_however_late_consul_tells(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, EPOCH - 1);
	health(&w, CORE_HEALTH_OK);
	session(&w, true);
	tick(&w, REQUEST);
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
	assert_int_equal(w.core.grace_until, w.now + FUSE + DEMOTE + MARGIN);
}

static void
a_stop_destroys_the_session_once_and_in_leaving_only(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	stop(&w);
	answer(&w, CORE_RESULT_DONE);
	released(&w, false);
	assert_non_null(wanted(&w, CORE_DO_LEAVE));
	assert_null(wanted(&w, CORE_DO_WANT_SESSION));
}

static void
a_session_that_is_gone_is_the_reason_that_is_told(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	session(&w, false);
	assert_string_equal(wanted(&w, CORE_DO_CHANGED)->changed.text,
	    "our session in Consul is gone");
}

static void
no_demotion_is_begun_that_has_no_time_left(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	health(&w, CORE_HEALTH_BAD);
	w.now += DEMOTE - 150;
	answer(&w, CORE_RESULT_FAILED);
	tick(&w, 100);
	assert_null(wanted(&w, CORE_DO_CALL));
	tick(&w, 50);
	assert_non_null(wanted(&w, CORE_DO_SAY));
	assert_int_equal(wanted(&w, CORE_DO_CALL)->call.timeout_ms, DEMOTE);
}

static void
a_held_lock_is_never_acquired(void **unused)
{
	struct world	w;
	int		i;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	for (i = 0; i < 100; i++) {
		tick(&w, 1000);
		assert_null(wanted(&w, CORE_DO_ACQUIRE));
	}
}

static void
the_tag_is_master_after_ensure_master_not_before(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_PROMOTING);
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	answer(&w, CORE_RESULT_AGAIN);
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	tick(&w, 100);
	answer(&w, CORE_RESULT_DONE);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "master");
	assert_int_equal(wanted(&w, CORE_DO_REMEMBER)->remember.epoch, EPOCH);
}

static void
the_tag_is_slave_after_ensure_slave_and_goes_when_it_fails(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	assert_false(core_is_slave(&w.core));
	assert_string_equal(core_role_name(&w.core), "joining");
	assert_string_equal(core_role_why(&w.core),
	    "ensure_slave has not been done yet");
	answer(&w, CORE_RESULT_DONE);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "slave");
	assert_true(core_is_slave(&w.core));
	assert_string_equal(core_role_name(&w.core), "slave");
	tick(&w, 10000);
	answer(&w, CORE_RESULT_FAILED);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "");
	assert_false(core_is_slave(&w.core));
	assert_string_equal(core_role_name(&w.core), "joining");
}

static void
the_tag_goes_when_ensure_slave_says_again_for_longer_than_a_failover(void **unused)
{
	struct world	w;
	int64_t		end;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	w.core.config.lock_delay_ms = LOCK_DELAY;
	answer(&w, CORE_RESULT_DONE);
	tick(&w, 10000);
	answer(&w, CORE_RESULT_AGAIN);
	end = w.now + LOCK_DELAY + FUSE + DEMOTE + MARGIN;
	while (w.now + 500 < end) {
		tick(&w, 500);
		if (called(&w, CORE_OP_ENSURE_SLAVE) != NULL)
			answer(&w, CORE_RESULT_AGAIN);
		assert_true(core_is_slave(&w.core));
	}
	tick(&w, 500);
	assert_false(core_is_slave(&w.core));
	assert_string_equal(core_role_name(&w.core), "joining");
}

static void
a_lock_that_is_free_at_the_start_says_that_somebody_has_had_it(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, 0);
	health(&w, CORE_HEALTH_OK);
	see(&w, CORE_LOCK_FREE, true);
	assert_int_equal(called(&w, CORE_OP_ENSURE_DEMOTED)->call.epoch, EPOCH);
}

static void
stepping_down_is_demotion_then_release_then_tag(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	health(&w, CORE_HEALTH_BAD);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	assert_null(wanted(&w, CORE_DO_RELEASE));
	assert_null(wanted(&w, CORE_DO_PUBLISH));
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	answer(&w, CORE_RESULT_DONE);
	assert_true(wanted(&w, CORE_DO_RELEASE)->release.clean);
	assert_int_equal(wanted(&w, CORE_DO_REMEMBER)->remember.epoch, 0);
	assert_null(wanted(&w, CORE_DO_PUBLISH));
	assert_null(wanted(&w, CORE_DO_SET_TAG));
	released(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_UNHEALTHY);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "unhealthy");
	assert_int_equal(wanted(&w, CORE_DO_PUBLISH)->publish.health,
	    CORE_HEALTH_BAD);
	assert_false(wanted(&w, CORE_DO_WANT_SESSION)->session.wanted);
}

static void
a_disabled_master_demotes_and_gives_the_lock_up(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	disable(&w, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	assert_non_null(wanted(&w, CORE_DO_RELEASE));
	released(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_DISABLED);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "disabled");
}

static void
what_was_read_before_the_release_does_not_give_the_lock_back(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	disable(&w, true);
	answer(&w, CORE_RESULT_DONE);
	released(&w, true);
	see(&w, CORE_LOCK_OURS, true);
	disable(&w, false);
	session(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_CANDIDATE);
	w.now++;
	see(&w, CORE_LOCK_OURS, true);
	assert_int_equal(w.core.state, CORE_STATE_PROMOTING);
}

static void
an_ensure_master_under_way_is_killed_before_the_demotion(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_PROMOTING);
	stop(&w);
	assert_int_equal(w.todo.list[0].type, CORE_DO_CHANGED);
	assert_int_equal(w.todo.list[1].type, CORE_DO_CANCEL);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
the_answer_of_a_cancelled_call_means_nothing(void **unused)
{
	struct world		w;
	struct core_event	late = { .type = CORE_EV_CALL_DONE,
				    .call = { .result = CORE_RESULT_DONE } };

	(void)unused;
	given(&w, CORE_STATE_PROMOTING);
	late.call.number = w.core.call;
	health(&w, CORE_HEALTH_BAD);
	send(&w, &late);
	assert_true(w.core.maybe_master);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
}

static void
a_release_without_an_answer_drops_the_session(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_DEMOTING);
	answer(&w, CORE_RESULT_DONE);
	tick(&w, 2 * REQUEST);
	assert_false(wanted(&w, CORE_DO_WANT_SESSION)->session.wanted);
	assert_int_equal(w.core.state, CORE_STATE_UNHEALTHY);
}

/* Its password is wrong, say. */
static void
a_copy_that_we_have_not_made_master_is_not_said_to_be_one(void **unused)
{
	struct world	w;

	(void)unused;
	begin(&w, 0);
	see(&w, CORE_LOCK_THEIRS, false);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	answer(&w, CORE_RESULT_FAILED);
	tick(&w, DEMOTE);
	assert_non_null(strstr(wanted(&w, CORE_DO_SAY)->say.text,
	    "could not be made to reject writes"));
	assert_null(strstr(wanted(&w, CORE_DO_SAY)->say.text, "MASTER"));
	assert_false(w.core.unfenced);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	stop(&w);
	assert_false(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.deregister);
}

static void
a_demotion_that_is_late_is_said_and_leaves_the_lock_to_the_lock_delay(
    void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	health(&w, CORE_HEALTH_BAD);
	assert_int_equal(wanted(&w, CORE_DO_CALL)->call.timeout_ms, DEMOTE);
	answer(&w, CORE_RESULT_FAILED);
	tick(&w, DEMOTE);
	assert_non_null(strstr(wanted(&w, CORE_DO_SAY)->say.text,
	    "MAY STILL BE A MASTER"));
	assert_null(wanted(&w, CORE_DO_RELEASE));
	assert_false(wanted(&w, CORE_DO_WANT_SESSION)->session.wanted);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "");
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	answer(&w, CORE_RESULT_DONE);	/* at last */
	assert_int_equal(w.core.state, CORE_STATE_UNHEALTHY);
}

static void
a_stop_whose_demotion_fails_ends_and_says_so(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	stop(&w);
	tick(&w, DEMOTE);
	assert_non_null(wanted(&w, CORE_DO_SAY));
	assert_false(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
	/* Nor is it hidden from those who ask whether they are alone. */
	assert_false(wanted(&w, CORE_DO_LEAVE)->leave.deregister);
	assert_string_equal(wanted(&w, CORE_DO_SET_TAG)->tag, "");
}

static void
a_stop_in_good_order_demotes_releases_and_leaves(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	stop(&w);
	answer(&w, CORE_RESULT_DONE);
	assert_true(wanted(&w, CORE_DO_RELEASE)->release.clean);
	released(&w, true);
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.deregister);
	assert_int_equal(w.core.state, CORE_STATE_STOPPING);
}

static void
an_old_proof_fences_at_the_very_millisecond(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	assert_int_equal(w.core.wake, w.core.proof + FUSE);
	tick(&w, FUSE - 1);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	tick(&w, 1);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	assert_null(wanted(&w, CORE_DO_RELEASE));
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
}

static void
a_fenced_node_whose_lock_lasted_goes_on_as_master(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_FENCED);
	see(&w, CORE_LOCK_OURS, false);
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
	see(&w, CORE_LOCK_OURS, true);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
a_promotion_that_outlasts_its_proof_is_undone(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_PROMOTING);
	w.now += FUSE;
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
three_failures_of_ensure_master_give_the_lock_to_others_for_a_while(
    void **unused)
{
	struct world	w;
	int		i;

	(void)unused;
	given(&w, CORE_STATE_PROMOTING);
	for (i = 0; i < 2; i++) {
		answer(&w, CORE_RESULT_FAILED);
		tick(&w, 500);
		assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
	}
	answer(&w, CORE_RESULT_FAILED);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	answer(&w, CORE_RESULT_DONE);
	released(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_CANDIDATE);
	tick(&w, 9000);
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 1000);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
a_busy_master_keeps_the_lock_for_a_bounded_time(void **unused)
{
	struct world	w;
	int64_t		t;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	health(&w, CORE_HEALTH_BUSY);
	assert_int_equal(wanted(&w, CORE_DO_PUBLISH)->publish.health,
	    CORE_HEALTH_BUSY);
	for (t = 0; t < BUSY - 1000; t += 1000) {
		see(&w, CORE_LOCK_OURS, true);
		tick(&w, 1000);
		health(&w, CORE_HEALTH_BUSY);
		assert_int_equal(w.core.state, CORE_STATE_MASTER);
	}
	see(&w, CORE_LOCK_OURS, true);
	tick(&w, 1000);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
}

static void
a_busy_candidate_leaves_a_free_lock_to_others(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	answer(&w, CORE_RESULT_DONE);
	health(&w, CORE_HEALTH_BUSY);
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	health(&w, CORE_HEALTH_OK);
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
a_new_master_is_followed_at_once_and_the_old_call_killed(void **unused)
{
	struct world		w;
	struct core_lock	l = { .owner = CORE_LOCK_THEIRS, .epoch = 20,
				    .host = "127.0.0.7", .port = 1 };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	send(&w, &ev);
	assert_non_null(wanted(&w, CORE_DO_CANCEL));
	assert_string_equal(called(&w, CORE_OP_ENSURE_SLAVE)->call.host,
	    "127.0.0.7");
	assert_int_equal(wanted(&w, CORE_DO_CALL)->call.epoch, 20);
}

static void
an_ensure_slave_under_way_delays_the_acquire_by_half_a_second_at_most(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	see(&w, CORE_LOCK_FREE, true);
	assert_null(wanted(&w, CORE_DO_ACQUIRE));
	tick(&w, 500);
	assert_non_null(wanted(&w, CORE_DO_CANCEL));
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

static void
an_unhealthy_copy_is_kept_a_slave_too(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_UNHEALTHY);
	see(&w, CORE_LOCK_THEIRS, false);
	assert_non_null(called(&w, CORE_OP_ENSURE_SLAVE));
}

static void
an_overwritten_key_raises_the_epoch_of_its_master(void **unused)
{
	struct world		w;
	struct core_lock	l = { .owner = CORE_LOCK_OURS, .proof = true,
				    .epoch = EPOCH + 5 };
	struct core_event	ev = { .type = CORE_EV_LOCK, .lock = &l };

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	l.at = w.now;
	send(&w, &ev);
	assert_int_equal(wanted(&w, CORE_DO_REMEMBER)->remember.epoch,
	    EPOCH + 5);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	tick(&w, 9999);
	health(&w, CORE_HEALTH_BAD);
	assert_int_equal(called(&w, CORE_OP_ENSURE_DEMOTED)->call.epoch,
	    EPOCH + 5);
}

static void
a_plugin_without_ensure_demoted_steps_down_at_once(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	w.core.config.can_demote = false;
	health(&w, CORE_HEALTH_BAD);
	assert_null(wanted(&w, CORE_DO_CALL));
	/* … and the next master waits until this one is its slave. */
	assert_false(wanted(&w, CORE_DO_RELEASE)->release.clean);
}

static void
a_master_that_yields_and_gets_it_back_keeps_it_for_a_while(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_MASTER);
	hand_over(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_true(w.core.hold_off > w.now);
	answer(&w, CORE_RESULT_DONE);
	given(&w, CORE_STATE_MASTER);
	hand_over(&w, false);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	w.core.yield_at = w.now + 60000;
	hand_over(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	hand_over(&w, false);
	w.core.yield_at = w.now;
	hand_over(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
}

/* For half of the wait: and what it has is known to nobody until then. */
static void
a_copy_kills_its_ensure_slave_while_the_others_still_wait_for_it(void **unused)
{
	struct world	w;

	(void)unused;
	given(&w, CORE_STATE_SLAVE);
	see(&w, CORE_LOCK_FREE, true);
	assert_int_equal(w.core.state, CORE_STATE_CANDIDATE);
	tick(&w, ELECTION / 4 - 1);
	assert_null(wanted(&w, CORE_DO_CANCEL));
	tick(&w, 1);
	assert_non_null(wanted(&w, CORE_DO_CANCEL));
	assert_non_null(wanted(&w, CORE_DO_ACQUIRE));
}

/* Whoever can stand within the wait is waited for: it may have more. */
static void
a_copy_stands_aside_only_for_longer_than_others_wait(void **unused)
{
	struct world	w;

	(void)unused;
	given_candidate(&w);
	assert_false(core_stands_aside(&w.core));
	w.core.hold_off = w.now + ELECTION / 2;
	assert_false(core_stands_aside(&w.core));
	w.core.hold_off = w.now + ELECTION / 2 + 1;
	assert_true(core_stands_aside(&w.core));
	see(&w, CORE_LOCK_FREE, false);
	assert_false(core_stands_aside(&w.core));
	see(&w, CORE_LOCK_FREE, true);
	w.core.hold_off = w.now;
	health(&w, CORE_HEALTH_BUSY);
	assert_true(core_stands_aside(&w.core));
}

static void
a_fit_slave_or_candidate_could_take_the_lock(void **unused)
{
	struct world	w;
	enum core_state	state;

	(void)unused;
	for (state = 0; state < CORE_STATES; state++) {
		given(&w, state);
		assert_int_equal(core_could_take(&w.core),
		    state == CORE_STATE_CANDIDATE || state == CORE_STATE_SLAVE);
	}
	given(&w, CORE_STATE_SLAVE);
	w.core.hold_off = w.now + 1;
	assert_false(core_could_take(&w.core));
	tick(&w, 1);
	assert_true(core_could_take(&w.core));
	w.core.config.never_master = true;
	assert_false(core_could_take(&w.core));
	w.core.config.never_master = false;
	health(&w, CORE_HEALTH_BUSY);
	assert_false(core_could_take(&w.core));
	health(&w, CORE_HEALTH_OK);
	session(&w, false);
	assert_false(core_could_take(&w.core));
}

/* The README shows a picture that was made of that file. */
static void
the_graph_is_the_one_in_the_readme(void **unused)
{
	char	 committed[16384], *text = NULL;
	size_t	 size = 0, n;
	FILE	*f = open_memstream(&text, &size);

	(void)unused;
	core_graph_print(f);
	fclose(f);
	f = fopen(SOURCE_DIR "/conf/states.dot", "r");
	assert_non_null(f);
	n = fread(committed, 1, sizeof committed - 1, f);
	committed[n] = '\0';
	fclose(f);
	assert_string_equal(text, committed);
	free(text);
}

/*
 * The guard.
 */

static void
no_master_is_made_before_the_guard_holds_the_lease(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given_candidate(&w);
	w.alone = true;
	w.now += 7;
	see(&w, CORE_LOCK_OURS, true);
	a = wanted(&w, CORE_DO_LEASE);
	assert_non_null(a);
	assert_int_equal(a->lease.until, w.now + FUSE);
	assert_int_equal(a->lease.by, w.now + FUSE + DEMOTE);
	assert_int_equal(a->lease.epoch, EPOCH);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
	tick(&w, 1000);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
	w.todo.count = 0;
	guard(&w, CORE_GUARD_HOLDS);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
an_answer_for_an_older_lease_is_none(void **state)
{
	struct core_event	ev = { .type = CORE_EV_GUARD,
				    .guard = { .what = CORE_GUARD_HOLDS } };
	struct world		w;

	(void)state;
	given_candidate(&w);
	w.alone = true;
	see(&w, CORE_LOCK_OURS, true);
	ev.guard.until = w.core.guard.until - 1;
	send(&w, &ev);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
each_proof_makes_the_lease_longer(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	w.now += 2000;
	see(&w, CORE_LOCK_OURS, true);
	a = wanted(&w, CORE_DO_LEASE);
	assert_non_null(a);
	assert_int_equal(a->lease.until, w.now + FUSE);
	tick(&w, 100);
	assert_null(wanted(&w, CORE_DO_LEASE));
}

static void
a_demotion_is_covered_from_moment_to_moment(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given(&w, CORE_STATE_DEMOTING);
	a = wanted(&w, CORE_DO_LEASE);
	assert_non_null(a);
	assert_in_range(a->lease.until - w.now, 1, 500);
	tick(&w, 100);
	a = wanted(&w, CORE_DO_LEASE);
	assert_non_null(a);
	assert_in_range(a->lease.until - w.now, 1, 500);
	assert_int_equal(a->lease.by, w.core.proof + FUSE + DEMOTE);
	answer(&w, CORE_RESULT_DONE);
	assert_non_null(wanted(&w, CORE_DO_END_LEASE));
}

static void
what_we_could_not_demote_the_guard_may(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given(&w, CORE_STATE_DEMOTING);
	w.alone = true;
	answer(&w, CORE_RESULT_FAILED);
	a = wanted(&w, CORE_DO_LEASE);
	assert_non_null(a);
	assert_true(a->lease.demote_now);
	guard(&w, CORE_GUARD_FIRED);
	/* One at a time. */
	tick(&w, 800);
	assert_null(wanted(&w, CORE_DO_CALL));
	w.todo.count = 0;
	guard(&w, CORE_GUARD_DEMOTED);
	assert_non_null(wanted(&w, CORE_DO_RELEASE));
	assert_false(w.core.unfenced);
}

static void
so_what_was_under_way_until_its_deadline(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_DEMOTING);
	w.alone = true;
	answer(&w, CORE_RESULT_AGAIN);
	assert_false(wanted(&w, CORE_DO_LEASE) != NULL &&
	    wanted(&w, CORE_DO_LEASE)->lease.demote_now);
	tick(&w, DEMOTE);
	assert_non_null(wanted(&w, CORE_DO_SAY));
	assert_true(wanted(&w, CORE_DO_LEASE)->lease.demote_now);
	assert_null(wanted(&w, CORE_DO_CALL));
}

static void
a_guard_that_does_not_answer_is_not_waited_for(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_DEMOTING);
	w.alone = true;
	answer(&w, CORE_RESULT_FAILED);
	tick(&w, 900);
	assert_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	tick(&w, 200);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
}

static void
a_master_whose_guard_has_fired_is_none_any_more(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	w.todo.count = 0;
	guard(&w, CORE_GUARD_FIRED);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
	guard(&w, CORE_GUARD_DEMOTED);
	assert_non_null(wanted(&w, CORE_DO_RELEASE));
}

static void
a_master_that_has_lost_its_guard_goes_on(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	w.alone = true;
	guard(&w, CORE_GUARD_GONE);
	tick(&w, 10000 - 1);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
}

static void
a_lease_from_before_is_gone_on_with_or_ended(void **state)
{
	struct core_config	c;
	struct world		w;

	(void)state;
	begin(&w, EPOCH);
	c = w.core.config;
	c.inherited_until_ms = w.now + 5000;
	core_init(&w.core, &c, w.now);
	w.alone = true;
	see(&w, CORE_LOCK_OURS, true);
	session(&w, true);
	health(&w, CORE_HEALTH_OK);
	/* It may have fired, and failed, before that agent came. */
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
	guard(&w, CORE_GUARD_HOLDS);
	assert_non_null(called(&w, CORE_OP_ENSURE_MASTER));

	core_init(&w.core, &c, w.now);
	see(&w, CORE_LOCK_THEIRS, false);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	answer(&w, CORE_RESULT_DONE);
	assert_non_null(wanted(&w, CORE_DO_END_LEASE));
}

static void
a_start_without_a_lease_does_not_trouble_the_guard(void **state)
{
	struct world	w;

	(void)state;
	begin(&w, 0);
	w.alone = true;
	see(&w, CORE_LOCK_THEIRS, false);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_null(wanted(&w, CORE_DO_LEASE));
	answer(&w, CORE_RESULT_FAILED);
	assert_null(wanted(&w, CORE_DO_LEASE));
}

static void
without_ensure_demoted_a_lost_lock_is_the_guards_to_fence(void **state)
{
	struct core_config	c;
	struct world		w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	c = w.core.config;
	c.can_demote = false;
	core_configure(&w.core, &c);
	w.alone = true;
	tick(&w, FUSE);
	assert_true(wanted(&w, CORE_DO_LEASE)->lease.demote_now);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_null(wanted(&w, CORE_DO_CALL));
	guard(&w, CORE_GUARD_FIRED);
	w.todo.count = 0;
	guard(&w, CORE_GUARD_FAILED);
	assert_true(w.core.unfenced);
	assert_non_null(wanted(&w, CORE_DO_SAY));
	assert_int_equal(w.core.state, CORE_STATE_FENCED);
	/* It is one again, and may be. */
	w.alone = false;
	session(&w, true);
	see(&w, CORE_LOCK_OURS, true);
	answer(&w, CORE_RESULT_DONE);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	assert_false(w.core.unfenced);
}

static void
a_guard_that_stood_before_a_promotion_must_still_answer(void **state)
{
	struct core_event	ev = { .type = CORE_EV_GUARD,
				    .guard = { .what = CORE_GUARD_HOLDS } };
	struct world		w;

	(void)state;
	given_candidate(&w);
	w.alone = true;
	send(&w, &ev);			/* a new guard says that it holds none */
	see(&w, CORE_LOCK_OURS, true);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
}

static void
after_the_guard_has_fired_the_session_goes(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	guard(&w, CORE_GUARD_FIRED);
	w.todo.count = 0;
	guard(&w, CORE_GUARD_DEMOTED);
	w.alone = true;
	released(&w, true);
	/* The guard's own release of it may come late. */
	a = wanted(&w, CORE_DO_WANT_SESSION);
	assert_non_null(a);
	assert_false(a->session.wanted);
}

static void
a_guard_that_fired_when_we_had_just_demoted_costs_the_session_too(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_FENCED);
	w.todo.count = 0;
	guard(&w, CORE_GUARD_FIRED);
	assert_false(wanted(&w, CORE_DO_WANT_SESSION)->session.wanted);
}

static void
a_new_guard_is_asked_again(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_DEMOTING);
	w.alone = true;
	answer(&w, CORE_RESULT_FAILED);
	assert_true(wanted(&w, CORE_DO_LEASE)->lease.demote_now);
	guard(&w, CORE_GUARD_GONE);
	tick(&w, 100);
	guard(&w, CORE_GUARD_HOLDS);
	tick(&w, 500);			/* it calls by itself meanwhile, */
	answer(&w, CORE_RESULT_FAILED);	/* and fails */
	assert_true(wanted(&w, CORE_DO_LEASE)->lease.demote_now);
}

static void
a_start_beside_a_guard_that_fires_demotes_at_once(void **state)
{
	struct core_config	c;
	struct world		w;

	(void)state;
	begin(&w, EPOCH);
	c = w.core.config;
	c.inherited_until_ms = w.now + 5000;
	core_init(&w.core, &c, w.now);
	w.alone = true;
	w.todo.count = 0;
	guard(&w, CORE_GUARD_FIRED);
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
}

static void
a_call_of_ensure_master_has_the_end_of_the_lease_on_it(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_PROMOTING);
	assert_int_equal(called(&w, CORE_OP_ENSURE_MASTER)->call.not_after,
	    w.core.guard.until);
	assert_int_equal(w.core.guard.until, w.now + FUSE);
}

/* An agent that stood still after a proof, before it could tell the guard: that
 * has demoted the copy meanwhile, by the lease that it knew. */
static void
a_lease_that_the_guard_has_not_heard_of_lets_nothing_be_made_master(void **state)
{
	struct world	w;
	int64_t		held;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	held = w.core.guard.until;
	w.alone = true;
	w.core.call_at = w.now;
	tick(&w, FUSE - 100);
	assert_int_equal(called(&w, CORE_OP_ENSURE_MASTER)->call.not_after,
	    held);
	answer(&w, CORE_RESULT_FAILED);
	see(&w, CORE_LOCK_OURS, true);
	tick(&w, 1000);
	assert_int_equal(w.core.state, CORE_STATE_MASTER);
	assert_null(called(&w, CORE_OP_ENSURE_MASTER));
	guard(&w, CORE_GUARD_HOLDS);
	assert_int_equal(called(&w, CORE_OP_ENSURE_MASTER)->call.not_after,
	    w.core.guard.until);
}

static void
a_copy_that_is_not_made_master_in_time_leaves_the_lock_to_others(void **state)
{
	struct world	w;
	int64_t		i;

	(void)state;
	given(&w, CORE_STATE_PROMOTING);
	answer(&w, CORE_RESULT_AGAIN);
	for (i = 0; i < PROMOTE && w.core.state == CORE_STATE_PROMOTING;
	    i += 1000) {
		tick(&w, 1000);
		see(&w, CORE_LOCK_OURS, true);
	}
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_int_equal(w.core.hold_off, w.now + 10000);
}

/*
 * What is always true: each part of it, broken by hand.
 */

static void
assert_untrue(const struct world *w, const char *what)
{
	const char	*found = core_check(&w->core);

	assert_non_null(found);
	assert_string_equal(found, what);
}

static void
it_is_seen_what_is_not_true_of_a_master(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_SLAVE);
	w.core.maybe_master = true;
	assert_untrue(&w,
	    "a copy that may be a master is in a state that demotes it");
	given(&w, CORE_STATE_MASTER);
	w.core.maybe_master = false;
	assert_untrue(&w, "a master is known to be one");
	given(&w, CORE_STATE_MASTER);
	w.core.session.state = CORE_SESSION_WANTED;
	assert_untrue(&w, "a master has the lock and a session");
	given(&w, CORE_STATE_MASTER);
	w.core.proof = w.now - FUSE;
	assert_untrue(&w, "a master has a proof that is not too old");
	given(&w, CORE_STATE_MASTER);
	w.core.guard.until++;
	assert_untrue(&w, "a master's lease ends with its fuse");
	given(&w, CORE_STATE_MASTER);
	w.core.epoch++;
	assert_untrue(&w, "a master's epoch is that of the lock");
	given(&w, CORE_STATE_MASTER);
	w.core.grace_until = w.now + 1;
	assert_untrue(&w, "no other copy can be a master beside it");
	given(&w, CORE_STATE_SLAVE);
	w.core.op = CORE_OP_ENSURE_MASTER;
	assert_untrue(&w, "ensure_master runs for a master only");
	given(&w, CORE_STATE_MASTER);
	w.core.disabled = true;
	assert_untrue(&w, "nothing speaks against a master");
	given(&w, CORE_STATE_SLAVE);
	strcpy(w.core.tag, "master");
	assert_untrue(&w, "only a master has the tag of one");
	given(&w, CORE_STATE_SLAVE);
	w.core.guard.until = 1;
	assert_untrue(&w, "a lease is for a copy that may be a master");
	given(&w, CORE_STATE_SLAVE);
	w.core.guard.held = 1;
	assert_untrue(&w, "the guard holds only a lease that was set");
	given(&w, CORE_STATE_SLAVE);
	w.core.guard.state = CORE_LEASE_ENDED;
	assert_untrue(&w, "nothing is left of a lease that is over");
}

static void
it_is_seen_what_is_left_over(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.step = CORE_DEMOTION_RELEASING;
	assert_untrue(&w, "the lock is released after a demotion");
	given(&w, CORE_STATE_DEMOTING);
	w.core.demotion.step = CORE_DEMOTION_RELEASING;
	assert_untrue(&w, "the lock is released after a demotion");
	given(&w, CORE_STATE_DEMOTING);
	w.core.stop = w.core.demotion.late = true;
	assert_untrue(&w, "a demotion ends when it is over");
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.late = true;
	assert_untrue(&w, "what is late is a demotion");
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.proof_lost = true;
	assert_untrue(&w, "what has lost its proof is a demotion");
	given(&w, CORE_STATE_SLAVE);
	w.core.guard.fired = true;
	assert_untrue(&w, "what the guard fires at is a demotion");
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.was_master = true;
	assert_untrue(&w, "a copy that was a master is one or is demoted");
	given(&w, CORE_STATE_MASTER);
	w.core.unfenced = true;
	assert_untrue(&w, "a master is not reported as unfenced");
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.position_told = true;
	assert_untrue(&w, "a position was asked for");
	given(&w, CORE_STATE_SLAVE);
	w.core.demotion.step = CORE_DEMOTION_BEGUN;
	assert_untrue(&w, "a demotion is at a step");
	given(&w, CORE_STATE_SLAVE);
	w.core.op = CORE_OP_POSITION;
	assert_untrue(&w, "a position is asked for in a demotion");
	given(&w, CORE_STATE_SLAVE);
	w.core.busy_too_long = true;
	assert_untrue(&w, "what is busy for too long is busy");
	given(&w, CORE_STATE_SLAVE);
	w.core.electing = true;
	assert_untrue(&w,
	    "an election is held by a candidate for a free lock");
	given(&w, CORE_STATE_SLAVE);
	w.core.session.state = CORE_SESSION_ACQUIRES;
	assert_untrue(&w, "a lock that is held is not tried for");
	given(&w, CORE_STATE_SLAVE);
	w.core.session.drop = true;
	assert_untrue(&w, "a session is dropped at once");
}

static void
it_is_seen_what_the_operator_does_not_want(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_SLAVE);
	w.core.stop = true;
	assert_untrue(&w, "an agent that must stop does so");
	given(&w, CORE_STATE_STOPPING);
	w.core.stop = false;
	assert_untrue(&w, "an agent stops only if it must");
	given(&w, CORE_STATE_SLAVE);
	w.core.disabled = true;
	assert_untrue(&w, "a disabled copy is left alone");
}

static void
a_master_of_which_something_is_not_true_says_so_once_and_stops(void **state)
{
	const struct core_action	*a;
	struct world			 w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	w.broken = true;
	w.core.unfenced = true;
	tick(&w, 0);
	a = wanted(&w, CORE_DO_SAY);
	assert_non_null(a);
	assert_non_null(strstr(a->say.text,
	    "In state master it is not true that a master is not reported"));
	assert_int_equal(w.core.state, CORE_STATE_DEMOTING);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	w.core.demotion.position_told = true;
	answer(&w, CORE_RESULT_DONE);
	assert_null(wanted(&w, CORE_DO_SAY));
	assert_non_null(wanted(&w, CORE_DO_RELEASE));
	released(&w, true);
	assert_int_equal(w.core.state, CORE_STATE_STOPPING);
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
}

static void
nor_is_it_relied_on_that_the_copy_is_no_master(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_MASTER);
	w.broken = true;
	w.core.maybe_master = w.core.made_master = false;
	tick(&w, 0);
	assert_non_null(called(&w, CORE_OP_ENSURE_DEMOTED));
	assert_null(wanted(&w, CORE_DO_RELEASE));
}

static void
a_slave_of_which_something_is_not_true_stops(void **state)
{
	struct world	w;

	(void)state;
	given(&w, CORE_STATE_SLAVE);
	w.broken = true;
	w.core.demotion.position_told = true;
	tick(&w, 0);
	assert_non_null(wanted(&w, CORE_DO_SAY));
	assert_int_equal(w.core.state, CORE_STATE_STOPPING);
	assert_true(wanted(&w, CORE_DO_LEAVE)->leave.demoted);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(every_state_answers_every_event),
		cmocka_unit_test(
		    no_sequence_of_events_promotes_without_a_fresh_proof),
		cmocka_unit_test(
		    a_start_demotes_first_because_the_copy_may_be_a_master),
		cmocka_unit_test(
		    a_start_without_consul_demotes_after_one_request_time_out),
		cmocka_unit_test(
		    a_restarted_agent_goes_on_as_master_without_demotion),
		cmocka_unit_test(
		    a_restarted_agent_that_is_never_master_now_gives_the_lock_back),
		cmocka_unit_test(
		    a_restarted_agent_of_another_epoch_demotes_and_waits),
		cmocka_unit_test(
		    a_lock_given_back_in_good_order_is_taken_at_once),
		cmocka_unit_test(
		    a_lock_found_free_otherwise_waits_until_its_master_must_be_demoted),
		cmocka_unit_test(
		    a_missing_key_is_made_at_once_and_its_maker_waits),
		cmocka_unit_test(
		    an_acquire_names_the_free_lock_that_it_was_decided_upon),
		cmocka_unit_test(
		    a_key_asked_for_while_it_was_missing_waits_whatever_is_seen_meanwhile),
		cmocka_unit_test(a_missing_key_that_was_refused_is_forgotten),
		cmocka_unit_test(
		    a_free_lock_is_taken_when_the_election_says_so),
		cmocka_unit_test(
		    a_copy_that_must_not_take_the_lock_asks_again_later),
		cmocka_unit_test(
		    an_election_ends_when_somebody_takes_the_lock_or_we_may_not),
		cmocka_unit_test(
		    what_an_election_has_shown_is_old_after_3_s),
		cmocka_unit_test(
		    a_decision_that_is_void_is_made_anew_before_the_next_try),
		cmocka_unit_test(
		    a_lock_that_comes_when_this_copy_must_not_have_it_is_given_back),
		cmocka_unit_test(
		    a_lock_that_comes_after_another_node_has_had_it_is_kept),
		cmocka_unit_test(
		    a_slave_that_is_never_master_gives_the_lock_back),
		cmocka_unit_test(a_lock_that_comes_late_is_kept),
		cmocka_unit_test(a_master_keeps_the_lock_that_it_was_to_have),
		cmocka_unit_test(
		    a_copy_that_is_never_master_never_tries_for_the_lock),
		cmocka_unit_test(
		    a_demoted_copy_tells_how_far_it_has_got_before_the_lock_is_given_back),
		cmocka_unit_test(
		    a_copy_that_still_stops_is_asked_again_how_far_it_has_got),
		cmocka_unit_test(
	    a_demotion_that_ends_ends_the_question_how_far_the_copy_has_got),
		cmocka_unit_test(only_a_copy_that_was_master_has_all_there_is),
		cmocka_unit_test(
		    an_election_begins_anew_when_the_free_lock_is_another_one),
		cmocka_unit_test(
		    a_new_master_waits_for_what_was_left_for_a_bounded_time),
		cmocka_unit_test(
		    seeing_the_same_freedom_again_does_not_prolong_the_wait),
		cmocka_unit_test(
		    a_process_that_stood_still_looks_again_before_it_acquires),
		cmocka_unit_test(
		    a_refused_acquire_is_tried_again_after_a_pause),
		cmocka_unit_test(
		    an_acquire_that_consul_denies_is_tried_again_after_a_longer_pause),
		cmocka_unit_test(
		    a_lock_that_is_ours_unasked_waits_however_late_consul_tells),
		cmocka_unit_test(
		    a_stop_destroys_the_session_once_and_in_leaving_only),
		cmocka_unit_test(
		    a_session_that_is_gone_is_the_reason_that_is_told),
		cmocka_unit_test(no_demotion_is_begun_that_has_no_time_left),
		cmocka_unit_test(a_held_lock_is_never_acquired),
		cmocka_unit_test(
		    the_tag_is_master_after_ensure_master_not_before),
		cmocka_unit_test(
		    the_tag_is_slave_after_ensure_slave_and_goes_when_it_fails),
		cmocka_unit_test(
		    stepping_down_is_demotion_then_release_then_tag),
		cmocka_unit_test(
		    a_disabled_master_demotes_and_gives_the_lock_up),
		cmocka_unit_test(
		    what_was_read_before_the_release_does_not_give_the_lock_back),
		cmocka_unit_test(
		    an_ensure_master_under_way_is_killed_before_the_demotion),
		cmocka_unit_test(the_answer_of_a_cancelled_call_means_nothing),
		cmocka_unit_test(
		    who_makes_a_missing_key_waits_for_who_may_have_had_it),
		cmocka_unit_test(
	the_tag_goes_when_ensure_slave_says_again_for_longer_than_a_failover),
		cmocka_unit_test(
		a_lock_that_is_free_at_the_start_says_that_somebody_has_had_it),
		cmocka_unit_test(the_first_copy_of_all_is_taken_over_as_it_is),
		cmocka_unit_test(it_is_demoted_if_it_is_not_alone),
		cmocka_unit_test(it_is_demoted_if_it_was_master_for_us_before),
		cmocka_unit_test(
		it_is_demoted_if_another_one_may_have_had_the_lock_meanwhile),
		cmocka_unit_test(it_is_demoted_if_another_one_is_faster),
		cmocka_unit_test(
	it_is_left_as_it_is_while_it_is_not_well_or_the_lock_can_not_be_had),
		cmocka_unit_test(
		    it_is_left_as_it_is_by_a_stop_but_not_by_the_disable_file),
		cmocka_unit_test(
		    it_is_demoted_if_nothing_is_heard_for_as_long_as_the_fuse),
		cmocka_unit_test(
		while_there_is_no_key_the_plugin_has_time_for_its_first_verdict),
		cmocka_unit_test(
	a_copy_kills_its_ensure_slave_while_the_others_still_wait_for_it),
		cmocka_unit_test(a_release_without_an_answer_drops_the_session),
		cmocka_unit_test(
		    a_copy_that_we_have_not_made_master_is_not_said_to_be_one),
		cmocka_unit_test(a_demotion_that_is_late_is_said_and_leaves_the_lock_to_the_lock_delay),
		cmocka_unit_test(a_stop_whose_demotion_fails_ends_and_says_so),
		cmocka_unit_test(
		    a_stop_in_good_order_demotes_releases_and_leaves),
		cmocka_unit_test(an_old_proof_fences_at_the_very_millisecond),
		cmocka_unit_test(
		    a_fenced_node_whose_lock_lasted_goes_on_as_master),
		cmocka_unit_test(a_promotion_that_outlasts_its_proof_is_undone),
		cmocka_unit_test(
		    three_failures_of_ensure_master_give_the_lock_to_others_for_a_while),
		cmocka_unit_test(
		    a_busy_master_keeps_the_lock_for_a_bounded_time),
		cmocka_unit_test(a_busy_candidate_leaves_a_free_lock_to_others),
		cmocka_unit_test(
		    a_new_master_is_followed_at_once_and_the_old_call_killed),
		cmocka_unit_test(
		    an_ensure_slave_under_way_delays_the_acquire_by_half_a_second_at_most),
		cmocka_unit_test(
		    an_overwritten_key_raises_the_epoch_of_its_master),
		cmocka_unit_test(an_unhealthy_copy_is_kept_a_slave_too),
		cmocka_unit_test(
		    a_plugin_without_ensure_demoted_steps_down_at_once),
		cmocka_unit_test(a_master_that_yields_and_gets_it_back_keeps_it_for_a_while),
		cmocka_unit_test(a_copy_stands_aside_only_for_longer_than_others_wait),
		cmocka_unit_test(a_fit_slave_or_candidate_could_take_the_lock),
		cmocka_unit_test(the_graph_is_the_one_in_the_readme),
		cmocka_unit_test(
		    a_guard_that_stood_before_a_promotion_must_still_answer),
		cmocka_unit_test(
		    after_the_guard_has_fired_the_session_goes),
		cmocka_unit_test(
		    a_guard_that_fired_when_we_had_just_demoted_costs_the_session_too),
		cmocka_unit_test(
		    a_new_guard_is_asked_again),
		cmocka_unit_test(
		    a_start_beside_a_guard_that_fires_demotes_at_once),
		cmocka_unit_test(
		    a_call_of_ensure_master_has_the_end_of_the_lease_on_it),
		cmocka_unit_test(
		    a_lease_that_the_guard_has_not_heard_of_lets_nothing_be_made_master),
		cmocka_unit_test(
		    a_copy_that_is_not_made_master_in_time_leaves_the_lock_to_others),
		cmocka_unit_test(
		    no_master_is_made_before_the_guard_holds_the_lease),
		cmocka_unit_test(
		    an_answer_for_an_older_lease_is_none),
		cmocka_unit_test(
		    each_proof_makes_the_lease_longer),
		cmocka_unit_test(
		    a_demotion_is_covered_from_moment_to_moment),
		cmocka_unit_test(
		    what_we_could_not_demote_the_guard_may),
		cmocka_unit_test(so_what_was_under_way_until_its_deadline),
		cmocka_unit_test(
		    a_guard_that_does_not_answer_is_not_waited_for),
		cmocka_unit_test(
		    a_master_whose_guard_has_fired_is_none_any_more),
		cmocka_unit_test(
		    a_master_that_has_lost_its_guard_goes_on),
		cmocka_unit_test(
		    a_lease_from_before_is_gone_on_with_or_ended),
		cmocka_unit_test(
		    a_start_without_a_lease_does_not_trouble_the_guard),
		cmocka_unit_test(
		    without_ensure_demoted_a_lost_lock_is_the_guards_to_fence),
		cmocka_unit_test(it_is_seen_what_is_not_true_of_a_master),
		cmocka_unit_test(it_is_seen_what_is_left_over),
		cmocka_unit_test(it_is_seen_what_the_operator_does_not_want),
		cmocka_unit_test(
	    a_master_of_which_something_is_not_true_says_so_once_and_stops),
		cmocka_unit_test(
		    nor_is_it_relied_on_that_the_copy_is_no_master),
		cmocka_unit_test(a_slave_of_which_something_is_not_true_stops),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}

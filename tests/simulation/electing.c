/*
 * electing.c - what elector.c does about an election: the daemon's own
 * election.c is asked for the next step, candidates.c keeps the records in the
 * model's Consul, and the plugin answers from the health handler, one call at a
 * time.
 */

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "candidates.h"

/* For the bugs only: the records as a node takes them to be. */
#define RECORDS_MAX	64
static struct election_record	taken[NODES_MAX][RECORDS_MAX];
static const char		*const nobody[] = { NULL };

static void
election_rings(struct node *n, void *arg, int64_t unused);

static void
election_in(struct node *n, int64_t delay)
{
	n->election_stamp++;
	world_in(delay, OF_AGENT, n, election_rings, NULL, 0,
	    &n->election_stamp);
}

void
electing_soon(struct node *n)
{
	if (election_runs(n->election))
		election_in(n, 1);
}

/*
 * The plugin's answers.
 */

static enum election_answer
plugin_answers(struct node *n, char *text, size_t size)
{
	switch (n->asked_step) {
	case ELECTION_POSITION_OF_OURS:
		copy_position(n, text, size);
		return ELECTION_YES;
	case ELECTION_COMPARE:
		return copy_has_position(n, n->asked_text) ? ELECTION_YES :
		    ELECTION_NO;
	default:
		return ELECTION_CAN_NOT_TELL;
	}
}

static void
election_answered(struct node *n, void *arg, int64_t result)
{
	char			 text[ELECTION_POSITION] = "";
	enum election_answer	 answer = ELECTION_CAN_NOT_TELL;

	(void)arg;
	if (result == CORE_RESULT_DONE)
		answer = plugin_answers(n, text, sizeof text);
	else if (result == CORE_RESULT_FAILED)
		answer = ELECTION_NO;
	n->health_busy = false;
	if (n->health_again)
		agent_health_soon(n);
	if (n->asked_round == n->election_round)
		election_answer(n->election, answer, text);
	electing_soon(n);
}

/* If the handler is busy it is tried again when it is not. */
static void
election_ask(struct node *n)
{
	enum core_result	result;
	int64_t			takes;

	if (n->question.type == ELECTION_NOTHING || n->health_busy)
		return;
	n->health_busy = true;
	n->asked_round = n->election_round;
	n->asked_step = n->question.type;
	snprintf(n->asked_text, sizeof n->asked_text, "%s",
	    n->question.text == NULL ? "" : n->question.text);
	n->question.type = ELECTION_NOTHING;
	n->questions++;
	say(n, "election: asks its plugin for %s%s", n->asked_step ==
	    ELECTION_COMPARE ? "has_position " : "position", n->asked_text);
	takes = node_call_chance(n, CORE_OP_POSITION, &result);
	if (takes < 0 || takes >= n->config.election_wait) {
		takes = n->config.election_wait;
		result = CORE_RESULT_AGAIN;
	}
	world_in(node_delay(n, takes), OF_AGENT, n, election_answered, NULL,
	    result, &n->life);
}

/*
 * The records.
 */

static const struct election_record *
plant_bug(struct node *n, const struct election_record *r, size_t count)
{
	struct election_record	*mine = taken[n->id];
	size_t			 i;

	if (count > RECORDS_MAX || (world.bug != BUG_OLD_RECORDS &&
	    world.bug != BUG_YIELDS_IGNORED && world.bug != BUG_DEAD_RECORD))
		return r;
	for (i = 0; i < count; i++) {
		mine[i] = r[i];
		if (world.bug == BUG_OLD_RECORDS && r[i].epoch != UINT64_MAX)
			mine[i].epoch = n->election_epoch;
		if (world.bug == BUG_YIELDS_IGNORED)
			mine[i].yields = nobody;
		if (world.bug == BUG_DEAD_RECORD)
			mine[i].alive = true;
	}
	return mine;
}

static void
records_changed(void *arg)
{
	const struct core_event		 changed = {
		.type = CORE_EV_ELECTION_VOID };
	struct node			*n = arg;
	const struct election_record	*records;
	size_t				 count;

	records = candidates_records(n->candidates, &count);
	election_records(n->election, plant_bug(n, records, count), count,
	    candidates_are_current(n->candidates));
	if (election_is_void(n->election) && world.bug != BUG_DECISION_HOLDS)
		agent_event(n, &changed);
	electing_soon(n);
}

static void
records_trouble(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

static const struct candidates_events candidates_events = {
	.changed = records_changed,
	.trouble = records_trouble,
};

/*
 * The election.
 */

static void
elected(struct node *n, bool yes)
{
	struct core_event	ev = { .type = CORE_EV_ELECTED,
				    .elected = { .take = yes } };

	say(n, "election: %s%s%s", yes ? "it shall take the lock" :
	    "it must not", election_reason(n->election)[0] == '\0' ? "" :
	    ", although ", election_reason(n->election));
	if (world.bug == BUG_COMPARED_EARLY && !n->core.electing) {
		n->early_ready = true;
		return;
	}
	copy_elected(n);
	agent_event(n, &ev);
}

static void
election_rings(struct node *n, void *arg, int64_t unused)
{
	struct election_step	s;

	(void)arg;
	(void)unused;
	if (!election_runs(n->election))
		return;
	s = election_next(n->election, node_clock(n));
	switch (s.type) {
	case ELECTION_POSITION_OF_OURS:
	case ELECTION_COMPARE:
	case ELECTION_MEASURE:
		n->question = s;
		__attribute__((fallthrough));
	case ELECTION_NOTHING:
		election_ask(n);
		election_in(n, node_delay(n, s.at - node_clock(n) + 1));
		break;
	case ELECTION_PUBLISH:
		candidates_publish(n->candidates, n->election_epoch, s.text,
		    s.yields);
		election_in(n, 1);
		break;
	case ELECTION_TAKE:
	case ELECTION_REFUSE:
		elected(n, s.type == ELECTION_TAKE);
		break;
	}
}

void
stand_aside(struct node *n)
{
	static const char *const	anybody[] = { "*", NULL };
	const struct core		*c = &n->core;

	if (c->lock.epoch == n->aside_epoch || !(core_stands_aside(c) ||
	    (world.bug == BUG_ASIDE_EARLY && c->state == CORE_STATE_CANDIDATE &&
	    !c->lock.clean)))
		return;
	n->aside_epoch = c->lock.epoch;
	candidates_publish(n->candidates, c->lock.epoch, "", anybody);
}

static void
elects_blindly(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	elected(n, true);
}

static void
election_starts(struct node *n)
{
	const struct lock_before	*b = lock_before(n->lock);
	char				 last[ELECTION_ID];

	n->election_epoch = n->core.lock.epoch;
	candidates_refresh(n->candidates);
	candidates_make_id(last, b->node, b->service_id);
	if (!n->core.lock.clean || b->passed_on)
		last[0] = '\0';
	say(n, "election: it begins");
	election_begin(n->election, n->core.lock.epoch, last, b->final ?
	    b->position : "", b->position, node_clock(n));
	records_changed(n);
}

/* For the bug only: as soon as the lock is seen free. */
void
elect_early(struct node *n)
{
	if (n->early_epoch == n->core.lock.epoch || n->core.electing ||
	    n->core.lock.owner != CORE_LOCK_FREE || n->core.lock.clean)
		return;
	n->early_epoch = n->core.lock.epoch;
	n->early_ready = false;
	n->election_round++;
	election_starts(n);
}

static bool
elected_early(const struct node *n)
{
	return world.bug == BUG_COMPARED_EARLY && n->early_ready &&
	    n->early_epoch == n->core.lock.epoch;
}

void
elect(struct node *n, bool yes)
{
	n->election_stamp++;
	n->election_round++;
	n->question.type = ELECTION_NOTHING;
	election_end(n->election);
	if (!yes)
		return;
	copy_election_begins(n);
	if (world.bug == BUG_UNCOMPARED || elected_early(n))
		world_in(1, OF_AGENT, n, elects_blindly, NULL, 0,
		    &n->election_stamp);
	else
		election_starts(n);
}

bool
electing_identify(struct node *n)
{
	candidates_make_id(n->election_config.id, n->name,
	    n->config.service_id);
	return candidates_identify(n->candidates, n->name,
	    n->election_config.compares, n->election_config.priority);
}

void
electing_rank(struct node *n)
{
	n->election_config.priority = n->yielding ? 0 : n->config.priority;
	if (!n->identified || !electing_identify(n))
		return;
	election_say_again(n->election);
	electing_soon(n);
	n->aside_epoch = 0;
	if (n->core.lock.owner == CORE_LOCK_FREE)
		stand_aside(n);
}

void
electing_start(struct node *n)
{
	n->election_config = (struct election_config){
		.wait_ms = n->config.election_wait,
		.priority = n->config.priority,
		.max_behind = -1,
		.compares = world.tells,
	};
	n->health_busy = n->health_again = n->early_ready = false;
	n->aside_epoch = 0;
	n->question.type = ELECTION_NOTHING;
	n->election = election_new(&n->election_config);
	n->candidates = candidates_new(&n->base, &n->consul, &n->config,
	    &candidates_events, n);
	if (n->candidates == NULL)
		abort();
}

void
electing_end(struct node *n)
{
	n->election_stamp++;
	candidates_free(n->candidates);
	election_free(n->election);
	n->candidates = NULL;
	n->election = NULL;
}

/* elector.c - runs the elections: takes the steps that election.c asks for. */

#include "elector.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "must.h"
#include "timer.h"

struct elector {
	struct election			*election;
	struct election_config		 config;
	struct candidates		*candidates;
	const struct core		*core;
	const struct elector_events	*events;
	void				*arg;

	struct event			*timer;
	/* Not asked yet; or NOTHING. */
	struct election_step		 question;
	uint32_t			 round, asked_round;
	/* Of the lock that is not wanted. */
	uint64_t			 aside_epoch;
};

void
elector_soon(struct elector *e)
{
	if (election_runs(e->election))
		timer_in(e->timer, 0);
}

void
elector_answer(struct elector *e, enum election_answer answer, const char *text)
{
	elector_soon(e);
	if (e->asked_round != e->round)
		return;		/* of an election that is over */
	if (answer == ELECTION_CAN_NOT_TELL)
		log_warning("Comparing the copies: %s", text);
	election_answer(e->election, answer, text);
}

/* If the plugin is busy it is tried again when it is not. */
static void
elector_ask(struct elector *e)
{
	if (e->question.type == ELECTION_NOTHING ||
	    !e->events->ask(&e->question, e->arg))
		return;
	e->asked_round = e->round;
	e->question.type = ELECTION_NOTHING;
}

static void
elector_timer(evutil_socket_t fd, short what, void *arg)
{
	struct elector		*e = arg;
	struct election_step	 s;

	(void)fd;
	(void)what;
	if (!election_runs(e->election))
		return;
	s = election_next(e->election, clock_ms());
	switch (s.type) {
	case ELECTION_POSITION_OF_OURS:
	case ELECTION_COMPARE:
	case ELECTION_MEASURE:
		/* What the plugin still answers was asked before. */
		e->round++;
		e->question = s;
		__attribute__((fallthrough));
	case ELECTION_NOTHING:
		elector_ask(e);
		timer_in(e->timer, s.at - clock_ms() + 1);
		break;
	case ELECTION_PUBLISH:
		candidates_publish(e->candidates, e->core->lock.epoch, s.text,
		    s.yields);
		timer_in(e->timer, 0);
		break;
	case ELECTION_TAKE:
	case ELECTION_REFUSE:
		e->events->elected(&s, e->arg);
		break;
	}
}

static void
elector_records_changed(void *arg)
{
	struct elector			*e = arg;
	const struct election_record	*records;
	size_t				 count;

	records = candidates_records(e->candidates, &count);
	election_records(e->election, records, count,
	    candidates_are_current(e->candidates));
	if (election_is_void(e->election))
		e->events->voided(e->arg);
	elector_soon(e);
	e->events->records(e->arg);
}

void
elector_stand_aside(struct elector *e)
{
	static const char *const	anybody[] = { "*", NULL };
	const struct core		*c = e->core;

	if (c->lock.epoch == e->aside_epoch || !core_stands_aside(c))
		return;
	e->aside_epoch = c->lock.epoch;
	candidates_publish(e->candidates, c->lock.epoch, "", anybody);
}

void
elector_elect(struct elector *e, bool begin, const struct lock_before *b)
{
	char	last[ELECTION_ID];

	e->round++;
	e->question.type = ELECTION_NOTHING;
	if (!begin) {
		election_end(e->election);
		return;
	}
	candidates_refresh(e->candidates);
	candidates_make_id(last, b->node, b->service_id);
	/* Only of his own will he does not want it any more. */
	if (!e->core->lock.clean || b->passed_on)
		last[0] = '\0';
	election_begin(e->election, e->core->lock.epoch, last, b->position,
	    b->final, candidates_master(e->candidates), clock_ms());
	elector_records_changed(e);
}

void
elector_rank(struct elector *e, const struct election_config *c,
    const char *node)
{
	e->config = *c;
	if (node[0] == '\0' || !candidates_identify(e->candidates, node,
	    e->config.compares, e->config.priority))
		return;
	/* What the record said of a free lock is gone from it, or of before. */
	election_say_again(e->election);
	elector_soon(e);
	e->aside_epoch = 0;
	if (e->core->lock.owner == CORE_LOCK_FREE)
		elector_stand_aside(e);
}

static void
elector_trouble(const char *text, void *arg)
{
	struct elector	*e = arg;

	e->events->trouble(text, e->arg);
}

static const struct candidates_events candidates_events = {
	.changed = elector_records_changed,
	.trouble = elector_trouble,
};

struct elector *
elector_new(struct event_base *base, struct consul *consul,
    const struct config *config, const struct election_config *ours,
    const struct core *core, const struct elector_events *events, void *arg)
{
	struct elector	*e = must_zeroed(1, sizeof *e);

	e->config = *ours;
	e->core = core;
	e->events = events;
	e->arg = arg;
	e->timer = timer_new(base, elector_timer, e);
	e->election = election_new(&e->config);
	e->candidates = candidates_new(base, consul, config,
	    &candidates_events, e);
	return e;
}

void
elector_free(struct elector *e)
{
	if (e == NULL)
		return;
	candidates_free(e->candidates);
	election_free(e->election);
	if (e->timer != NULL)
		event_free(e->timer);
	free(e);
}

bool
elector_runs(const struct elector *e)
{
	return election_runs(e->election);
}

const char *
elector_reason(const struct elector *e)
{
	return election_reason(e->election);
}

struct candidates *
elector_candidates(struct elector *e)
{
	return e->candidates;
}

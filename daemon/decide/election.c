/* election.c - which of the copies takes a free lock. */

#include "election.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"

/* What our plugin has said of another copy's position. */
struct verdict {
	char			*position;
	enum election_answer	 answer;
};

#define KNOWN	2

struct election {
	const struct election_config	*config;
	bool				 running;
	/* Who has said nothing is waited for until then; then, until the end,
	 * who has said that it has more: or whoever begins a moment earlier
	 * would go before it, as soon as a third one is silent. */
	int64_t				 silent_until, until;
	bool				 heard;		/* that is over */

	uint64_t			 epoch;
	char				*last_holder;
	char				*left;
	/* Positions not to lack much of, in this order, or "". */
	char				*known[KNOWN];

	const struct election_record	*records;
	size_t				 count;
	bool				 current;	/* those are all */

	enum election_step_type		 asked;		/* NOTHING: no question */
	char				*subject;	/* what it is about */
	bool				 ours_asked;
	char				*ours;		/* "" : can't be told */
	char				**yields;	/* as published, or NULL */
	size_t				yielded;	/* the most of them so far */
	struct verdict			*verdicts;
	size_t				 verdict_count;
	uint64_t			*decided;	/* upon what was said */
	size_t				 decided_count;
	bool				 taken;
	size_t				 measured;	/* how many of those */
	int64_t				 behind;	/* -1: can't be told */
	char				 reason[512];
};

static void
set(char **field, const char *text)
{
	char	*copy = text == NULL ? NULL : must_copy(text);

	free(*field);
	*field = copy;
}

static void
forget_list(char **list)
{
	size_t	 i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static void
forget_verdicts(struct election *e)
{
	while (e->verdict_count > 0)
		free(e->verdicts[--e->verdict_count].position);
	free(e->verdicts);
	e->verdicts = NULL;
}

struct election *
election_new(const struct election_config *config)
{
	struct election	*e = must_zeroed(1, sizeof *e);

	e->config = config;
	return e;
}

void
election_free(struct election *e)
{
	if (e == NULL)
		return;
	election_end(e);
	free(e);
}

void
election_begin(struct election *e, uint64_t epoch, const char *last_holder,
    const char *left, bool final, const char *told, int64_t now)
{
	election_end(e);
	e->running = true;
	e->until = now + e->config->wait_ms;
	e->silent_until = now + e->config->wait_ms / 2;
	e->heard = false;
	e->epoch = epoch;
	set(&e->last_holder, last_holder);
	set(&e->left, final ? left : "");
	set(&e->known[0], left);
	set(&e->known[1], final ? "" : told);
	set(&e->ours, "");
	e->reason[0] = '\0';
}

void
election_end(struct election *e)
{
	e->running = e->ours_asked = e->taken = false;
	e->measured = 0;
	e->yielded = 0;
	e->asked = ELECTION_NOTHING;
	e->records = NULL;
	e->count = 0;
	set(&e->last_holder, NULL);
	set(&e->left, NULL);
	set(&e->known[0], NULL);
	set(&e->known[1], NULL);
	set(&e->subject, NULL);
	set(&e->ours, NULL);
	forget_list(e->yields);
	e->yields = NULL;
	forget_verdicts(e);
	free(e->decided);
	e->decided = NULL;
}

bool
election_runs(const struct election *e)
{
	return e->running;
}

void
election_records(struct election *e, const struct election_record *records,
    size_t count, bool current)
{
	e->records = records;
	e->count = count;
	e->current = current;
}

const char *
election_reason(const struct election *e)
{
	return e->reason;
}

/*
 * Questions to the plugin.
 */

static struct election_step
ask(struct election *e, enum election_step_type type, const char *text)
{
	e->asked = type;
	set(&e->subject, text);
	return (struct election_step){ .type = type, .at = e->until,
	    .text = e->subject };
}

void
election_answer(struct election *e, enum election_answer answer,
    const char *text)
{
	switch (e->asked) {
	case ELECTION_POSITION_OF_OURS:
		e->ours_asked = true;
		set(&e->ours, answer == ELECTION_YES ? text : "");
		break;
	case ELECTION_COMPARE:
		e->verdicts = must_grow(e->verdicts,
		    e->verdict_count + 1, sizeof *e->verdicts);
		e->verdicts[e->verdict_count++] = (struct verdict){
		    .position = must_copy(e->subject), .answer = answer };
		break;
	case ELECTION_MEASURE:
		e->measured++;
		e->behind = answer == ELECTION_YES ? strtoll(text, NULL, 10) :
		    -1;
		break;
	default:
		break;		/* too late: it was given up */
	}
	e->asked = ELECTION_NOTHING;
}

/* Have we all that this position names?  False: that must be asked first. */
static bool
judged(const struct election *e, const char *position, bool *has)
{
	size_t	 i;

	for (i = 0; i < e->verdict_count; i++)
		if (strcmp(e->verdicts[i].position, position) == 0) {
			*has = e->verdicts[i].answer == ELECTION_YES;
			return true;
		}
	return false;
}

/*
 * The others.
 */

static bool
spoke(const struct election *e, const struct election_record *r)
{
	return r->epoch == e->epoch;
}

/* Another one who may want the lock.  Whoever has just given it back does not,
 * unless he says so. */
static bool
rival(const struct election *e, const struct election_record *r)
{
	return r->alive && strcasecmp(r->id, e->config->id) != 0 &&
	    (spoke(e, r) || strcasecmp(r->id, e->last_holder) != 0);
}

static bool
ranks_above(const struct election *e, const struct election_record *r)
{
	return r->priority > e->config->priority;
}

/* For two who both lack something of the other. */
static bool
wins_against(const struct election *e, const struct election_record *r)
{
	if (r->priority != e->config->priority)
		return r->priority < e->config->priority;
	return strcmp(e->config->id, r->id) > 0;
}

static bool
yields_to(const struct election_record *r, const char *id)
{
	size_t	 i;

	for (i = 0; r->yields[i] != NULL; i++)
		if (strcasecmp(r->yields[i], id) == 0)
			return true;
	return false;
}

/* For a third one, who does not for it: or three could wait in a circle. */
static bool
stands_back(const struct election *e, const struct election_record *r)
{
	const struct election_record	*x;

	for (x = e->records; x < e->records + e->count; x++)
		if (x != r && rival(e, x) && spoke(e, x) &&
		    yields_to(r, x->id) && !yields_to(x, r->id))
			return true;
	return false;
}

/* It has told a position, and we lack something of it. */
static bool
has_more(const struct election *e, const struct election_record *r)
{
	bool	 has = true;

	return e->config->compares && spoke(e, r) && r->position[0] != '\0' &&
	    judged(e, r->position, &has) && !has;
}

/* We had better let it take the lock.  Complete: we have all that the last
 * master had, so that nobody can have more.  Heard: nobody waits for the silent
 * any more. */
static bool
goes_first(const struct election *e, const struct election_record *r,
    bool complete, bool heard)
{
	if (!rival(e, r))
		return false;
	if (!complete && has_more(e, r))
		return !yields_to(r, e->config->id) ||
		    !(wins_against(e, r) || stands_back(e, r));
	if (!spoke(e, r))
		return !heard && (ranks_above(e, r) ||
		    (!complete && r->compares && e->config->compares));
	return ranks_above(e, r) && r->yields[0] == NULL;
}

static bool
any(const struct election *e, bool (*which)(const struct election *,
    const struct election_record *))
{
	size_t	 i;

	for (i = 0; i < e->count; i++)
		if (rival(e, &e->records[i]) && which(e, &e->records[i]))
			return true;
	return false;
}

static bool
can_compare(const struct election *e, const struct election_record *r)
{
	return e->config->compares && r->compares;
}

/* Whoever does not can't go first. */
static bool
matters(const struct election *e, const struct election_record *r)
{
	return ranks_above(e, r) || can_compare(e, r);
}

/*
 * Our record.
 */

static bool
same_list(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

/* Our position, which the others wait for; then whom we stand back for, so that
 * whoever we can't be compared with does not wait for us. */
static bool
published(struct election *e, struct election_step *s)
{
	char	**old = e->yields;
	size_t	 count = 0, i;

	e->yields = must_zeroed(e->count + 1, sizeof *e->yields);
	for (i = 0; i < e->count; i++)
		if (rival(e, &e->records[i]) && has_more(e, &e->records[i]))
			e->yields[count++] = must_copy(e->records[i].id);
	if (old != NULL && same_list(old, e->yields)) {
		forget_list(e->yields);
		e->yields = old;
		return true;
	}
	forget_list(old);
	*s = (struct election_step){ .type = ELECTION_PUBLISH,
	    .text = e->ours, .yields = (const char *const *)e->yields };
	return false;
}

/*
 * The steps.
 */

/* Asks what is needed of our own copy; false: s is a question. */
static bool
compared(struct election *e, struct election_step *s)
{
	const struct election_record	*r;
	bool				 has;

	if (!e->ours_asked) {
		*s = ask(e, ELECTION_POSITION_OF_OURS, NULL);
		return false;
	}
	if (e->yields == NULL && !published(e, s))
		return false;
	for (r = e->records; r < e->records + e->count; r++)
		if (rival(e, r) && spoke(e, r) && r->position[0] != '\0' &&
		    !judged(e, r->position, &has)) {
			*s = ask(e, ELECTION_COMPARE, r->position);
			return false;
		}
	return published(e, s);
}

static const struct election_record *
first(const struct election *e, bool complete, bool heard)
{
	size_t	i;

	for (i = 0; i < e->count; i++)
		if (goes_first(e, &e->records[i], complete, heard))
			return &e->records[i];
	return NULL;
}

static void
explain(struct election *e, const struct election_record *r)
{
	snprintf(e->reason, sizeof e->reason, "%s", e->current ? "" :
	    "Consul has not shown our own record among the candidates', so "
	    "others may be missing there, too");
	if (r != NULL)
		snprintf(e->reason, sizeof e->reason, "%s %s", r->id,
		    has_more(e, r) ? "has what this copy lacks, or has yet to "
		    "apply" :
		    ranks_above(e, r) ? "has a higher priority" :
		    "has not reported its position yet");
}

/* True: nobody goes first.  False: s is what to do, or to wait for. */
static bool
clear(struct election *e, struct election_step *s)
{
	bool	complete = false, above = any(e, ranks_above);
	const struct election_record	*r;

	if (!e->current && !e->heard) {
		explain(e, NULL);
		*s = (struct election_step){ .at = e->silent_until };
		return false;
	}
	if (e->config->compares && e->left[0] != '\0' && any(e, matters)) {
		if (!judged(e, e->left, &complete)) {
			*s = ask(e, ELECTION_COMPARE, e->left);
			return false;
		}
		if (complete && !above) {
			explain(e, NULL);
			return true;
		}
	}
	if (any(e, can_compare) && !compared(e, s))
		return false;
	r = first(e, complete, e->heard);
	if (r == NULL) {
		explain(e, first(e, complete, false));
		return true;
	}
	explain(e, r);
	*s = (struct election_step){ .at = e->heard ? e->until :
	    e->silent_until };
	return false;
}

/* False: s says what to do first, or that it must not be. */
static bool
near_enough(struct election *e, int64_t now, struct election_step *s)
{
	if (e->config->max_behind < 0 || !e->config->measures)
		return true;
	if (e->measured == 0 || e->behind <= e->config->max_behind) {
		while (e->measured < KNOWN && e->known[e->measured][0] == '\0')
			e->measured++;
		if (e->measured == KNOWN)
			return true;
		e->until = now + e->config->wait_ms;
		*s = ask(e, ELECTION_MEASURE, e->known[e->measured]);
		return false;
	}
	snprintf(e->reason, sizeof e->reason, "this copy lacks %" PRId64
	    " of what the last master is known to have had, and max_behind is "
	    "%" PRId64, e->behind, e->config->max_behind);
	e->running = false;
	*s = (struct election_step){ .type = ELECTION_REFUSE,
	    .text = e->reason };
	return false;
}

/*
 * What was decided upon.
 */

static uint64_t
hash(uint64_t h, const char *text)
{
	do {
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');		/* FNV-1a, with the NUL */
	return h;
}

/* Whom it stands back for is no news: that follows from the rest. */
static uint64_t
said_by(const struct election_record *r)
{
	return hash(hash(r->epoch, r->id), r->position);
}

static void
decide(struct election *e)
{
	const struct election_record	*r;

	free(e->decided);
	e->decided_count = 0;
	e->decided = must_zeroed(e->count + 1, sizeof *e->decided);
	for (r = e->records; r < e->records + e->count; r++)
		if (rival(e, r))
			e->decided[e->decided_count++] = said_by(r);
}

static bool
decided_upon(const struct election *e, const struct election_record *r)
{
	size_t	 i;

	for (i = 0; i < e->decided_count; i++)
		if (e->decided[i] == said_by(r))
			return true;
	return false;
}

void
election_say_again(struct election *e)
{
	forget_list(e->yields);
	e->yields = NULL;
}

static bool
unheard(const struct election *e)
{
	const struct election_record	*r;

	for (r = e->records; r < e->records + e->count; r++)
		if (rival(e, r) && matters(e, r) && !decided_upon(e, r))
			return true;
	return false;
}

bool
election_is_void(struct election *e)
{
	if (!e->taken || !unheard(e))
		return false;
	e->taken = false;
	return true;
}

/* Whoever has more, and says so, has begun later than we have: it has all the
 * wait from then, in which it may have to wait for a third one itself. */
static void
wait_for_whom_we_yield_to(struct election *e, int64_t now)
{
	size_t	count = 0;

	while (e->yields != NULL && e->yields[count] != NULL)
		count++;
	if (count <= e->yielded)
		return;
	e->yielded = count;
	e->until = now + e->config->wait_ms;
}

struct election_step
election_next(struct election *e, int64_t now)
{
	struct election_step	 s = { .at = e->until };

	if (!e->running)
		return (struct election_step){ .at = INT64_MAX };
	if (e->asked != ELECTION_NOTHING && now < e->until)
		return s;
	/* The plugin hangs: it has not told how far behind the copy is. */
	if (e->asked == ELECTION_MEASURE)
		election_answer(e, ELECTION_CAN_NOT_TELL, "");
	e->asked = ELECTION_NOTHING;
	e->heard = now >= e->silent_until;
	if (e->measured == 0) {
		if (now < e->until && !clear(e, &s)) {
			wait_for_whom_we_yield_to(e, now);
			return s;
		}
		decide(e);
	}
	if (!near_enough(e, now, &s))
		return s;
	/* Who spoke while we were measured has not been compared. */
	if (unheard(e)) {
		e->measured = 0;
		return election_next(e, now);
	}
	e->running = false;
	e->taken = true;
	return (struct election_step){ .type = ELECTION_TAKE };
}

/*
 * conform_traces.c - what calls leave behind in their process.  The same calls,
 * repeated, must leave nothing more: so growth in both of two halves is a leak.
 */
#include "conform_checks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "trace.h"
#include "trial.h"

#define FIRST_ROUNDS	5	/* until all that stays is there */
#define ROUNDS		25	/* of which each must leave nothing */
#define ROUNDS_LIMIT	1000	/* ms, but no longer than that */

static const struct {
	const char	*what, *advice;
	size_t		 at;		/* in struct trace */
	int64_t		 least;		/* of a leak, in ROUNDS of calls */
} leaks[] = {
	{ "bytes of memory", "valgrind shows where",
	    offsetof(struct trace, heap), 24 * ROUNDS / 2 },
	{ "KiB of memory", "valgrind shows where",
	    offsetof(struct trace, memory), 1024 },
	{ "descriptors", "close what is opened",
	    offsetof(struct trace, descriptors), 1 },
	{ "processes", "end them, and wait for them",
	    offsetof(struct trace, children), 1 },
};

static int64_t
grown(size_t at, const struct trace *from, const struct trace *to)
{
	int64_t	 a, b;

	memcpy(&a, (const char *)from + at, sizeof a);
	memcpy(&b, (const char *)to + at, sizeof b);
	return b - a;
}

static bool
ask_round(struct trial *t, bool of_role)
{
	const struct operation_row	*row = operation_rows;
	char				 own[FAILOVER_POSITION] = "";
	int				 op;

	if (of_role)
		return trial_ask(t, t->made, NULL) < HANDLER_TIMEOUT;
	for (op = 0; op < OPERATIONS; op++, row++) {
		if (row->ensures || (!row->required &&
		    !trial_has(t, (enum operation)op)))
			continue;
		if (trial_ask(t, (enum operation)op, own) >= HANDLER_TIMEOUT)
			return false;
		if (row->answer == OPERATION_ANSWER_POSITION)
			memcpy(own, t->text, sizeof own);
	}
	return true;
}

static bool
ask_rounds(struct trial *t, bool of_role, int rounds, struct trace *after)
{
	int64_t	 until = clock_ms() + ROUNDS_LIMIT;

	while (rounds-- > 0 && clock_ms() < until)
		if (!ask_round(t, of_role)) {
			trial_not_done(t, ", called repeatedly,");
			return false;
		}
	return trial_look(t, of_role, after);
}

/* Only what is not in memory already counts as written, so that is brought to
 * the disk first; once, a file's time of access may be what was written. */
static enum trial_verdict
conform_unwritten(struct trial *t)
{
	struct trace	 before, after;
	int		 i;

	for (i = 0; i < 2; i++) {
		sync();
		if (!trial_look(t, false, &before) ||
		    !ask_rounds(t, false, FIRST_ROUNDS, &after))
			return TRIAL_FAILED;
		if (after.written == before.written)
			return TRIAL_OK;
	}
	return trial_failed(t, "health, or a call made beside it, writes to a "
	    "file each time: only ensure_ calls change anything");
}

static enum trial_verdict
conform_handler(struct trial *t, bool of_role)
{
	const char	*who = of_role ? operation_name(t->made) :
			    "health or a call made beside it";
	struct handler	*h = of_role ? t->role : t->health;
	struct trace	 fresh, first, half, whole;
	const char	*changed;
	int64_t		 more;
	size_t		 i;

	handler_reload(h, t->plugin);	/* one that nothing has been left in */
	if (!trial_look(t, of_role, &fresh) ||
	    !ask_rounds(t, of_role, FIRST_ROUNDS, &first) ||
	    !ask_rounds(t, of_role, ROUNDS, &half) ||
	    !ask_rounds(t, of_role, ROUNDS, &whole))
		return TRIAL_FAILED;
	changed = whole.blocked != fresh.blocked ? "which signals are blocked" :
	    whole.umask != fresh.umask ? "the umask" :
	    whole.folder != fresh.folder ? "the current folder" : NULL;
	if (changed != NULL)
		return trial_failed(t, "%s changes %s: restore it before the "
		    "call ends", who, changed);
	for (i = 0; i < sizeof leaks / sizeof leaks[0]; i++) {
		more = grown(leaks[i].at, &half, &whole);
		if (more >= leaks[i].least && grown(leaks[i].at, &first,
		    &half) >= leaks[i].least)
			return trial_failed(t, "%s leaves %" PRId64 " %s more "
			    "after %d calls: %s", who, more, leaks[i].what,
			    ROUNDS, leaks[i].advice);
	}
	return of_role || whole.written == fresh.written ? TRIAL_OK :
	    conform_unwritten(t);
}

enum trial_verdict
conform_traces(struct trial *t)
{
	bool	 made = operation_rows[t->made].ensures;

	if (!made)
		sync();		/* see conform_unwritten */
	if (conform_handler(t, false) != TRIAL_OK ||
	    (made && conform_handler(t, true) != TRIAL_OK))
		return TRIAL_FAILED;
	return trial_ok(t, "health%s%s, called repeatedly, leave%s nothing "
	    "behind", made ? " and " : "", made ? operation_name(t->made) :
	    "", made ? "" : "s");
}

/* conform_reads.c - the calls that only read. */
#include "conform_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "trial.h"

#define WATCH_TIME	1000	/* ms */
#define WATCH_MAX	4	/* in that time: more is a din */

enum trial_verdict
conform_health(struct trial *t)
{
	enum handler_result	 first;
	int64_t			 took;

	if ((first = trial_ask(t, OPERATION_HEALTH, NULL)) >= HANDLER_TIMEOUT)
		return trial_not_done(t, "");
	took = t->took_ms;
	if (trial_ask(t, OPERATION_HEALTH, NULL) >= HANDLER_TIMEOUT)
		return trial_not_done(t, ", asked again,");
	if (t->result != first)
		return trial_failed(t, "asked twice, it is %s and then %s "
		    "(%s), although nothing has changed",
		    handler_result_name(first), handler_result_name(t->result),
		    t->text);
	if (t->result != HANDLER_DONE)
		return trial_failed(t, "the copy is not fit to serve, so "
		    "little can be tested: %s", t->text);
	t->healthy = true;
	return trial_ok(t, "twice the same, in %" PRId64 " and %" PRId64
	    " ms: %s", took, t->took_ms, t->text);
}

enum trial_verdict
conform_watch(struct trial *t)
{
	int64_t		 until = clock_ms() + WATCH_TIME;
	int		 count = 0;
	struct trace	 now;

	if (!trial_look(t, false, &now))
		return TRIAL_FAILED;
	if (now.closed_watch)
		return trial_failed(t, "it returns a descriptor that is "
		    "closed: return -1 if there is none");
	trial_ask(t, OPERATION_HEALTH, NULL);
	t->watched = false;
	while (clock_ms() < until) {
		trial_wait(t, until - clock_ms());
		if (!t->watched)
			continue;
		count++;
		trial_ask(t, OPERATION_HEALTH, NULL);
		t->watched = false;
	}
	if (count > WATCH_MAX)
		return trial_failed(t, "it became readable %d times in %d s, "
		    "although nothing has changed: health must read what made "
		    "it readable", count, WATCH_TIME / 1000);
	return trial_ok(t, "quiet while nothing happens");
}

/* Nobody writes: so it stays, and health changes nothing. */
enum trial_verdict
conform_position(struct trial *t)
{
	char	 first[FAILOVER_POSITION], then[FAILOVER_POSITION];

	if (trial_ask_position(t, first) != TRIAL_OK)
		return TRIAL_FAILED;
	trial_ask(t, OPERATION_HEALTH, NULL);
	if (trial_ask_position(t, then) != TRIAL_OK)
		return TRIAL_FAILED;
	if (strcmp(first, then) != 0)
		return trial_failed(t, "it went from \"%.200s\" to \"%.200s\" "
		    "around a call of health: stop what writes to this copy; "
		    "if nothing does, position or health changes what it "
		    "looks at", first, then);
	snprintf(t->before, sizeof t->before, "%s", then);
	return trial_ok(t, "it stays while nothing is written: %.200s",
	    then);
}

enum trial_verdict
conform_has_own(struct trial *t)
{
	char	 own[FAILOVER_POSITION];

	if (trial_ask_position(t, own) != TRIAL_OK)
		return TRIAL_FAILED;
	if (trial_ask(t, OPERATION_HAS_POSITION, own) != HANDLER_DONE)
		return trial_not_done(t, " of its own position");
	if (!trial_has(t, OPERATION_BEHIND))
		return trial_ok(t, "it has its own position");
	if (trial_ask(t, OPERATION_BEHIND, own) != HANDLER_DONE)
		return trial_not_done(t, " of its own position");
	if (strcmp(t->text, "0") != 0)
		return trial_failed(t, "behind its own position it reports %s, "
		    "not 0", t->text);
	return trial_ok(t, "it has its own position, and is 0 behind it");
}

/* What another version, another plugin or a broken disk may have left. */
enum trial_verdict
conform_garbage(struct trial *t)
{
	static char		 longest[FAILOVER_POSITION];
	const char *const	 garbage[] = { "garbage", "%s%n%s%n",
				    "\"'\\;--", "\377\376\001", "}{",
				    ":::,,,---", longest };
	size_t			 i;

	memset(longest, 'x', sizeof longest - 1);
	for (i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		if (trial_ask(t, OPERATION_HAS_POSITION, garbage[i]) >=
		    HANDLER_TIMEOUT)
			return trial_not_done(t, " of what is not a position");
		if (t->result == HANDLER_DONE)
			return trial_failed(t, "has_position claims to have "
			    "\"%.20s\", which is not a position: return "
			    "FAILOVER_AGAIN for what can't be read",
			    garbage[i]);
		if (!trial_has(t, OPERATION_BEHIND))
			continue;
		if (trial_ask(t, OPERATION_BEHIND, garbage[i]) != HANDLER_DONE)
			return trial_not_done(t, " of what is not a position");
		if (strcmp(t->text, "-1") != 0)
			return trial_failed(t, "behind reports %s for "
			    "\"%.20s\", which is not a position: report -1",
			    t->text, garbage[i]);
	}
	return trial_ok(t, "what is not a position is rejected");
}

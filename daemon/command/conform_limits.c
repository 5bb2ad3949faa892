/* conform_limits.c - calls with little time, or none left. */
#include "conform_checks.h"

#include <stdbool.h>

#include "trial.h"

static bool
survives_short(struct trial *t, enum operation op)
{
	static const int64_t	times[] = { 1, 2, 5, 10, 20, 50 };
	size_t			i;

	for (i = 0; i < sizeof times / sizeof times[0]; i++)
		if (trial_ask_within(t, op, NULL, times[i]) == HANDLER_LOST) {
			trial_not_done(t, ", given few milliseconds,");
			return false;
		}
	return true;
}

/* Who plans his escalation kills the application then. */
enum trial_verdict
conform_short_demotion(struct trial *t)
{
	if (!survives_short(t, OPERATION_ENSURE_DEMOTED))
		return TRIAL_FAILED;
	/* A demotion that was killed is called again. */
	if (trial_ensure(t, OPERATION_ENSURE_DEMOTED) != HANDLER_DONE)
		return trial_not_done(t, " after calls with short deadlines");
	return trial_ok(t, "deadlines of 1 to 50 ms are survived: %s",
	    t->text);
}

enum trial_verdict
conform_short(struct trial *t)
{
	if (!survives_short(t, OPERATION_HEALTH) ||
	    (trial_has(t, OPERATION_POSITION) &&
	    !survives_short(t, OPERATION_POSITION)))
		return TRIAL_FAILED;
	t->healthy = trial_ask_health(t) == HANDLER_DONE;
	if (!t->healthy)
		return trial_not_done(t, " after calls with short deadlines");
	return trial_ok(t, "deadlines of 1 to 50 ms are survived");
}

/* As a cancelled call, and as the guard finds the copy when the agent died. */
enum trial_verdict
conform_killed(struct trial *t)
{
	static const int64_t	times[] = { 1, 5, 20, 100 };
	struct handler		*h;
	size_t			 i;

	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		trial_ask_health(t);
		h = trial_call(t, OPERATION_ENSURE_MASTER, NULL,
		    operation_deadline_ms(OPERATION_ENSURE_MASTER, t->config));
		trial_wait(t, times[i]);
		handler_cancel(h);
		if (trial_ensure(t, OPERATION_ENSURE_DEMOTED) != HANDLER_DONE)
			return trial_not_done(t, ", after an ensure_master "
			    "that was killed half-way,");
	}
	trial_ask_health(t);
	if (trial_ensure(t, OPERATION_ENSURE_MASTER) != HANDLER_DONE)
		return trial_not_done(t, ", after one that was killed "
		    "half-way,");
	if (trial_ensure(t, OPERATION_ENSURE_DEMOTED) != HANDLER_DONE)
		return trial_not_done(t, "");
	return trial_ok(t, "an ensure_master that is killed half-way can be "
	    "demoted, and called again");
}

/* conform_roles.c - a life: demoted, slave, master, demoted; and does it
 * hold? */
#include "conform_checks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "child.h"
#include "trial.h"

#define QUICK		1000	/* ms, for a call that finds nothing to do */
#define REPEATS		3	/* of which the quickest counts */
#define PROBE_LIMIT	10000	/* ms */

/* Asks one that finds nothing to do, until it was quick, as it must be; on a
 * busy machine it may take its time once. */
static enum handler_result
ensure_again(struct trial *t, enum operation op)
{
	int64_t	 least = INT64_MAX;
	int	 i;

	for (i = 0; i < REPEATS && least > QUICK; i++) {
		if (trial_ensure(t, op) != HANDLER_DONE)
			return t->result;
		if (t->took_ms < least)
			least = t->took_ms;
	}
	t->took_ms = least;
	return HANDLER_DONE;
}

static enum trial_verdict
too_slow(struct trial *t)
{
	return trial_failed(t, "called repeatedly it takes %" PRId64
	    " ms each time: it is called every role_interval, so it must be "
	    "quick where there is nothing to do", t->took_ms);
}

enum trial_verdict
conform_demoted(struct trial *t)
{
	int64_t	 took;

	if (trial_ensure(t, OPERATION_ENSURE_DEMOTED) != HANDLER_DONE)
		return trial_not_done(t, "");
	took = t->took_ms;
	if (ensure_again(t, OPERATION_ENSURE_DEMOTED) != HANDLER_DONE)
		return trial_not_done(t, ", called again,");
	if (t->took_ms > QUICK)
		return too_slow(t);
	return trial_ok(t, "twice, in %" PRId64 " and %" PRId64 " ms of %"
	    PRId64 ": %s", took, t->took_ms, t->config->demote_deadline,
	    t->text);
}

/* Until it is done, and once more, as the agent does every role_interval. */
static enum trial_verdict
conform_role(struct trial *t, enum operation op)
{
	int64_t	 took;

	if (trial_ensure(t, op) != HANDLER_DONE)
		return trial_not_done(t, "");
	took = t->took_ms;
	if (ensure_again(t, op) != HANDLER_DONE)
		return trial_not_done(t, ", called again,");
	if (t->took_ms > QUICK)
		return too_slow(t);
	return trial_ok(t, "in %" PRId64 " ms, called again in %" PRId64
	    " ms: %s", took, t->took_ms, t->text);
}

enum trial_verdict
conform_slave(struct trial *t)
{
	return conform_role(t, OPERATION_ENSURE_SLAVE);
}

enum trial_verdict
conform_master(struct trial *t)
{
	return conform_role(t, OPERATION_ENSURE_MASTER);
}

enum trial_verdict
conform_role_health(struct trial *t)
{
	static const char *const	roles[] = {
		[FAILOVER_NO_ROLE] = (" of a demoted copy, so no copy could "
		    "take over,"),
		[FAILOVER_MASTER] = " of a master",
		[FAILOVER_SLAVE] = " of a slave",
	};

	if (trial_ask_health(t) != HANDLER_DONE) {
		/* The agent would not promote it, so nor do we. */
		t->healthy = t->is != FAILOVER_NO_ROLE;
		return trial_not_done(t, roles[t->is]);
	}
	return trial_ok(t, "fit to serve: %s", t->text);
}

/* A promotion may begin a new history, which contains the old one. */
enum trial_verdict
conform_kept(struct trial *t)
{
	if (t->before[0] == '\0')
		return trial_skipped(t, "its position is not known");
	if (trial_ask(t, OPERATION_HAS_POSITION, t->before) != HANDLER_DONE)
		return trial_not_done(t, " of its own position before it was "
		    "made master");
	return trial_ok(t, "as master it still has its earlier position");
}

/* What the agent leaves in the lock for the next master. */
enum trial_verdict
conform_final(struct trial *t)
{
	char	 final[FAILOVER_POSITION];

	if (trial_ask_position(t, final) != TRIAL_OK)
		return TRIAL_FAILED;
	return trial_ok(t, "it is reported after the demotion: %.200s",
	    final);
}

/* False, with a verdict, where the probe can't tell. */
static bool
takes_writes(struct trial *t, int *status)
{
	char *const	 words[] = { (char *)"/bin/sh", (char *)"-c",
			    (char *)(uintptr_t)t->terms->probe, NULL };
	struct child_files files = { .output = STDERR_FILENO };
	char		 end[64];
	struct error	 err;
	bool		 ended;
	pid_t		 pid;

	if (!child_spawn(&pid, words, CHILD_OTHERS, &files, &err)) {
		trial_failed(t, "%s", err.text);
		return false;
	}
	ended = child_ended(pid, PROBE_LIMIT, status);
	child_kill(pid);
	child_reap(pid);
	if (!ended) {
		trial_failed(t, "the probe did not end within %d s: give "
		    "it a time-out of its own", PROBE_LIMIT / 1000);
		return false;
	}
	child_describe_end(end, sizeof end, *status);
	if (WIFEXITED(*status) && WEXITSTATUS(*status) < 126)
		return true;
	trial_failed(t, "the probe failed: %s", end);
	return false;
}

enum trial_verdict
conform_writes(struct trial *t)
{
	bool	 is_master = t->is == FAILOVER_MASTER;
	int	 status;

	if (!takes_writes(t, &status))
		return TRIAL_FAILED;
	if ((WEXITSTATUS(status) == 0) == is_master)
		return trial_ok(t, "the probe exits with %d",
		    WEXITSTATUS(status));
	return trial_failed(t, "%s returned done, but the copy %s (the probe "
	    "exits with %d)", operation_name(t->made), is_master ?
	    "takes no writes" : "still takes writes", WEXITSTATUS(status));
}

/*
 * master.c - ensure_master: wait for what is missing, and promote.
 */
#include "postgresql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "keywords.h"
#include "mark.h"
#include "process.h"
#include "program.h"
#include "settings.h"

#define APPLY_ENOUGH	(16 << 20)	/* bytes applied in no time */
#define APPLY_LOOKS	100

/* All that a master does not need; what fails here costs no mastership. */
static void
settle(struct failover *f, struct query *q)
{
	bool	 old;

	if (mark_get(f) != MARK_NONE)
		mark_set(f, MARK_NONE);
	/* pg_rewind reads its timeline from the control file, which is behind
	 * until a checkpoint.  Asked for again until it is done. */
	if (!query_run(q, f, "SELECT (pg_control_checkpoint()).timeline_id <> "
	    "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)"
	    "::int, current_setting('primary_conninfo') <> ''", NULL)) {
		f->log(f, FAILOVER_WARNING, "%s", q->sentence);
		return;
	}
	old = query_true(q, 0);
	/* So that it follows nobody when it is demoted. */
	if (query_true(q, 1) && PQserverVersion(q->conn) >= 130000 &&
	    (!query_run(q, f, "ALTER SYSTEM RESET primary_conninfo", NULL) ||
	    !query_run(q, f, "SELECT pg_reload_conf()", NULL)))
		f->log(f, FAILOVER_WARNING, "%s", q->sentence);
	if (old)
		query_send(q, f, "CHECKPOINT");
}

/* The master before has left its last position with the lock.  After [election]
 * catch_up there is no target any more. */
static enum failover_result
wait_for_target(struct failover *f, struct query *q)
{
	struct position		 own, target;
	char			 system[32], conninfo[2048];
	enum failover_result	 result;

	if (!position_parse(&target, f->target))
		return f->say(f, FAILOVER_AGAIN, "the previous master left %s, "
		    "which is not a position", f->target);
	result = own_position(f, &own, system, sizeof(system));
	if (result != FAILOVER_DONE)
		return result;
	if (position_has(&own, &target))
		return FAILOVER_DONE;
	if (position_has(&target, &own) && *f->previous_host &&
	    keywords_conninfo(f, f->previous_host, f->previous_port, "",
	    conninfo, sizeof(conninfo)) &&
	    query_run(q, f, "SELECT current_setting('primary_conninfo') = $1",
	    conninfo, NULL) && !query_true(q, 0))
		point(f, q, f->previous_host, conninfo);
	return f->say(f, FAILOVER_AGAIN, "waits for %lld bytes that the "
	    "previous master has written",
	    (long long)position_behind(&own, &target));
}

/* A promotion applies all that was received, but can't be broken off: so it
 * begins when most is applied, or nothing more can be.  What only waits for
 * recovery_min_apply_delay is applied as soon as it has begun. */
static enum failover_result
apply(struct failover *f, struct query *q)
{
	char	 applied[32] = "";
	int	 i;

	if (!query_run(q, f, "SELECT pg_is_wal_replay_paused()", NULL) ||
	    (query_true(q, 0) &&
	    !query_run(q, f, "SELECT pg_wal_replay_resume()", NULL)))
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	for (i = 0; i < APPLY_LOOKS; i++) {
		if (!query_run(q, f, "SELECT pg_wal_lsn_diff("
		    "pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), "
		    "pg_last_wal_replay_lsn(), current_setting("
		    "'recovery_min_apply_delay') <> '0'", NULL))
			return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
		if (atoll(query_value(q, 0)) < APPLY_ENOUGH || query_true(q, 2))
			return FAILOVER_DONE;
		if (i == 0)
			snprintf(applied, sizeof(applied), "%s",
			    query_value(q, 1));
		pause_ms(LOOK_AGAIN);
	}
	if (strcmp(applied, query_value(q, 1)) == 0)
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_AGAIN, "%s bytes are still to be applied",
	    query_value(q, 0));
}

static enum failover_result
promote(struct failover *f, struct query *q)
{
	/* A promotion goes on when we are killed.  This tells ensure_demoted
	 * that one may be under way; the server removes it at its end. */
	if (!mark_set(f, MARK_PROMOTING))
		return f->say(f, FAILOVER_FAILED,
		    "can't write %s/standby.signal", data_folder(f));
	if (!query_run(q, f, "SELECT pg_promote(false)", NULL)) {
		/* Else it may go on, and only a stop undoes it. */
		if (query_refused(q))
			mark_set(f, MARK_STANDBY);
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	}
	do {
		if (!query_run(q, f, "SELECT pg_is_in_recovery()", NULL))
			return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
		if (!query_true(q, 0))
			return FAILOVER_DONE;
		pause_ms(LOOK_AGAIN);
	} while (f->time_left(f) > ANSWER_TIME);
	return f->say(f, FAILOVER_AGAIN, "is being promoted");
}

/* The new timeline begins where the last whole record ends.  A master that was
 * stopped leaves the first byte of its last one, which holds no data. */
static enum failover_result
has_target(struct failover *f)
{
	struct position		 own, target;
	char			 system[32];
	enum failover_result	 result;

	/* It was waited for; who goes on without is given none. */
	if (!position_parse(&target, f->target))
		return FAILOVER_DONE;
	result = own_position(f, &own, system, sizeof(system));
	if (result != FAILOVER_DONE || position_has(&own, &target))
		return result;
	target.lsn--;
	return position_has(&own, &target) ? FAILOVER_DONE : f->say(f,
	    FAILOVER_FAILED, "was promoted without %lld bytes that the "
	    "previous master has written",
	    (long long)position_behind(&own, &target));
}

/* What a client is given that does not ask for more.  A master whose operator
 * has frozen it is no less the master. */
static bool
takes_writes(struct failover *f, struct query *q)
{
	static bool	 told;
	bool		 frozen;

	if (!query_run(q, f, "SELECT setting = 'on' AND source NOT IN ("
	    "'database', 'user', 'database user', 'client') FROM pg_settings "
	    "WHERE name = 'default_transaction_read_only'", NULL)) {
		f->say(f, FAILOVER_FAILED, "%s", q->sentence);
		return false;
	}
	frozen = query_true(q, 0);
	if (frozen && f->role != FAILOVER_MASTER) {
		f->say(f, FAILOVER_FAILED, "default_transaction_read_only is "
		    "on: as the master it takes no writes until that is off");
		return false;
	}
	if (frozen && !told)
		f->log(f, FAILOVER_WARNING, "remains the master, but takes no "
		    "writes until default_transaction_read_only is off");
	told = frozen;
	return true;
}

static enum failover_result
become_master(struct failover *f, struct query *q)
{
	enum failover_result	 result = FAILOVER_DONE;
	bool			 stuck;

	if (!takes_writes(f, q))
		return FAILOVER_FAILED;
	if (!settings_safe(f, q, &stuck) ||
	    !query_run(q, f, "SELECT pg_is_in_recovery()", NULL))
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	if (query_true(q, 0)) {
		if (is_spoilt(f))
			return FAILOVER_FAILED;
		if (*f->target)
			result = wait_for_target(f, q);
		if (result == FAILOVER_DONE)
			result = apply(f, q);
		if (result == FAILOVER_DONE)
			result = promote(f, q);
	}
	/* Whoever has promoted it: that one may have been killed since. */
	if (result == FAILOVER_DONE && *f->target)
		result = has_target(f);
	if (result != FAILOVER_DONE)
		return result;
	/* Whatever it lacks, now it is what the others follow. */
	if (*f->memory && f->remember(f, "") != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "the record against this copy "
		    "can't be cleared (is [agent] state_dir writable?): %s",
		    f->memory);
	settle(f, q);
	return f->say(f, FAILOVER_DONE, "primary, epoch %llu",
	    (unsigned long long)f->epoch);
}

enum failover_result
ensure_master(struct failover *f)
{
	enum failover_result	 result;
	struct query		 q;

	if (!data_check(f))
		return FAILOVER_FAILED;
	/* Its unit must be known when it has died. */
	process_postmaster(f);
	if (!query_local(&q, f, false))
		result = say_down(f, &q);
	else if (!mark_make_ours(f))
		result = FAILOVER_FAILED;
	else
		result = become_master(f, &q);
	query_close(&q);
	return result;
}

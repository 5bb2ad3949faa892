/* health.c - is the server fit to serve? */

#include "postgresql.h"

#include <stdio.h>
#include <string.h>

#include "data.h"
#include "process.h"
#include "settings.h"
#include "unit.h"

/* Kept by the handler "health" from one call to the next: its end tells that
 * the server may have died. */
static struct query	watched;

static int		wrong_role;	/* healths in a row that saw one */

void
health_stop(void)
{
	query_close(&watched);
}

/* What an operator should know before the next failover, once. */
static void
advise(struct failover *f, struct query *q)
{
	static bool	 told;
	static const char	*const advice[] = {
		"wal_log_hints is off and there are no checksums: pg_rewind "
		    "can't make a slave of an old master",
		"wal_keep_size is 0: a slave that was away may not find the "
		    "WAL that it needs, nor may pg_rewind",
		"full_page_writes is off: pg_rewind can't be used",
		"primary_slot_name is set, but a new master does not have the "
		    "slot: leave it empty",
		"fsync is off: after a crash of this host the copy may be "
		    "damaged, and nothing shows it: make a new one then",
		"recovery_target_... is in the configuration: a server that "
		    "the plugin starts ignores it; remove it",
		"this host sorts text differently from the one where a "
		    "database was created, so indexes may miss rows: run the "
		    "same libc and ICU on all hosts, or REINDEX",
	};
	static const char	 sorts[] = ", EXISTS (SELECT 1 FROM pg_database "
	    "WHERE datcollversion IS NOT NULL AND datcollversion IS DISTINCT "
	    "FROM pg_database_collation_actual_version(oid))";
	char			 sql[1024], why[FAILOVER_SENTENCE];
	const char		*unit;
	int			 i;

	snprintf(sql, sizeof(sql), "%s%s",
	    "SELECT current_setting('wal_log_hints') = 'off' AND "
	    "current_setting('data_checksums') = 'off', "
	    "coalesce(current_setting('wal_keep_size', true), "
	    "current_setting('wal_keep_segments', true)) IN ('0', '0MB'), "
	    "current_setting('full_page_writes') = 'off', "
	    "current_setting('primary_slot_name') <> '', "
	    "current_setting('fsync') = 'off', EXISTS (SELECT 1 FROM "
	    "pg_settings WHERE name LIKE 'recovery_target%' AND "
	    "pending_restart)", PQserverVersion(q->conn) < 150000 ?
	    ", false" : sorts);
	if (told || !query_run(q, f, sql, NULL))
		return;
	told = true;
	if (rejoin_allows(f, REJOIN_REWIND) &&
	    !rejoin_may_rewind(f, true, why, sizeof(why)))
		f->log(f, FAILOVER_WARNING, "%s", why);
	process_postmaster(f);
	if (*f->option(f, "start_command") == '\0' &&
	    (unit = unit_owner(f)) != NULL)
		f->log(f, FAILOVER_WARNING, "the server belongs to %s: write "
		    "\"start_command = systemctl start %s\" into [options], "
		    "and stop_command likewise, so that it is restarted there",
		    unit, unit);
	for (i = 0; i < (int)(sizeof(advice) / sizeof(advice[0])); i++)
		if (query_true(q, i))
			f->log(f, FAILOVER_WARNING, "%s", advice[i]);
}

/* What the calls need; "" where the user has it all. */
static bool
may_do_all(struct failover *f, struct query *q)
{
	static bool		 checked;
	static const char	 superuser[] = "SELECT CASE "
	    "current_setting('is_superuser') WHEN 'off' THEN 'superuser' END";
	static const char	 grants[] = "SELECT concat_ws(', ', "
	    "CASE WHEN NOT rolreplication THEN 'REPLICATION' END, "
	    "CASE WHEN NOT pg_has_role('pg_monitor', 'USAGE') "
	    "THEN 'pg_monitor' END, "
	    "CASE WHEN NOT pg_has_role('pg_checkpoint', 'USAGE') "
	    "THEN 'pg_checkpoint' END, "
	    "CASE WHEN NOT has_parameter_privilege('primary_conninfo', "
	    "'ALTER SYSTEM') THEN 'ALTER SYSTEM ON PARAMETER primary_conninfo' "
	    "END, (SELECT string_agg('EXECUTE ON FUNCTION ' || "
	    "p.oid::regprocedure, ', ') FROM pg_proc p WHERE pronamespace = "
	    "'pg_catalog'::regnamespace AND proname IN ('pg_promote', "
	    "'pg_reload_conf', 'pg_wal_replay_resume') AND NOT "
	    "has_function_privilege(p.oid, 'EXECUTE'))) "
	    "FROM pg_roles WHERE rolname = current_user AND NOT rolsuper";
	struct query		 local;

	if (checked)
		return true;
	if (!query_run(q, f, PQserverVersion(q->conn) < 150000 ? superuser :
	    grants, NULL)) {
		f->say(f, FAILOVER_FAILED, "%s", q->sentence);
		return false;
	}
	if (*query_value(q, 0) != '\0') {
		f->say(f, FAILOVER_FAILED, "user %s lacks %s",
		    PQuser(q->conn), query_value(q, 0));
		return false;
	}
	checked = query_local(&local, f, true);
	if (!checked)
		f->say(f, FAILOVER_FAILED, "can't ask for its position: %s",
		    local.sentence);
	query_close(&local);
	return checked;
}

/* It is not what it was made; while a role changes, that may be seen. */
static enum failover_result
say_wrong_role(struct failover *f, const char *what)
{
	return f->say(f, ++wrong_role < 3 ? FAILOVER_AGAIN : FAILOVER_FAILED,
	    "%s", what);
}

static enum failover_result
say_primary(struct failover *f, struct query *q)
{
	if (f->role == FAILOVER_SLAVE)
		return say_wrong_role(f,
		    "takes writes, although it was made a slave");
	wrong_role = 0;
	if (is_left_alone(f))
		return FAILOVER_FAILED;
	return f->say(f, FAILOVER_DONE, "primary, %s standbys stream from it",
	    query_value(q, 1));
}

static enum failover_result
say_standby(struct failover *f, struct query *q)
{
	if (f->role == FAILOVER_MASTER)
		return say_wrong_role(f,
		    "is a standby, although it was made master");
	wrong_role = 0;
	if (is_spoilt(f))
		return FAILOVER_FAILED;
	if (strcmp(query_value(q, 2), "streaming") != 0)
		return f->say(f, FAILOVER_DONE,
		    "standby without a stream, %s bytes to apply",
		    query_value(q, 5));
	return f->say(f, FAILOVER_DONE,
	    "standby, streams from %s:%s, %s bytes to apply",
	    query_value(q, 3), query_value(q, 4), query_value(q, 5));
}

enum failover_result
health(struct failover *f)
{
	static const char	 sql[] = "SELECT pg_is_in_recovery(), "
	    "(SELECT count(*) FROM pg_stat_replication WHERE state = "
	    "'streaming'), r.status, r.sender_host, r.sender_port, "
	    "coalesce(greatest(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), "
	    "pg_last_wal_replay_lsn())), 0) FROM (SELECT) AS one "
	    "LEFT JOIN pg_stat_wal_receiver AS r ON true";
	struct query		*q = &watched;
	bool			 stuck;

	/* A new connection each time, so that a server that takes none does
	 * not pass as healthy. */
	query_close(q);
	if (!data_check(f))
		return FAILOVER_FAILED;
	if (!query_local(q, f, false)) {
		enum failover_result	 result = say_down(f, q);

		query_close(q);
		return result;
	}
	if (!may_do_all(f, q)) {
		query_close(q);
		return FAILOVER_FAILED;
	}
	advise(f, q);
	if (!settings_safe(f, q, &stuck) || !query_run(q, f, sql, NULL))
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	return query_true(q, 0) ? say_standby(f, q) : say_primary(f, q);
}

int
watch_fd(struct failover *f)
{
	(void)f;
	return watched.conn == NULL ? -1 : PQsocket(watched.conn);
}

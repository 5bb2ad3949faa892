/*
 * slave.c - ensure_slave: a running server gets the master to follow, a stopped
 * one is started; before that its data is compared with the master's.
 */
#include "postgresql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "deadline.h"
#include "job.h"
#include "keywords.h"
#include "mark.h"
#include "process.h"
#include "settings.h"

#define TIMELINE_BYTES	64	/* of the first record, and a page's header */

/* Two nodes that have not heard of each other can begin a timeline with the
 * same number at the same place, and neither pg_rewind nor the server notices.
 * Its first record holds the time.  What nobody has any more is taken as the
 * same. */
static bool
same_timeline(struct failover *f, struct query *q, const struct position *own)
{
	char		 here[TIMELINE_BYTES], there[TIMELINE_BYTES];
	uint64_t	 begin, size;

	if (own->count == 0)
		return true;
	begin = own->forks[0].lsn;
	size = own->lsn - begin < sizeof(here) ? own->lsn - begin :
	    sizeof(here);
	return own->lsn <= begin ||
	    !control_read_wal(f, own->timeline, begin, here, size) ||
	    !query_wal(q, f, own->timeline, begin, there, size) ||
	    memcmp(here, there, size) == 0;
}

/* What no waiting mends is known to this copy from now on, also when its master
 * can't be asked any more. */
__attribute__((format(printf, 2, 3))) static enum failover_result
refuse(struct failover *f, const char *fmt, ...)
{
	char	 text[FAILOVER_SENTENCE - 128];	/* more is said behind it */
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (f->remember(f, text) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	return f->say(f, FAILOVER_FAILED, "%s", text);
}

/* What was received and not applied does no harm: a record that its master could
 * not send to its end, mostly.  Local: NULL where it does not run. */
static enum failover_result
own_applied(struct failover *f, struct query *local, struct position *own,
    char *system, size_t size)
{
	enum failover_result	 result;
	uint64_t		 applied = 0;

	/* It first, and the timeline after that, so that the master's is the
	 * later one. */
	if (local != NULL && (!query_run(local, f,
	    "SELECT pg_last_wal_replay_lsn()", NULL) ||
	    !lsn_parse(query_value(local, 0), &applied)))
		return f->say(f, FAILOVER_FAILED, "%s", local->sentence);
	result = own_position(f, own, system, size);
	if (result == FAILOVER_DONE && local != NULL)
		own->lsn = applied;
	return result;
}

static enum failover_result
is_other_server(struct failover *f, const struct query *q, const char *host,
    const char *system, const char *own_system)
{
	if (process_owns(f, PQbackendPID(q->conn)))
		return f->say(f, FAILOVER_FAILED, "%s:%d is this server itself",
		    host, f->master_port);
	if (PQserverVersion(q->conn) / 10000 != data_version(f))
		return f->say(f, FAILOVER_FAILED, "%s:%d is PostgreSQL %d, and "
		    "this one %d", host, f->master_port,
		    PQserverVersion(q->conn) / 10000, data_version(f));
	if (strcmp(system, own_system) != 0)
		return refuse(f, "%s:%d has another database (system "
		    "identifier %s) than %s (%s)", host, f->master_port, system,
		    data_folder(f), own_system);
	return FAILOVER_DONE;
}

/* The master lacks what is here, and will not get it. */
static enum failover_result
diverged(struct failover *f, const struct position *own,
    const struct position *other, const char *host, enum rejoin_way *way)
{
	/* pg_rewind takes one number for one timeline. */
	*way = own->timeline == other->timeline ? REJOIN_COPY : REJOIN_REWIND;
	if (*way == REJOIN_REWIND && rejoin_failed(f, host)) {
		*way = REJOIN_AS_IS;	/* it was tried */
		return rejoin_say_failed(f);
	}
	return refuse(f, "has diverged: %lld bytes of timeline %u are not in "
	    "%s:%d", (long long)position_behind(other, own), own->timeline,
	    host, f->master_port);
}

/* Is it another server of the same database, and can it be followed with the
 * data that is here?  AGAIN where that will be known later; where it is
 * refused, another way than AS_IS may help. */
static enum failover_result
compare(struct failover *f, struct query *local, struct query *q,
    const char *host, enum rejoin_way *way)
{
	struct position		 own, other;
	enum failover_result	 result;
	char			 system[32], own_system[32];
	bool			 recovers;

	result = own_applied(f, local, &own, own_system, sizeof(own_system));
	if (result != FAILOVER_DONE)
		return result;
	if (!query_position(q, f, &other, system, sizeof(system)) ||
	    !query_run(q, f, "SHOW transaction_read_only", NULL))
		return f->say(f, FAILOVER_FAILED, "%s:%d: %s", host,
		    f->master_port, q->sentence);
	recovers = strcmp(query_value(q, 0), "on") == 0;
	result = is_other_server(f, q, host, system, own_system);
	if (result != FAILOVER_DONE)
		return result;
	if (!position_has(&other, &own))
		return recovers ? f->say(f, FAILOVER_AGAIN, "waits until "
		    "%s:%d has been promoted", host, f->master_port) :
		    diverged(f, &own, &other, host, way);
	if (same_timeline(f, q, &own))
		return FAILOVER_DONE;
	*way = REJOIN_COPY;
	return refuse(f, "has diverged: its timeline %u differs from that of "
	    "%s:%d, so only a new copy helps", own.timeline, host,
	    f->master_port);
}

/* It does not stream, and its master can't be asked.  One that refuses its account
 * sends nothing of what it writes from now on; what is remembered already is no
 * less in the way. */
static enum failover_result
say_not_reached(struct failover *f, const struct query *master,
    const char *host)
{
	if (master->end == QUERY_DENIED && *f->memory == '\0')
		return refuse(f, SHUT_OUT "%s:%d does not let it in: %s", host,
		    f->master_port, master->sentence);
	return f->say(f, FAILOVER_FAILED, "%s", master->sentence);
}

static enum failover_result
check_master(struct failover *f, struct query *local, const char *host,
    enum rejoin_way *way, bool *reached)
{
	enum failover_result	 result;
	struct query		 q;

	*way = REJOIN_AS_IS;
	*reached = query_master(&q, f, host, f->master_port);
	if (!*reached)
		result = say_not_reached(f, &q, host);
	else
		result = compare(f, local, &q, host, way);
	query_close(&q);
	return result;
}

/* It is stopped. */
static enum failover_result
start_slave(struct failover *f, const struct server *s, const char *host)
{
	enum rejoin_way		 way = REJOIN_AS_IS;
	enum failover_result	 result = FAILOVER_DONE;
	bool			 reached = true;

	if (s->kind == SERVER_NONE)
		return rejoin(f, s, host, REJOIN_COPY);
	if (mark_torn(f))
		return rejoin_allows(f, REJOIN_REWIND) ?
		    rejoin(f, s, host, REJOIN_REWIND) : f->say(f,
		    FAILOVER_FAILED, "pg_rewind of %s has not finished: "
		    "on_divergence = rewind or copy lets it be done again",
		    data_folder(f));
	if (s->control.clean)
		result = check_master(f, NULL, host, &way, &reached);
	/* What a crash has left is known when it runs as a standby, and so it
	 * can serve while its master is away. */
	if (result != FAILOVER_DONE && reached && way == REJOIN_AS_IS)
		return result;
	if (!rejoin_allows(f, way))
		return FAILOVER_FAILED;
	result = rejoin(f, s, host, way);
	if (result == FAILOVER_FAILED && !s->control.clean &&
	    rejoin_allows(f, REJOIN_REWIND) && !rejoin_failed(f, host))
		result = rejoin(f, s, host, REJOIN_REWIND);
	return result;
}

enum failover_result
point(struct failover *f, struct query *q, const char *host,
    const char *conninfo)
{
	char		*literal = PQescapeLiteral(q->conn, conninfo,
			    strlen(conninfo));
	char		*sql = NULL;
	struct server	 s;
	bool		 ok;

	ok = literal != NULL && asprintf(&sql,
	    "ALTER SYSTEM SET primary_conninfo = %s", literal) != -1;
	PQfreemem(literal);
	if (!ok)
		return f->say(f, FAILOVER_FAILED, "out of memory");
	ok = query_run(q, f, sql, NULL) &&
	    query_run(q, f, "SELECT pg_reload_conf()", NULL);
	free(sql);
	if (!ok)
		return f->say(f, FAILOVER_FAILED,
		    "can't set primary_conninfo: %s", q->sentence);
	if (PQserverVersion(q->conn) < 130000) {
		server_look(f, &s);
		if (demote(f, &s) != FAILOVER_DONE)
			return FAILOVER_FAILED;
	}
	return f->say(f, FAILOVER_AGAIN, "was set to follow %s:%d", host,
	    f->master_port);
}

/* What is received and not applied, nobody can read here. */
static enum failover_result
say_streams(struct failover *f, struct query *q, const char *host)
{
	if (query_true(q, 1))
		return f->say(f, FAILOVER_AGAIN, "streams from %s:%d, but its "
		    "replay is paused: SELECT pg_wal_replay_resume()", host,
		    f->master_port);
	return f->say(f, FAILOVER_DONE, "slave of %s:%d", host, f->master_port);
}

/* Has the master removed the WAL that is wanted there?  Only the log of the
 * server here says so; but its master can be asked for the same bytes. */
static bool
is_removed(struct failover *f, struct query *master, const struct position *at,
    uint64_t segment)
{
	char	 byte;

	/* What is asked for is always the whole segment. */
	return !query_wal(master, f, at->timeline, at->lsn - at->lsn % segment,
	    &byte, 1) && query_removed(master);
}

static enum failover_result
say_removed(struct failover *f, const struct query *master, const char *host)
{
	return refuse(f, "lacks what %s:%d has written: %s", host,
	    f->master_port, master->sentence);
}

static enum failover_result
say_waits(struct failover *f, const char *host)
{
	return f->say(f, FAILOVER_AGAIN, "waits for the stream from %s:%d", host,
	    f->master_port);
}

/* A receiver that its master is about to refuse streams as well, for a moment:
 * so each new one is looked into, once.  What the master no longer has may still
 * come from an archive. */
static enum failover_result
check_stream(struct failover *f, struct query *q, struct query *master,
    const char *host, const char *receiver, uint64_t segment)
{
	static int		 known;
	struct position		 own;
	char			 system[32];
	bool			 is_new = known != atoi(receiver);

	known = atoi(receiver);
	if (is_new && segment != 0 &&
	    own_position(f, &own, system, sizeof(system)) == FAILOVER_DONE &&
	    own.lsn % segment != 0 && is_removed(f, master, &own, segment)) {
		if (!query_true(q, 2))
			return say_waits(f, host);
		known = 0;
		return say_removed(f, master, host);
	}
	if (f->remember(f, "") != FAILOVER_DONE)
		return FAILOVER_FAILED;
	return say_streams(f, q, host);
}

/* Its receiver streams.  Is that what the master writes now?  A copy that has
 * diverged is sent the old timeline up to the fork, again and again.  Where the
 * master has no connection left for us, what was known stays known. */
static enum failover_result
follow_stream(struct failover *f, struct query *q, const char *host,
    uint64_t segment, bool *current)
{
	enum failover_result	 result = FAILOVER_FAILED;
	struct position		 other;
	struct query		 master;
	char			 receiver[16], timeline[16], system[32];
	bool			 asked;

	snprintf(timeline, sizeof(timeline), "%s", query_value(q, 2));
	snprintf(receiver, sizeof(receiver), "%s", query_value(q, 3));
	asked = query_master(&master, f, host, f->master_port) &&
	    query_position(&master, f, &other, system, sizeof(system));
	*current = !asked || (other.timeline == strtoul(timeline, NULL, 10) &&
	    !process_owns(f, PQbackendPID(master.conn)));
	if (*current && !query_run(q, f, "SELECT true, "
	    "pg_is_wal_replay_paused(), "
	    "current_setting('restore_command') = '' FROM pg_stat_wal_receiver "
	    "WHERE pid = $1 AND status = 'streaming'", receiver, NULL))
		f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	else if (*current && (*current = query_true(q, 0)) && asked)
		result = check_stream(f, q, &master, host, receiver, segment);
	else if (*current)
		result = say_streams(f, q, host);
	if (!asked && result == FAILOVER_DONE)
		f->say(f, result, "slave of %s:%d, which can't be queried: %s",
		    host, f->master_port, master.sentence);
	query_close(&master);
	return result;
}

static uint64_t	waits_at;	/* the position; 0: it does not wait */
static int64_t	waits_since;	/* of deadline_now */

/* A server with an archive asks there and at its master in turns: one that goes
 * from the archive to its master looks for a moment as if neither had more.  Its
 * row has, from column 1, whether there is no archive, and the pause between two
 * rounds in ms. */
static bool
stands_still(const struct query *q, uint64_t lsn)
{
	if (waits_at != lsn) {
		waits_at = lsn;
		waits_since = deadline_now();
	}
	return query_true(q, 1) ||
	    deadline_now() - waits_since > 2 * atoll(query_value(q, 2));
}

/* A server that has applied all that is here and in an archive, and whose
 * master has removed what comes next, waits for ever. */
static enum failover_result
wait_stream(struct failover *f, struct query *q, const char *host,
    uint64_t segment)
{
	enum failover_result	 result;
	struct position		 own;
	struct query		 master = { 0 };
	char			 system[32];

	result = say_waits(f, host);
	if (segment != 0 && query_run(q, f, "SELECT pg_last_wal_replay_lsn(), "
	    "current_setting('restore_command') = '', pause.setting "
	    "FROM pg_stat_activity, pg_settings AS pause "
	    "WHERE backend_type = 'startup' AND "
	    "(wait_event LIKE 'RecoveryWal%' OR "
	    "wait_event = 'RecoveryRetrieveRetryInterval') AND "
	    "pause.name = 'wal_retrieve_retry_interval'", NULL) &&
	    own_position(f, &own, system, sizeof(system)) == FAILOVER_DONE &&
	    lsn_parse(query_value(q, 0), &own.lsn) &&
	    stands_still(q, own.lsn) &&
	    query_master(&master, f, host, f->master_port) &&
	    is_removed(f, &master, &own, segment))
		result = say_removed(f, &master, host);
	query_close(&master);
	return result;
}

/* It runs as a standby and has diverged. */
static enum failover_result
stop_diverged(struct failover *f, const char *host, enum rejoin_way way)
{
	if (!rejoin_allows(f, way))
		return FAILOVER_FAILED;
	if (!server_stop(f, false))
		return f->say(f, FAILOVER_FAILED, "can't be stopped");
	return f->say(f, FAILOVER_AGAIN, "stopped: it has diverged from %s:%d",
	    host, f->master_port);
}

/* It runs as a standby. */
static enum failover_result
follow(struct failover *f, struct query *q, const char *host, uint64_t segment)
{
	enum failover_result	 result;
	enum rejoin_way		 way;
	char			 conninfo[2048], port[8];
	bool			 reached, pointed, current;

	if (!keywords_conninfo(f, host, f->master_port, "", conninfo,
	    sizeof(conninfo)))
		return f->say(f, FAILOVER_FAILED,
		    "option replication is too long");
	snprintf(port, sizeof(port), "%d", f->master_port);
	if (!query_run(q, f, "SELECT current_setting('primary_conninfo') = $1, "
	    "r.status = 'streaming' AND r.sender_host = $2 AND "
	    "r.sender_port = $3::int, r.received_tli, r.pid "
	    "FROM (SELECT) AS one "
	    "LEFT JOIN pg_stat_wal_receiver AS r ON true", conninfo, host,
	    port, NULL))
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	pointed = query_true(q, 0);
	if (pointed && query_true(q, 1)) {
		waits_at = 0;
		result = follow_stream(f, q, host, segment, &current);
		if (current)
			return result;
	}
	result = check_master(f, q, host, &way, &reached);
	if (way != REJOIN_AS_IS) {
		query_close(q);
		return stop_diverged(f, host, way);
	}
	if (result != FAILOVER_DONE)
		return result;
	return pointed ? wait_stream(f, q, host, segment) :
	    point(f, q, host, conninfo);
}

/* It runs as a standby; another start gives it settings that keep it one. */
static enum failover_result
keep_standby(struct failover *f, const struct server *s, const char *host)
{
	enum failover_result	 result;
	struct query		 q;
	bool			 safe, stuck = false;

	if (!query_local(&q, f, false)) {
		result = say_down(f, &q);
		query_close(&q);
		return result;
	}
	safe = settings_proven(f, s->postmaster) ||
	    settings_safe(f, &q, &stuck);
	if (safe)
		result = follow(f, &q, host, s->control.segment);
	else
		result = f->say(f, FAILOVER_FAILED, "%s", q.sentence);
	query_close(&q);
	if (safe || stuck)
		return result;
	f->log(f, FAILOVER_WARNING, "is started again without: %s", q.sentence);
	result = demote(f, s);
	return result == FAILOVER_DONE ? FAILOVER_AGAIN : result;
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	enum failover_result	 result;
	struct server		 s;

	if (!data_check(f))
		return FAILOVER_FAILED;
	server_look(f, &s);
	if (job_running(f))
		return f->say(f, FAILOVER_AGAIN, "it is started, rewound or "
		    "copied: see %s", data_log(f));
	switch (s.kind) {
	case SERVER_NONE:
	case SERVER_STOPPED:
		return start_slave(f, &s, master_host);
	case SERVER_STARTING:
	case SERVER_STOPPING:
		return f->say(f, FAILOVER_AGAIN, "starts or stops");
	case SERVER_PRIMARY:
	case SERVER_ORPHANED:
		result = demote(f, &s);
		return result == FAILOVER_DONE ? FAILOVER_AGAIN : result;
	case SERVER_STANDBY:
		break;
	}
	return keep_standby(f, &s, master_host);
}

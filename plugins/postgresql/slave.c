/*
 * slave.c - ensure_slave: a server that runs is told whom to follow, one that
 * is stopped is started; before that its data is compared with the master's.
 */
#include "postgresql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	    !server_wal(f, own->timeline, begin, here, size) ||
	    !query_wal(q, f, own->timeline, begin, there, size) ||
	    memcmp(here, there, size) == 0;
}

/* Is it another server of the same database, and can it be followed with the
 * data that is here?  AGAIN where that will be known later. */
static enum failover_result
compare(struct failover *f, struct query *local, struct query *q,
    const char *host, enum rejoin_way *way)
{
	struct position		 own, other;
	enum failover_result	 result;
	char			 system[32], own_system[32];
	uint64_t		 applied;
	bool			 recovers;

	/* What was received and not applied does no harm: a record that its
	 * master could not send to its end, mostly.  Our own first, and its
	 * timeline after that, so that the master's is the later one. */
	if (local != NULL && (!query_run(local, f,
	    "SELECT pg_last_wal_replay_lsn()", NULL) ||
	    !lsn_parse(query_value(local, 0), &applied)))
		return f->say(f, FAILOVER_FAILED, "%s", local->sentence);
	result = own_position(f, &own, own_system, sizeof(own_system));
	if (result != FAILOVER_DONE)
		return result;
	if (local != NULL)
		own.lsn = applied;
	if (!query_position(q, f, &other, system, sizeof(system)) ||
	    !query_run(q, f, "SHOW transaction_read_only", NULL))
		return f->say(f, FAILOVER_FAILED, "%s:%d: %s", host,
		    f->master_port, q->sentence);
	if (server_owns(f, PQbackendPID(q->conn)))
		return f->say(f, FAILOVER_FAILED, "%s:%d is this server itself",
		    host, f->master_port);
	if (PQserverVersion(q->conn) / 10000 != server_version(f))
		return f->say(f, FAILOVER_FAILED, "%s:%d is PostgreSQL %d, and "
		    "this one %d", host, f->master_port,
		    PQserverVersion(q->conn) / 10000, server_version(f));
	if (strcmp(system, own_system) != 0)
		return f->say(f, FAILOVER_FAILED, "%s:%d has another database "
		    "(system identifier %s) than %s (%s)", host,
		    f->master_port, system, server_data(f), own_system);
	recovers = strcmp(query_value(q, 0), "on") == 0;
	if (position_has(&other, &own)) {
		if (same_timeline(f, q, &own))
			return FAILOVER_DONE;
		*way = REJOIN_COPY;
		f->say(f, FAILOVER_FAILED, "has diverged: its timeline %u is "
		    "another one than that of %s:%d, so only a new copy helps",
		    own.timeline, host, f->master_port);
		return FAILOVER_DONE;
	}
	if (recovers)
		return f->say(f, FAILOVER_AGAIN, "waits until %s:%d has been "
		    "promoted", host, f->master_port);
	/* pg_rewind takes one number for one timeline. */
	*way = own.timeline == other.timeline ? REJOIN_COPY : REJOIN_REWIND;
	f->say(f, FAILOVER_FAILED, "has diverged: %lld bytes of timeline %u "
	    "are not in %s:%d", (long long)position_behind(&other, &own),
	    own.timeline, host, f->master_port);
	return FAILOVER_DONE;
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
		result = f->say(f, FAILOVER_FAILED, "%s", q.sentence);
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
	if (server_torn(f))
		return rejoin_allows(f, REJOIN_REWIND) ?
		    rejoin(f, s, host, REJOIN_REWIND) : f->say(f,
		    FAILOVER_FAILED, "pg_rewind of %s has not come to its end: "
		    "on_divergence = rewind or copy lets it be done again",
		    server_data(f));
	if (s->control.clean)
		result = check_master(f, NULL, host, &way, &reached);
	/* What a crash has left is known when it runs as a standby, and so it
	 * can serve while its master is away. */
	if (result != FAILOVER_DONE && reached)
		return result;
	if (!rejoin_allows(f, way))
		return FAILOVER_FAILED;
	result = rejoin(f, s, host, way);
	if (result == FAILOVER_FAILED && !s->control.clean &&
	    rejoin_allows(f, REJOIN_REWIND))
		result = rejoin(f, s, host, REJOIN_REWIND);
	return result;
}

enum failover_result
point(struct failover *f, struct query *q, const char *host,
    const char *conninfo)
{
	char		*literal = PQescapeLiteral(q->conn, conninfo,
			    strlen(conninfo));
	char		 sql[4096];
	struct server	 s;
	bool		 ok;

	if (literal == NULL)
		return f->say(f, FAILOVER_FAILED, "out of memory");
	snprintf(sql, sizeof(sql), "ALTER SYSTEM SET primary_conninfo = %s",
	    literal);
	PQfreemem(literal);
	ok = query_run(q, f, sql, NULL) &&
	    query_run(q, f, "SELECT pg_reload_conf()", NULL);
	if (!ok)
		return f->say(f, FAILOVER_FAILED,
		    "can't set primary_conninfo: %s", q->sentence);
	if (PQserverVersion(q->conn) < 130000) {
		server_look(f, &s);
		if (demote(f, &s) != FAILOVER_DONE)
			return FAILOVER_FAILED;
	}
	return f->say(f, FAILOVER_AGAIN, "was told to follow %s:%d", host,
	    f->master_port);
}

/* Streams it what the master writes now?  A copy that has diverged is sent the
 * old timeline up to the fork, again and again. */
static bool
is_current(struct failover *f, const char *host, const char *timeline)
{
	struct position	 other;
	struct query	 q;
	char		 system[32];
	bool		 current;

	current = !query_master(&q, f, host, f->master_port) ||
	    !query_position(&q, f, &other, system, sizeof(system)) ||
	    other.timeline == strtoul(timeline, NULL, 10);
	query_close(&q);
	return current;
}

/* It runs as a standby. */
static enum failover_result
follow(struct failover *f, struct query *q, const char *host)
{
	enum failover_result	 result;
	enum rejoin_way		 way;
	char			 conninfo[2048], port[8];
	bool			 reached, pointed;

	if (!query_conninfo(f, host, f->master_port, "", conninfo,
	    sizeof(conninfo)))
		return f->say(f, FAILOVER_FAILED,
		    "option replication is too long");
	snprintf(port, sizeof(port), "%d", f->master_port);
	if (!query_run(q, f, "SELECT current_setting('primary_conninfo') = $1, "
	    "r.status = 'streaming' AND r.sender_host = $2 AND "
	    "r.sender_port = $3::int, r.received_tli FROM (SELECT) AS one "
	    "LEFT JOIN pg_stat_wal_receiver AS r ON true", conninfo, host,
	    port, NULL))
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	pointed = query_true(q, 0);
	if (pointed && query_true(q, 1) &&
	    is_current(f, host, query_value(q, 2)))
		return f->say(f, FAILOVER_DONE, "slave of %s:%s", host, port);

	result = check_master(f, q, host, &way, &reached);
	if (result == FAILOVER_DONE && way != REJOIN_AS_IS) {
		if (!rejoin_allows(f, way))
			return FAILOVER_FAILED;
		query_close(q);
		if (!server_stop(f, false))
			return f->say(f, FAILOVER_FAILED, "can't be stopped");
		return f->say(f, FAILOVER_AGAIN, "stopped: it has diverged "
		    "from %s:%s", host, port);
	}
	if (result != FAILOVER_DONE)
		return result;
	return pointed ? f->say(f, FAILOVER_AGAIN, "waits for the stream "
	    "from %s:%s", host, port) : point(f, q, host, conninfo);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	enum failover_result	 result;
	struct server		 s;
	struct query		 q;

	if (!server_check(f))
		return FAILOVER_FAILED;
	server_look(f, &s);
	if (job_running(f))
		return f->say(f, FAILOVER_AGAIN, "it is started, rewound or "
		    "copied: see %s", server_log(f));
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
	if (query_local(&q, f, false))
		result = follow(f, &q, master_host);
	else
		result = say_down(f, &q);
	query_close(&q);
	return result;
}

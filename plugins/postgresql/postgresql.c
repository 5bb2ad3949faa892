/*
 * postgresql.c - a PostgreSQL server with streaming replication.
 *
 * A primary can't be told to become a standby: it has to be stopped, and
 * started again beside a file standby.signal.  So
 *
 *	ensure_demoted	standby.signal, stop, start in the background
 *	ensure_slave	where it is stopped: pg_rewind if its data has
 *			diverged, start; where it runs: primary_conninfo
 *	ensure_master	wait for what is missing, pg_promote
 *
 * What is stopped and started is told by server.h, what its data needs by
 * rejoin.h, and which of two copies has got further by position.h.
 */
#include "postgresql.h"

#include <stdio.h>
#include <string.h>

static const struct failover_option options[] = {
	{ "data_directory", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "the server's data directory" },
	{ "config_file", FAILOVER_STRING, "",
	    "its postgresql.conf, where that is not in data_directory" },
	{ "bin_directory", FAILOVER_STRING, "",
	    "folder of pg_ctl; default: where Debian or PGDG put it" },
	{ "connection", FAILOVER_STRING, "",
	    "how the plugin reaches it: host=/run/postgresql user=postgres" },
	{ "password_file", FAILOVER_STRING, "",
	    "file with the password for connection" },
	{ "replication", FAILOVER_STRING, "user=replicator",
	    "how slaves reach a master: user=replicator passfile=/path" },
	{ "on_divergence", FAILOVER_STRING, "rewind",
	    "refuse; rewind by pg_rewind; copy: rewind or a new copy" },
	{ "start_command", FAILOVER_STRING, "",
	    "shell command that starts the server; default: pg_ctl" },
	{ "stop_command", FAILOVER_STRING, "",
	    "shell command that stops it; default: as pg_ctl -m fast" },
	{ "log_file", FAILOVER_STRING, "",
	    "what starts and pg_rewind write; default: data_directory.log" },
	{ 0 }
};

FAILOVER_PLUGIN("postgresql", "1.0",
    "PostgreSQL 12 or later, streaming replication", options);

enum failover_result
plugin_start(struct failover *f)
{
	const char	*way = f->option(f, "on_divergence");

	if (strcmp(way, "refuse") != 0 && strcmp(way, "rewind") != 0 &&
	    strcmp(way, "copy") != 0)
		return f->say(f, FAILOVER_FAILED, "option on_divergence: %s is "
		    "none of refuse, rewind, copy", way);
	if (strchr(f->option(f, "config_file"), '\'') != NULL)
		return f->say(f, FAILOVER_FAILED,
		    "option config_file: a ' in its name can't be handled");
	return query_check(f) ? FAILOVER_DONE : FAILOVER_FAILED;
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	health_stop();
}

enum failover_result
say_down(struct failover *f, struct query *q)
{
	struct server	 s;

	server_look(f, &s);
	if (job_running(f))
		return f->say(f, FAILOVER_AGAIN, "it is started, rewound or "
		    "copied: see %s", server_log(f));
	switch (s.kind) {
	case SERVER_NONE:
		return f->say(f, FAILOVER_FAILED, "%s is empty: when there is "
		    "a master, its data is copied there", server_data(f));
	case SERVER_STOPPED:
		return f->say(f, FAILOVER_FAILED, server_torn(f) ? "pg_rewind "
		    "has not come to its end, so the server is not started "
		    "before there is a master to finish it from" :
		    "the server does not run");
	case SERVER_ORPHANED:
		return f->say(f, FAILOVER_FAILED, "its postmaster is dead, but "
		    "other processes of it still run");
	case SERVER_STOPPING:
		/* Not by us: nobody had to ask for it, and so nobody waits. */
		if (server_mark(f) == MARK_NONE)
			return f->say(f, FAILOVER_FAILED,
			    "the server is being stopped");
		/* FALLTHROUGH */
	default:
		return f->say(f, q->end == QUERY_BUSY ? FAILOVER_AGAIN :
		    FAILOVER_FAILED, "%s", q->sentence);
	}
}

/*
 * position, has_position, behind
 */

static enum failover_result
look_position(struct failover *f, struct position *p, char *system, size_t size)
{
	bool		 job = job_running(f), ok;
	struct server	 s;
	struct query	 q;

	server_look(f, &s);
	/* Who stops has no more to write; who starts has it already. */
	if (s.control.clean) {
		*p = s.control.position;
		snprintf(system, size, "%s", s.control.system);
		return FAILOVER_DONE;
	}
	if (s.postmaster == 0 && !job)
		return f->say(f, FAILOVER_FAILED, "the server does not run, "
		    "and was not stopped in good order");
	ok = query_local(&q, f, true) && query_position(&q, f, p, system, size);
	query_close(&q);
	if (ok)
		return FAILOVER_DONE;
	return f->say(f, job || q.end == QUERY_BUSY ||
	    s.kind == SERVER_STARTING || s.kind == SERVER_STOPPING ||
	    f->time_left(f) <= ANSWER_TIME ? FAILOVER_AGAIN : FAILOVER_FAILED,
	    "%s", q.sentence);
}

enum failover_result
own_position(struct failover *f, struct position *p, char *system, size_t size)
{
	enum failover_result	 result;

	while ((result = look_position(f, p, system, size)) == FAILOVER_AGAIN &&
	    f->time_left(f) > ANSWER_TIME)
		pause_ms(LOOK_AGAIN);
	return result;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	enum failover_result	 result;
	struct position		 p;
	char			 system[32];

	if (!server_check(f))
		return FAILOVER_FAILED;
	result = own_position(f, &p, system, sizeof(system));
	if (result != FAILOVER_DONE)
		return result;
	return position_print(&p, text, size) ? FAILOVER_DONE :
	    f->say(f, FAILOVER_FAILED, "too many timelines");
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	struct position	 own, other;
	char		 system[32];

	if (!position_parse(&other, text))
		return f->say(f, FAILOVER_AGAIN, "no position: %s", text);
	if (!server_check(f) || own_position(f, &own, system,
	    sizeof(system)) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (position_has(&own, &other))
		return f->say(f, FAILOVER_DONE, "has it");
	return f->say(f, FAILOVER_FAILED, "lacks %lld bytes",
	    (long long)position_behind(&own, &other));
}

int64_t
behind(struct failover *f, const char *text)
{
	struct position	 own, other;
	char		 system[32];

	if (!position_parse(&other, text) || !server_check(f) ||
	    own_position(f, &own, system, sizeof(system)) != FAILOVER_DONE)
		return -1;
	return position_behind(&own, &other);
}

/*
 * ensure_demoted
 */

/* Who else has stopped it with "pg_ctl stop" looks ten times a second whether
 * it is gone, and must not see the new one. */
#define STOP_SEEN	300

static bool
start_job(struct failover *f, void *arg, int log)
{
	const struct server	*s = arg;

	if (s->kind == SERVER_STOPPING || s->kind == SERVER_STOPPED)
		pause_ms(STOP_SEEN);
	return server_start(f, s->postmaster, log);
}

enum failover_result
demote(struct failover *f, const struct server *s)
{
	struct server	 old = *s;
	struct program	 job;
	bool		 marked;

	/* First: from here on nobody can start it as a master, or again.  But
	 * a promotion under way is only over when it is stopped. */
	marked = server_mark(f) == MARK_PROMOTING ||
	    server_set_mark(f, MARK_STANDBY);
	if (!marked)
		f->log(f, FAILOVER_ERROR, "can't write %s/standby.signal: the "
		    "server will not be started again", server_data(f));
	if (!server_stop(f, true))
		return f->say(f, FAILOVER_FAILED,
		    "the server can't be stopped, not even by SIGKILL");
	marked = marked && server_set_mark(f, MARK_STANDBY);
	if (!marked || !job_start(&job, f, true, start_job, &old))
		return f->say(f, FAILOVER_DONE, "stopped");
	return f->say(f, FAILOVER_DONE,
	    "stopped, and starts again as a standby");
}

enum failover_result
ensure_demoted(struct failover *f)
{
	int64_t		 half = f->time_left(f) / 2;
	struct server	 s;

	if (!server_check(f))
		return FAILOVER_FAILED;
	server_look(f, &s);
	while (s.kind == SERVER_STARTING && f->time_left(f) > half) {
		pause_ms(LOOK_AGAIN);
		server_look(f, &s);
	}
	if (s.kind == SERVER_NONE)
		return f->say(f, FAILOVER_DONE, "there is no database");
	if (s.kind == SERVER_STANDBY)
		return f->say(f, FAILOVER_DONE, "standby, so read-only");
	if (s.kind != SERVER_PRIMARY && job_running(f))
		return f->say(f, FAILOVER_DONE, "stopped");
	return demote(f, &s);
}

/*
 * postgresql.c - a PostgreSQL server with streaming replication.
 *
 * A running primary can't become a standby: it has to be stopped, and started
 * again with a file standby.signal.  So
 *
 *	ensure_demoted	standby.signal, stop, start in the background
 *	ensure_slave	if stopped: pg_rewind if its data has diverged,
 *			start; if running: primary_conninfo
 *	ensure_master	wait for missing data, pg_promote
 *
 * server.h stops and starts it, rejoin.h prepares its data, and position.h
 * decides which of two copies has more data.
 */
#include "postgresql.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "job.h"
#include "keywords.h"
#include "mark.h"
#include "process.h"
#include "program.h"
#include "settings.h"
#include "unit.h"

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
	    "output of starts and pg_rewind; default: data_directory.log" },
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
	if (strstr(f->option(f, "start_command"), "recovery_target") != NULL)
		return f->say(f, FAILOVER_FAILED, "option start_command: with "
		    "recovery_target the server stops being a standby");
	if (strchr(f->option(f, "config_file"), '\'') != NULL)
		return f->say(f, FAILOVER_FAILED,
		    "option config_file: a ' in its name can't be handled");
	return keywords_check(f) ? FAILOVER_DONE : FAILOVER_FAILED;
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
	/* A master has none before it is demoted; but others can take its lock,
	 * too, and would keep a dead one in its place. */
	if (f->role != FAILOVER_MASTER && job_running(f))
		return f->say(f, FAILOVER_AGAIN, "it is started, rewound or "
		    "copied: see %s", data_log(f));
	if (q->end == QUERY_STRANGER)
		return f->say(f, FAILOVER_FAILED, "%s", q->sentence);
	if (q->connected && (s.kind == SERVER_NONE ||
	    s.kind == SERVER_STOPPED))
		return f->say(f, FAILOVER_FAILED, "no process has its data in "
		    "data_directory %s, but port %d answers: %s",
		    data_folder(f), f->port, q->sentence);
	switch (s.kind) {
	case SERVER_NONE:
		return f->say(f, FAILOVER_FAILED, "%s is empty: when there is "
		    "a master, its data is copied there", data_folder(f));
	case SERVER_STOPPED:
		if (!mark_torn(f))
			return f->say(f, FAILOVER_FAILED,
			    "the server does not run");
		return f->say(f, FAILOVER_FAILED, "pg_rewind has not finished, "
		    "so the server is not started until it has: %s%s",
		    f->master_host[0] == '\0' ? "there is no master to finish "
		    "it from" : "it must be finished from the master ",
		    f->master_host);
	case SERVER_ORPHANED:
		return f->say(f, FAILOVER_FAILED, "its postmaster is dead, but "
		    "other processes of it still run");
	case SERVER_STOPPING:
		/* Not by us: nobody had to ask for it, and so nobody waits. */
		if (mark_get(f) == MARK_NONE)
			return f->say(f, FAILOVER_FAILED,
			    "the server is being stopped");
		__attribute__((fallthrough));
	default:
		return f->say(f, q->end == QUERY_BUSY ? FAILOVER_AGAIN :
		    FAILOVER_FAILED, "%s", q->sentence);
	}
}

bool
is_spoilt(struct failover *f)
{
	if (*f->memory == '\0' || f->promote)
		return false;
	f->say(f, FAILOVER_FAILED, "%s; %s, or make this one master anyway: "
	    "consul-failover promote", f->memory, strncmp(f->memory,
	    SHUT_OUT, strlen(SHUT_OUT)) == 0 ? "let it in" :
	    "make a new copy");
	return true;
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
		    "and was not stopped properly");
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

	if (!data_check(f))
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
	if (!data_check(f) || own_position(f, &own, system,
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

	if (!position_parse(&other, text) || !data_check(f) ||
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

/* That no process has data_directory proves nothing where the options name
 * another server's, an empty folder, or one of another container: then somebody
 * else listens where ours should. */
static enum failover_result
say_demoted(struct failover *f, const char *text)
{
	if (query_stranger(f))
		return f->say(f, FAILOVER_FAILED, "a server that is not that "
		    "of data_directory %s listens on port %d and may take "
		    "writes: correct the options data_directory and connection",
		    data_folder(f), f->port);
	return f->say(f, FAILOVER_DONE, "%s", text);
}

enum failover_result
demote(struct failover *f, const struct server *s)
{
	struct server	 old = *s;
	struct program	 job;
	bool		 marked;
	enum failover_result result;

	/* First: from here on nobody can start it as a master, or again.  But
	 * a promotion under way is only over when it is stopped. */
	marked = mark_get(f) == MARK_PROMOTING ||
	    mark_set(f, MARK_STANDBY);
	if (!marked)
		f->log(f, FAILOVER_ERROR, "can't write %s/standby.signal: the "
		    "server will not be started again", data_folder(f));
	if (!server_stop(f, true))
		return f->say(f, FAILOVER_FAILED,
		    "the server can't be stopped, not even by SIGKILL");
	result = say_demoted(f, "stopped");
	marked = marked && mark_set(f, MARK_STANDBY);
	if (result != FAILOVER_DONE || !marked ||
	    !job_start(&job, f, true, start_job, &old))
		return result;
	return f->say(f, FAILOVER_DONE,
	    "stopped, and starts again as a standby");
}

/* What the server says of its settings; false where it says nothing. */
static bool
ask_settings(struct failover *f, struct query *q, bool *safe)
{
	bool	 stuck;

	*safe = false;
	*q = (struct query){ 0 };
	if (keywords_look_up(f))
		return query_failed(q, "the host in option connection would "
		    "have to be looked up");
	if (!query_local(q, f, false))
		return false;
	*safe = settings_safe(f, q, &stuck);
	return *safe || PQresultStatus(q->result) == PGRES_TUPLES_OK;
}

/* Its settings are those that the plugin has given it, or it says so.  One that
 * says nothing may be full, or start: that is no reason to stop it, but that its
 * files can't be read in time is. */
static bool
stays_standby(struct failover *f, const struct server *s)
{
	int64_t		 deadline = f->deadline, quarter = f->time_left(f) / 4;
	struct query	 q;
	const char	*name;
	bool		 safe;

	if (settings_proven(f, s->postmaster))
		return true;
	f->deadline = deadline - 3 * quarter;
	if (!ask_settings(f, &q, &safe)) {
		f->deadline = deadline - 2 * quarter;
		safe = settings_in_files(f, &name) && name == NULL;
		if (safe)
			f->log(f, FAILOVER_WARNING, "can't be asked whether it "
			    "remains a standby: %s", q.sentence);
		else if (name != NULL)
			query_failed(&q, "%s is in its configuration", name);
	}
	f->deadline = deadline;
	if (!safe)
		f->log(f, FAILOVER_WARNING, "is started again, because it may "
		    "not remain a standby: %s", q.sentence);
	query_close(&q);
	return safe;
}

/* Where there is or was another master, we have made this one a master, or
 * restarted it before, it may be an old one. */
bool
is_left_alone(struct failover *f)
{
	const char	*unit;

	if (f->role != FAILOVER_NO_ROLE || *f->master_host != '\0' ||
	    f->epoch != 0 || *f->option(f, "start_command") != '\0' ||
	    mark_is_ours(f) || access(data_log(f), F_OK) == 0)
		return false;
	process_postmaster(f);
	if ((unit = unit_owner(f)) == NULL)
		return false;
	f->say(f, FAILOVER_FAILED, "is left alone, because it belongs "
	    "to %s, which would stop what is started in its place: write "
	    "\"start_command = systemctl start %s\" into [options], and "
	    "stop_command likewise", unit, unit);
	return true;
}

/* A job of ours has it: then nothing runs, or what stops is past its last write,
 * and it is started as a standby.  The lock alone proves nothing: who may read
 * data_directory can take it. */
static bool
is_at_rest(struct failover *f, const struct server *s)
{
	if (s->kind == SERVER_STOPPING)
		return s->control.closed && job_running(f);
	return s->kind == SERVER_STOPPED && job_running(f) &&
	    (mark_get(f) != MARK_NONE || mark_torn(f));
}

enum failover_result
ensure_demoted(struct failover *f)
{
	int64_t		 half = f->time_left(f) / 2;
	struct server	 s;

	if (!data_check(f))
		return FAILOVER_FAILED;
	server_look(f, &s);
	while (s.kind == SERVER_STARTING && f->time_left(f) > half) {
		pause_ms(LOOK_AGAIN);
		server_look(f, &s);
	}
	if (s.kind == SERVER_NONE)
		return say_demoted(f, "there is no database");
	if (s.kind == SERVER_STANDBY && stays_standby(f, &s))
		return say_demoted(f, "standby, so read-only");
	if (is_at_rest(f, &s))
		return f->say(f, FAILOVER_DONE, "stopped");
	if (s.kind == SERVER_PRIMARY && is_left_alone(f))
		return FAILOVER_FAILED;
	return demote(f, &s);
}

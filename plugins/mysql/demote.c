/*
 * demote.c - read-only, also behind long statements, locks and backups.
 *
 * SET GLOBAL read_only waits for every statement that writes, for LOCK TABLES
 * and for commits, and lets none begin meanwhile.  Sessions that end soon are
 * waited for; the others are killed, from a second connection.
 */
#include "demote.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE	250	/* ms for what is about to commit */
#define AGAIN	50	/* ms until those who came meanwhile are ended, too */
#define GONE	500	/* ms that are left for the demotion itself */
#define SETTLE	2	/* ms until what was ended may be gone */
#define TRIES	100	/* for a second connection */

/* Sessions of users; the binary log's readers must go on, they carry the last
 * transactions to the slaves. */
static bool
is_session(const struct table *t, size_t row, const char *own)
{
	const char	*id = table_get(t, row, "Id");
	const char	*user = table_get(t, row, "User");
	const char	*command = table_get(t, row, "Command");

	return id != NULL && user != NULL && command != NULL &&
	    strcmp(id, own) != 0 && strcmp(user, "system user") != 0 &&
	    strcmp(user, "event_scheduler") != 0 &&
	    strncmp(command, "Binlog Dump", strlen("Binlog Dump")) != 0 &&
	    strcmp(command, "Daemon") != 0;
}

/* Ends all of them but our own and that one; how many there were, or -1.  Where
 * newest is not 0, those that are newer are left out; else it is set. */
static int
end_sessions(struct server *s, const char *spared, uint64_t *newest)
{
	struct table	 own = { 0 }, t = { 0 };
	const char	*us;
	uint64_t	 id, last = 0;
	size_t		 row;
	int		 count = -1;

	if (!server_run(s, &own, "SELECT CONNECTION_ID() AS id") ||
	    (us = table_get(&own, 0, "id")) == NULL ||
	    !server_run(s, &t, "SHOW PROCESSLIST"))
		goto out;
	count = 0;
	for (row = 0; row < t.rows && count != -1; row++) {
		if (!is_session(&t, row, us) || !is_session(&t, row, spared))
			continue;
		id = strtoull(table_get(&t, row, "Id"), NULL, 10);
		if (*newest != 0 && id > *newest)
			continue;
		last = id > last ? id : last;
		count++;
		if (strcmp(table_get(&t, row, "Command"), "Killed") != 0 &&
		    !server_run(s, NULL, "KILL %" PRIu64, id) &&
		    s->error != ER_NO_SUCH_THREAD)
			count = -1;
	}
	if (*newest == 0)
		*newest = last;
out:
	table_free(&own);
	table_free(&t);
	return count;
}

/* A second connection, before it is needed: where all are taken, sessions must
 * be ended from the first one, which is busy later. */
static bool
open_second(struct server *second, struct server *s, struct failover *f,
    const struct place *at)
{
	uint64_t	 newest;
	int		 tries = 0;
	bool		 ok;

	while (!(ok = server_open(second, f, at)) && server_is_full(second) &&
	    tries++ < TRIES && f->time_left(f) > GONE) {
		newest = 0;
		if (end_sessions(s, "", &newest) == -1)
			break;
		server_pause(SETTLE);
	}
	if (!ok)
		f->log(f, FAILOVER_WARNING, "no second connection, so all "
		    "sessions are ended first: %s", second->text);
	return ok;
}

/* Without a second one: it waits for at most 1 s, and is said again. */
static bool
block_alone(struct failover *f, struct server *s, const char *block)
{
	uint64_t	 newest;
	bool		 ok;

	if (!server_run(s, NULL, "SET SESSION lock_wait_timeout = 1"))
		return false;
	do {
		newest = 0;
		if (end_sessions(s, "", &newest) == -1)
			return false;
		ok = server_run(s, NULL, "%s", block);
	} while (!ok && s->error == ER_LOCK_WAIT_TIMEOUT &&
	    f->time_left(f) > GONE);
	return ok;
}

/* Somebody holds it up.  Ends the sessions until it has come through. */
static bool
break_through(struct failover *f, struct server *s, struct server *second,
    const char *id)
{
	uint64_t	 newest;
	bool		 done = false;

	f->log(f, FAILOVER_WARNING,
	    "writes are under way: ending all sessions");
	while (!done && s->error == 0 && f->time_left(f) > AGAIN) {
		newest = 0;
		if (end_sessions(second, id, &newest) == -1)
			server_fail(s, "can't end sessions: %s", second->text);
		else
			done = server_end(s, AGAIN);
	}
	return done;
}

static bool
block_writes(struct failover *f, struct copy *c, const struct place *at)
{
	struct server	*s = &c->server, second = { 0 };
	struct table	 own = { 0 };
	const char	*id;
	int64_t		 left = f->time_left(f);
	bool		 ok = false;

	/* The server goes on waiting where we are killed: not for long, or it
	 * might hit a later master. */
	if (!server_run(s, NULL, "SET SESSION lock_wait_timeout = %d",
	    (int)(left / 1000) + 1) ||
	    !server_run(s, &own, "SELECT CONNECTION_ID() AS id") ||
	    (id = table_get(&own, 0, "id")) == NULL)
		goto out;
	if (open_second(&second, s, f, at))
		ok = server_begin(s, c->dialect->block) &&
		    (server_end(s, left / 4 < GRACE ? left / 4 : GRACE) ||
		    (s->error == 0 && break_through(f, s, &second, id)));
	else
		ok = block_alone(f, s, c->dialect->block);
	if (!ok && s->text[0] == '\0')
		server_fail(s, "a session that was ended still rolls back");
out:
	server_close(&second);
	table_free(&own);
	return ok;
}

/* An event of a definer who may write in spite of read_only would. */
static bool
stop_events(struct copy *c)
{
	const char	*events = table_get(&c->variables, 0,
			    "event_scheduler");

	return !c->dialect->mariadb || events == NULL ||
	    strcmp(events, "ON") != 0 ||
	    server_run(&c->server, NULL, "SET GLOBAL event_scheduler = OFF");
}

/* Nothing of an ordinary user can commit now.  One of a user who may write in
 * spite of read_only may be in the middle of it, and a handler of ours that was
 * killed may have allowed writes with a statement that still waits. */
static bool
sessions_end(struct failover *f, struct server *s)
{
	int64_t		 until = f->time_left(f) / 4;
	uint64_t	 newest = 0;
	int		 sessions;

	while ((sessions = end_sessions(s, "", &newest)) > 0) {
		if (f->time_left(f) <= until)
			return server_fail(s, "%d of them continue", sessions);
		server_pause(SETTLE);
	}
	return sessions == 0;
}

enum failover_result
demote(struct failover *f, struct copy *c, const struct place *at)
{
	struct server	*s = &c->server;
	int64_t		 until = f->time_left(f) / 4;

	do {
		if (!block_writes(f, c, at)) {
			server_close(s);	/* the answer may come yet */
			return f->say(f, FAILOVER_FAILED, "%s: %s",
			    c->dialect->block, s->text);
		}
		if (!stop_events(c))
			return f->say(f, FAILOVER_FAILED,
			    "can't stop the event scheduler: %s", s->text);
		if (!sessions_end(f, s))
			return f->say(f, FAILOVER_FAILED,
			    "can't end sessions: %s", s->text);
		/* One of them may have allowed writes behind our back. */
		if (!copy_look_at_variables(c))
			return f->say(f, FAILOVER_FAILED,
			    "can't see whether it is read-only: %s", s->text);
	} while (!c->read_only && f->time_left(f) > until);
	if (!c->read_only)
		return f->say(f, FAILOVER_FAILED,
		    "something keeps allowing writes again");
	return f->say(f, FAILOVER_DONE, "read-only, all sessions ended");
}

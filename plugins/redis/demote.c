/* demote.c - stops all writes, within the available time. */
#include "demote.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "kill.h"
#include "master.h"
#include "own.h"

/* Redis 6.2 drops its slaves when it becomes one itself, and what it has not
 * sent them yet with them. */
static bool
drained(int64_t wait)
{
	redisReply	*r;
	const char	*line;
	bool		 empty = true;

	if (server_ask(&local, wait, &r, "CLIENT LIST TYPE replica") !=
	    ANSWER_OK)
		return true;
	line = r->type == REDIS_REPLY_STRING ? r->str : "";
	for (; (line = strstr(line, " obl=")) != NULL; line++)
		empty = empty && strncmp(line, " obl=0 oll=0 ", 13) == 0;
	freeReplyObject(r);
	return empty;
}

static void
drain(struct failover *f, int64_t wait)
{
	int64_t	 until = f->time_left(f) - wait / 2;

	if (server_ask(&local, wait, NULL, "CLIENT PAUSE %lld WRITE",
	    (long long)wait) != ANSWER_OK)
		return;
	while (!drained(wait) && f->time_left(f) > until)
		usleep(1000);
}

static enum answer
follow_nobody(struct failover *f, const struct state *st, int64_t kept)
{
	bool		 drains = st->number < 700 && st->slaves > 0;
	enum answer	 a;

	if (st->failing_over)
		server_ask(&local, f->time_left(f) - kept, NULL,
		    "FAILOVER ABORT");
	/* First: what a writable slave takes is in no history. */
	server_ask(&local, f->time_left(f) - kept, NULL,
	    "CONFIG SET replica-read-only yes");
	if (drains)
		drain(f, f->time_left(f) - kept);
	a = server_ask(&local, f->time_left(f) - kept, NULL,
	    "REPLICAOF " NOBODY " 0");
	if (drains)
		server_ask(&local, f->time_left(f) - kept, NULL,
		    "CLIENT UNPAUSE");
	return a;
}

/* A script holds all up; one that has written something can't be killed. */
static void
kill_script(int64_t wait)
{
	server_ask(&local, wait, NULL, "SCRIPT KILL");
	server_ask(&local, wait, NULL, "FUNCTION KILL");
}

static enum answer __attribute__((format(printf, 2, 3)))
refuse(enum answer a, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(local.why, sizeof(local.why), fmt, ap);
	va_end(ap);
	return a;
}

/* One try, which leaves kept ms of the call's time; OK, or NO_SERVER, where no
 * write can be accepted any more.  *was_master if it was one until now. */
static enum answer
demote(struct failover *f, int64_t kept, struct state *st, bool *was_master)
{
	int64_t		 wait = f->time_left(f) - kept;
	enum answer	 a = server_state(&local, wait, st);

	if (a == ANSWER_OK && st->master && st->loading)
		return refuse(ANSWER_LOADING, "Redis is loading its data from "
		    "disk, and takes no REPLICAOF before that is done");
	if (a == ANSWER_OK && st->master) {
		a = follow_nobody(f, st, kept);
		*was_master = a == ANSWER_OK;
		if (a == ANSWER_OK)
			a = server_state(&local, f->time_left(f) - kept, st);
	}
	if (a == ANSWER_OK && !st->read_only)
		a = server_ask(&local, f->time_left(f) - kept, NULL,
		    "CONFIG SET replica-read-only yes");
	return a;
}

/* That nobody listens there is no proof that no server runs: its port, bind or
 * socket can be another one than ours; or it is about to listen, or to end. */
static enum answer
runs_no_more(struct failover *f, enum answer a)
{
	char	 why[SERVER_WORD];

	if (a != ANSWER_NO_SERVER)
		return a;
	if (!kill_may_run(&local, f->option(f, "pid_file"), why, sizeof(why)))
		return ANSWER_OK;
	if (local.socket[0] != '\0')
		return refuse(ANSWER_MOVED, "nothing answers at %.60s, but %s",
		    local.socket, why);
	return refuse(ANSWER_MOVED, "nothing answers at port %u of %.40s, but "
	    "%s", local.port, local.host, why);
}

/* What can't be done now must not be done later: it ends.  SHUTDOWN is allowed
 * in a script and while loading, and has no answer. */
static enum answer
shut_down(struct failover *f, int64_t wait)
{
	struct state	 st;
	bool		 was_master;

	f->log(f, FAILOVER_WARNING, "Redis is shut down without saving its "
	    "data, because it can't be demoted: %s", local.why);
	if (server_ask(&local, wait, NULL, "SHUTDOWN NOSAVE NOW") ==
	    ANSWER_REFUSED)
		server_ask(&local, wait, NULL, "SHUTDOWN NOSAVE"); /* 6.2 */
	server_close(&local);
	return demote(f, f->time_left(f) - wait, &st, &was_master);
}

/* Asked again, it may answer otherwise. */
static bool
passes(enum answer a)
{
	return a == ANSWER_BUSY || a == ANSWER_LOADING || a == ANSWER_FULL ||
	    a == ANSWER_CLOSED || a == ANSWER_SILENT || a == ANSWER_MOVED;
}

/* For a third of the time the harder ways, which are for a copy that we have
 * made something of: what an agent finds at its start may be a slave, or not
 * its own. */
static enum answer
demote_by_all_means(struct failover *f, struct state *st, bool *was_master)
{
	bool		 hard = f->role != FAILOVER_NO_ROLE;
	int64_t		 kept = f->time_left(f) / 3;
	enum answer	 a;

	for (;;) {
		a = runs_no_more(f, demote(f, kept, st, was_master));
		if (!passes(a) || !hard || f->time_left(f) <= kept + 2 * MARGIN)
			break;
		if (a == ANSWER_BUSY)
			kill_script(kept);
		usleep(10000);
	}
	if (hard && (a == ANSWER_BUSY || a == ANSWER_LOADING))
		a = runs_no_more(f, shut_down(f, kept / 2));
	return a;
}

/* So that they look for the new master. */
static void
kill_clients(struct failover *f)
{
	if (f->number(f, "kill_clients") && server_ask(&local, own_patience(f),
	    NULL, "CLIENT KILL TYPE normal") != ANSWER_OK)
		f->log(f, FAILOVER_WARNING, "%s. The clients of the demoted "
		    "master stay connected to it", local.why);
}

/* The last means.  Its end is seen by asking again: a supervisor may have
 * started it anew. */
static enum failover_result
kill_server(struct failover *f)
{
	char		 refusal[sizeof(local.why)], why[SERVER_WORD];
	bool		 was_master;
	enum answer	 a;
	struct state	 st;
	pid_t		 pid;

	if (f->role == FAILOVER_NO_ROLE)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	server_close(&local);
	snprintf(refusal, sizeof(refusal), "%s", local.why);
	pid = kill_find(&local, f->option(f, "pid_file"), why, sizeof(why));
	if (pid <= 0 || !kill_process(pid, f->time_left(f) - 3 * MARGIN, why,
	    sizeof(why)))
		return f->say(f, FAILOVER_FAILED, "%s; %s", refusal, why);
	a = demote(f, MARGIN, &st, &was_master);
	if (a != ANSWER_OK && a != ANSWER_NO_SERVER)
		return f->say(f, FAILOVER_FAILED, "process %d was ended, "
		    "because it could not be demoted (%.160s), and now: %s",
		    pid, refusal, local.why);
	return f->say(f, FAILOVER_DONE, "process %d was ended, because it could "
	    "not be demoted: %s", pid, refusal);
}

/* Somebody else's, whom it would not help that we demote it, too. */
static bool
left_alone(struct failover *f)
{
	struct state	 st;
	bool		 sentinel = false;

	if (f->role != FAILOVER_NO_ROLE ||
	    server_state(&local, own_patience(f), &st) != ANSWER_OK)
		return false;
	own_watched_by_sentinel(f, &sentinel);
	return sentinel || strcmp(st.mode, "cluster") == 0 ||
	    strcmp(st.mode, "sentinel") == 0;
}

enum failover_result
ensure_demoted(struct failover *f)
{
	bool		 was_master = false;
	struct state	 st;
	enum answer	 a;

	/* Another process may have made it master. */
	if (f->role == FAILOVER_MASTER || !told)
		doubtful = true;
	if (left_alone(f))
		return f->say(f, FAILOVER_DONE, "left alone: it is in cluster "
		    "mode, or a Redis Sentinel watches it");
	a = demote_by_all_means(f, &st, &was_master);
	if (f->role == FAILOVER_NO_ROLE && (a == ANSWER_BUSY ||
	    a == ANSWER_LOADING || a == ANSWER_FULL))
		return f->say(f, FAILOVER_AGAIN, "%s", local.why);
	if (a != ANSWER_OK)
		return kill_server(f);
	if (was_master) {
		kill_clients(f);
		config_rewrite(f, &st);
	}
	return f->say(f, FAILOVER_DONE, local.context == NULL ?
	    "no server runs" : "takes no writes");
}

enum failover_result
demote_stop_writes(struct failover *f, struct state *st)
{
	bool	 was_master = false;

	if (!st->master && st->read_only)
		return FAILOVER_DONE;
	if (!st->master)
		f->log(f, FAILOVER_WARNING, "it took writes as a slave "
		    "(replica-read-only no); its master lacks them: if there "
		    "were any, stop Redis, remove its data files and start it");
	if (runs_no_more(f, demote(f, f->time_left(f) - own_patience(f), st,
	    &was_master)) != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	if (was_master) {
		kill_clients(f);
		config_rewrite(f, st);
	}
	return own_look(f, st);
}

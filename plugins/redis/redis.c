/*
 * redis.c - Redis and Valkey, made master and slave by REPLICAOF.
 *
 * A demoted copy replicates from NOBODY: that refuses every client's write at
 * once, keeps id and offset, so that it can go on as a slave of the next master
 * without a copy of all data, and keeps its slaves connected, so that they get
 * its last bytes.  With this in its config file a server that is restarted
 * takes no write, and gives no slave an empty data set, before we are asked.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fit.h"
#include "kill.h"

#define NOBODY		"127.0.0.1"	/* nobody can listen on its port 0 */
#define OLDEST		602		/* 6.2 */
#define MARGIN		50	/* ms before the deadline: time to say it */
#define CATCH_UP	500	/* ms of waiting for bytes in one call */
#define CONNECT		200	/* ms of waiting for the link to the master */

static const struct failover_option options[] = {
	{ "host", FAILOVER_STRING, "127.0.0.1",
	    "address of the server on this host; its port is [service] port" },
	{ "socket", FAILOVER_STRING, NULL,
	    "its Unix socket, instead of host and port" },
	{ "username", FAILOVER_STRING, NULL,
	    "ACL user, here and at the master; none: the user default" },
	{ "password_file", FAILOVER_STRING, NULL,
	    "file with the password, here and at the master" },
	{ "master_username", FAILOVER_STRING, NULL,
	    "another user for the master (masteruser)" },
	{ "master_password_file", FAILOVER_STRING, NULL,
	    "file with another password for the master (masterauth)" },
	{ "timeout", FAILOVER_DURATION, "2s",
	    "longest wait for an answer of a server" },
	{ "max_silence", FAILOVER_DURATION, "30s",
	    "a slave that has not heard its master for so long is sick" },
	{ "follow_empty_master", FAILOVER_BOOLEAN, "no",
	    "a master that has lost its data may replace those of others" },
	{ "rewrite_config", FAILOVER_BOOLEAN, "yes",
	    "CONFIG REWRITE, so that a restarted server takes no writes" },
	{ "kill_clients", FAILOVER_BOOLEAN, "yes",
	    "disconnect the clients of a demoted master" },
	{ "pid_file", FAILOVER_STRING, NULL,
	    "of the server: it is killed if it can't be demoted otherwise" },
	{ "allow_other_data", FAILOVER_BOOLEAN, "no",
	    "a slave known to differ at an equal offset may become master" },
	{ 0 }
};

FAILOVER_PLUGIN("redis", "1.0", "Redis >= 6.2 and Valkey", options);

static struct server	local;		/* held: its end is watched */
static struct server	master;		/* of ensure_slave */
static char		made[HISTORY_ID + 1];	/* run_id of the master here */
static char		rewrote[HISTORY_ID + 1]; /* run_id, or tried to */
static struct history	seen;		/* the last data that were here */
static int64_t		lacks;		/* bytes that ensure_master waits for */
static bool		told;		/* what to be, by this process */
static bool		doubtful;	/* it may have been killed as master */

/*
 * Asking.
 */

static bool
read_words(struct failover *f, const char *option, char *text, bool *given)
{
	const char	*value = f->option(f, option);

	*given = value != NULL && value[0] != '\0';
	return snprintf(text, SERVER_WORD, "%s", *given ? value : "") <
	    SERVER_WORD;
}

static bool
read_options(struct failover *f)
{
	bool	given;

	local.port = f->port;
	if (!read_words(f, "host", local.host, &given) ||
	    !read_words(f, "socket", local.socket, &given) ||
	    !read_words(f, "username", local.username, &given) ||
	    !read_words(f, "master_username", master.username, &given)) {
		f->say(f, FAILOVER_FAILED, "host, socket, username or "
		    "master_username is longer than %d bytes",
		    SERVER_WORD - 1);
		return false;
	}
	if (!given)
		strcpy(master.username, local.username);
	given = f->option(f, "master_password_file") != NULL;
	return f->secret(f, "password_file", local.password,
	    sizeof(local.password)) == FAILOVER_DONE &&
	    f->secret(f, given ? "master_password_file" : "password_file",
	    master.password, sizeof(master.password)) == FAILOVER_DONE;
}

enum failover_result
plugin_start(struct failover *f)
{
	/* hiredis writes to connections that the server may have closed. */
	signal(SIGPIPE, SIG_IGN);
	return read_options(f) ? FAILOVER_DONE : FAILOVER_FAILED;
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	server_close(&local);
	server_close(&master);
}

/* Never past the deadline, and no longer than the option timeout. */
static int64_t
patience(struct failover *f)
{
	int64_t	 left = f->time_left(f) - MARGIN;
	int64_t	 most = f->number(f, "timeout");

	return left < most ? left : most;
}

/* A Sentinel subscribes to this channel at each server that it watches. */
static enum answer
watched_by_sentinel(struct failover *f, bool *yes)
{
	redisReply	*r;
	enum answer	 a = server_ask(&local, patience(f), &r,
			    "PUBSUB NUMSUB __sentinel__:hello");

	*yes = false;
	if (a != ANSWER_OK)
		return a;
	*yes = r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->integer > 0;
	freeReplyObject(r);
	return a;
}

/* Says so where somebody else rules this server, or where it is too old. */
static bool
is_ours(struct failover *f, const struct state *st)
{
	bool	 sentinel;

	if (strcmp(st->mode, "standalone") != 0) {
		f->say(f, FAILOVER_FAILED, "the server's mode is %s: this "
		    "plugin is for servers with cluster-enabled no, and no "
		    "Sentinels",
		    st->mode);
		return false;
	}
	if (st->number < OLDEST) {
		f->say(f, FAILOVER_FAILED, "Redis %s is too old: 6.2 is the "
		    "first that this plugin knows", st->version);
		return false;
	}
	if (watched_by_sentinel(f, &sentinel) != ANSWER_OK) {
		f->say(f, FAILOVER_FAILED, "%s", local.why);
		return false;
	}
	if (sentinel)
		f->say(f, FAILOVER_FAILED, "a Redis Sentinel watches this "
		    "server: there must be one master over it; end the "
		    "Sentinel (SENTINEL REMOVE), or this agent");
	return !sentinel;
}

/* Restarted from nothing.  FLUSHALL is in the history. */
static bool
lost_all(const struct history *h)
{
	return h->keys == 0 && seen.keys > 0 &&
	    history_has(h, &seen) != HISTORY_YES;
}

/* DONE, with the state, if there is something that can be worked with. */
static enum failover_result
look(struct failover *f, struct state *st)
{
	enum answer	 a = server_state(&local, patience(f), st);

	/* One that is full serves those who are in it. */
	if (a == ANSWER_BUSY || a == ANSWER_FULL)
		return f->say(f, FAILOVER_AGAIN, "%s", local.why);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	fit_note(st);
	if (!st->loading && !lost_all(&st->history))
		seen = st->history;
	return is_ours(f, st) ? FAILOVER_DONE : FAILOVER_FAILED;
}

/*
 * Health.
 */

/* The first string of CONFIG GET's value, or "". */
static void
get_config(struct failover *f, const char *name, char *value, size_t size)
{
	redisReply	*r = NULL;

	value[0] = '\0';
	if (server_ask(&local, patience(f), &r, "CONFIG GET %s", name) !=
	    ANSWER_OK)
		return;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->str != NULL)
		snprintf(value, size, "%s", r->element[1]->str);
	freeReplyObject(r);
}

/* As a master it would answer MISCONF to each write. */
static bool
disk_stops_writes(struct failover *f, const struct state *st)
{
	char	 stop[8] = "no", save[64] = "";

	if (st->logging_fails)
		return true;
	if (!st->saving_fails)
		return false;
	get_config(f, "stop-writes-on-bgsave-error", stop, sizeof(stop));
	get_config(f, "save", save, sizeof(save));
	return strcmp(stop, "yes") == 0 && save[0] != '\0';
}

static enum failover_result
master_health(struct failover *f, const struct state *st)
{
	bool	 same = strcmp(made, st->run_id) == 0;

	/* The other handler, or the guard, has just demoted it. */
	if (!st->master && same && strcmp(st->master_host, NOBODY) == 0 &&
	    st->master_port == 0)
		return f->say(f, FAILOVER_DONE, "demoted");
	if (!st->master)
		return f->say(f, FAILOVER_FAILED, "it is no longer the master "
		    "but a slave of %s:%" PRId64 ": it was restarted, or "
		    "somebody has given it REPLICAOF", st->master_host,
		    st->master_port);
	/* What it reads from disk may be old or nothing: another copy may have
	 * more, until its slaves have followed it. */
	if (made[0] != '\0' && !same)
		return f->say(f, FAILOVER_FAILED, "Redis was restarted while "
		    "it was the master, and has %" PRId64 " keys now: the "
		    "copy that has most shall be the master",
		    st->history.keys);
	if (st->loading)
		return f->say(f, FAILOVER_AGAIN, "Redis reads its data from "
		    "disk");
	strcpy(made, st->run_id);
	return f->say(f, FAILOVER_DONE, "master with %" PRId64 " slaves and %"
	    PRId64 " keys", st->slaves, st->history.keys);
}

/* Was it told to follow the service's master? */
static bool
points_at_master(const struct failover *f, const struct state *st)
{
	return !st->master && f->master_host[0] != '\0' &&
	    st->master_port == f->master_port &&
	    strcmp(st->master_host, f->master_host) == 0;
}

/* Has it a link to that? */
static bool
follows(const struct failover *f, const struct state *st)
{
	return st->link_up && points_at_master(f, st);
}

static bool
ignores_maxmemory(struct failover *f, const struct state *st)
{
	char	 value[8] = "yes";

	if (st->evicts)
		get_config(f, "replica-ignore-maxmemory", value, sizeof(value));
	return strcmp(value, "no") != 0;
}

/* Milliseconds since the master said a word.  A link may be down, or to another
 * one, while the master changes; in a circle of slaves all links are up. */
static int64_t
silence(struct failover *f, const struct state *st)
{
	static int64_t	 heard;
	int64_t		 now = server_now(), at = heard;

	if (follows(f, st))
		at = now - st->silence * 1000;
	if (heard == 0 || f->master_host[0] == '\0' ||
	    (f->role != FAILOVER_SLAVE && !points_at_master(f, st)))
		at = now;	/* nobody is to be heard */
	heard = at > heard ? at : heard;
	return now - heard;
}

static enum failover_result
slave_health(struct failover *f, const struct state *st)
{
	const char	*link = st->link_up ? "up" : "down";
	int64_t		 silent = silence(f, st);

	if (st->syncing)
		return f->say(f, FAILOVER_AGAIN, "slave of %s:%" PRId64
		    ", whose data it gets anew", st->master_host,
		    st->master_port);
	if (silent > f->number(f, "max_silence"))
		return f->say(f, FAILOVER_FAILED, "slave of %s:%" PRId64
		    ", link %s: has not heard the master, %s:%u, for %" PRId64
		    " s", st->master_host, st->master_port, link,
		    f->master_host, f->master_port, silent / 1000);
	if (follows(f, st))
		fit_forget(f);
	else if (((f->role == FAILOVER_SLAVE && f->master_host[0] != '\0') ||
	    points_at_master(f, st)) && fit_lacks(f) != FAILOVER_DONE)
		return f->say(f, FAILOVER_AGAIN, "slave of %s:%" PRId64
		    ", which it has not reached yet: %.300s", st->master_host,
		    st->master_port, f->memory);
	if (fit_lacks(f) != FAILOVER_DONE ||
	    fit_differs(f, st, ignores_maxmemory(f, st)) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	return f->say(f, FAILOVER_DONE, "slave of %s:%" PRId64 ", link %s, "
	    "%" PRId64 " keys", st->master_host, st->master_port, link,
	    st->history.keys);
}

/* Those who need a new connection are the guard, each slave, and new clients:
 * the one that is held proves nothing for them.  That we are let in no more, as
 * where a password is changed, is no reason to take a master away that others
 * use. */
static bool
takes_connections(struct failover *f, const struct state *st)
{
	static bool	 warned;
	struct server	 s = local;
	struct state	 now;
	enum answer	 a;
	bool		 denied, none;

	s.context = NULL;
	a = server_state(&s, patience(f), &now);
	server_close(&s);
	if (a == ANSWER_OK && strcmp(now.run_id, st->run_id) != 0) {
		server_close(&local);
		return f->say(f, FAILOVER_FAILED, "another server than the one "
		    "that ran here, process %" PRId64 ", answers there now: "
		    "process %" PRId64, st->pid, now.pid) == FAILOVER_DONE;
	}
	denied = a == ANSWER_REFUSED || a == ANSWER_DENIED;
	none = a == ANSWER_NO_SERVER || denied;
	/* Slaves and most clients come by the port, whatever a socket is like. */
	if (none && s.socket[0] == '\0' &&
	    !(denied && f->role == FAILOVER_MASTER))
		return f->say(f, FAILOVER_FAILED, "Redis runs, and takes no new "
		    "connection: %s", s.why) == FAILOVER_DONE;
	if ((none || a == ANSWER_FULL) && !warned)
		f->log(f, FAILOVER_WARNING, "Redis takes no new connection "
		    "(%.200s). If this agent dies, its guard has to end Redis: "
		    "%s", s.why, a == ANSWER_FULL ?
		    "raise maxclients, or end clients" : a == ANSWER_DENIED ?
		    "have it take the agent's password and rights again" :
		    "restart it before that");
	warned = none || a == ANSWER_FULL;
	return true;
}

/* Is it so that a server that does not answer could be ended?  Once for each of
 * its processes: it has cost a look at all that run. */
static void
look_for_process(struct failover *f, const struct state *st)
{
	static char	 seen_id[HISTORY_ID + 1];
	char		 why[SERVER_WORD];
	pid_t		 pid;

	if (strcmp(seen_id, st->run_id) == 0)
		return;
	strcpy(seen_id, st->run_id);
	pid = kill_find(&local, f->option(f, "pid_file"), why, sizeof(why));
	if (pid > 0 && kill(pid, 0) == 0)
		return;
	if (pid > 0)
		snprintf(why, sizeof(why), "process %d: %s", pid,
		    strerror(errno));
	f->log(f, FAILOVER_WARNING, "a Redis that is full or hangs can't be "
	    "demoted by this agent, as it may not end it (%s): run the agent "
	    "as root or as the server's user, or give its pid_file", why);
}

/* We come by its socket; nobody else does.  Once: a tunnel may lead there. */
static void
warn_of_port_0(struct failover *f, const struct state *st)
{
	static bool	 warned;

	if (st->port == 0 && !warned)
		f->log(f, FAILOVER_WARNING, "Redis has port 0, and listens at "
		    "its socket only: unless a tunnel leads there from port %u, "
		    "neither slaves nor clients reach it; give it that port",
		    f->port);
	warned = st->port == 0;
}

/* A pid_file that names another one than the server would be found wrong when
 * nothing else helps.  A master is not replaced for that. */
static bool
has_its_pid_file(struct failover *f, const struct state *st)
{
	static bool	 warned;
	const char	*pid_file = f->option(f, "pid_file");
	char		 why[SERVER_WORD] = "";
	pid_t		 pid;

	if (pid_file == NULL)
		return true;
	pid = kill_pid_file(pid_file, why, sizeof(why));
	if (pid > 0 && !kill_is_named(pid, st->pid))
		snprintf(why, sizeof(why), "process %d of pid_file %.128s is "
		    "another Redis", pid, pid_file);
	if (why[0] != '\0' && f->role != FAILOVER_MASTER)
		f->say(f, FAILOVER_FAILED, "%s, and the server is process %"
		    PRId64 ": give the file that CONFIG GET pidfile names",
		    why, st->pid);
	else if (why[0] != '\0' && !warned)
		f->log(f, FAILOVER_WARNING, "%s, and the server is process %"
		    PRId64 ": give the file that CONFIG GET pidfile names. Once "
		    "it is demoted this copy is not healthy", why, st->pid);
	warned = why[0] != '\0';
	return why[0] == '\0' || f->role == FAILOVER_MASTER;
}

enum failover_result
health(struct failover *f)
{
	struct state		 st;
	enum failover_result	 r = look(f, &st);

	if (f->role != FAILOVER_MASTER)
		made[0] = '\0';
	if (r != FAILOVER_DONE)
		return r;
	if (st.ending)
		return f->say(f, FAILOVER_FAILED, "Redis is shutting down");
	look_for_process(f, &st);
	warn_of_port_0(f, &st);
	if (!takes_connections(f, &st) || !has_its_pid_file(f, &st))
		return FAILOVER_FAILED;
	if (disk_stops_writes(f, &st))
		return f->say(f, FAILOVER_FAILED, "Redis could not write its "
		    "data to disk, and so takes no writes: see its log");
	if (f->role == FAILOVER_MASTER)
		return master_health(f, &st);
	if (st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis reads its data from "
		    "disk");
	if (f->role == FAILOVER_SLAVE && (st.master || !st.read_only))
		return f->say(f, FAILOVER_FAILED, "it should be a slave, but "
		    "takes writes");
	if (st.master && fit_lacks(f) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (st.master)
		return f->say(f, FAILOVER_DONE, "not told yet what to be");
	return slave_health(f, &st);
}

/* Ends when the server dies. */
int
watch_fd(struct failover *f)
{
	(void)f;
	return local.context == NULL ? -1 : local.context->fd;
}

/*
 * Position.
 */

/* A demoted master that was restarted has what was on its disk: less than it
 * had told its slaves.  Where we can't know: one that was restarted after
 * ensure_demoted has no slaves, because a slave of nobody takes none. */
static bool
was_restarted(const struct state *st)
{
	if (made[0] != '\0')
		return strcmp(made, st->run_id) != 0;
	return doubtful && st->slaves == 0;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	struct state		 st;
	enum failover_result	 r = look(f, &st);

	if (r != FAILOVER_DONE)
		return r;
	if (was_restarted(&st))
		return f->say(f, FAILOVER_FAILED, "Redis %s restarted since "
		    "it was made master: what it had is not known, its %"
		    PRId64 " keys are from its disk", made[0] == '\0' ?
		    "may have been" : "was", st.history.keys);
	if (st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis reads its data from "
		    "disk");
	history_print(&st.history, text, size);
	return FAILOVER_DONE;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	struct state		 st;
	struct history		 other;
	enum failover_result	 r = look(f, &st);

	if (r != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!history_parse(&other, text))
		return f->say(f, FAILOVER_AGAIN, "not a position of Redis: "
		    "%.100s", text);
	switch (history_has(&st.history, &other)) {
	case HISTORY_YES:
		return f->say(f, FAILOVER_DONE, "this copy has all of it");
	case HISTORY_NO:
		return f->say(f, FAILOVER_FAILED, "this copy has less: %"
		    PRId64 " keys, offset %" PRId64, st.history.keys,
		    st.history.offset);
	case HISTORY_UNKNOWN:
		break;
	}
	return f->say(f, FAILOVER_AGAIN, "the two have no replication id in "
	    "common");
}

int64_t
behind(struct failover *f, const char *text)
{
	struct state	 st;
	struct history	 other;

	if (look(f, &st) != FAILOVER_DONE || !history_parse(&other, text))
		return -1;
	return history_lacks(&st.history, &other);
}

/*
 * Demotion.
 */

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

static enum answer
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
		return refuse(ANSWER_LOADING, "Redis reads its data from disk, "
		    "and takes no REPLICAOF until it has");
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
		return refuse(ANSWER_MOVED, "nobody answers at %.60s, but %s",
		    local.socket, why);
	return refuse(ANSWER_MOVED, "nobody answers at port %u of %.40s, but %s",
	    local.port, local.host, why);
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

/* Once for each process of the server: an agent demotes at its start, and no
 * later demotion shall wait for a disk. */
static bool
must_rewrite(struct failover *f, const struct state *st)
{
	return f->number(f, "rewrite_config") &&
	    strcmp(rewrote, st->run_id) != 0;
}

static void
warn_of_starts(struct failover *f, const char *why)
{
	f->log(f, FAILOVER_WARNING, "%s. After a restart the server takes "
	    "writes until this agent has seen it: put \"replicaof " NOBODY
	    " 0\" into its config file, and set rewrite_config = no", why);
}

static void
rewrite_config(struct failover *f, const struct state *st)
{
	if (!must_rewrite(f, st))
		return;
	strcpy(rewrote, st->run_id);
	if (server_ask(&local, patience(f), NULL, "CONFIG REWRITE") !=
	    ANSWER_OK)
		warn_of_starts(f, local.why);
}

/* So that they look for the new master. */
static void
kill_clients(struct failover *f)
{
	if (f->number(f, "kill_clients") && server_ask(&local, patience(f),
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
	    server_state(&local, patience(f), &st) != ANSWER_OK)
		return false;
	watched_by_sentinel(f, &sentinel);
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
		rewrite_config(f, &st);
	}
	return f->say(f, FAILOVER_DONE, local.context == NULL ?
	    "no server runs" : "takes no writes");
}

/*
 * Mastership.
 */

/* What was ensured here before counts no more. */
static void
begin(void)
{
	made[0] = '\0';
	told = true;
	doubtful = false;
}

/* Who was demoted serves only the slaves that it had then.  While he lives, and
 * still has what is missing here, there is time to get him back. */
static enum failover_result
do_without(struct failover *f, const struct history *target)
{
	struct state	 before;
	enum answer	 a;

	snprintf(master.host, sizeof(master.host), "%s", f->previous_host);
	master.port = f->previous_port;
	a = server_state(&master, patience(f), &before);
	server_close(&master);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_AGAIN, "this copy lacks the last "
		    "bytes of the master before: %s", master.why);
	if (history_has(&before.history, target) == HISTORY_YES)
		return f->say(f, FAILOVER_AGAIN, "this copy lacks the last "
		    "bytes of the master before, %s:%u, and has no link to "
		    "it: stop the agent here to have that be master again; "
		    "after [election] catch_up it goes on without",
		    master.host, master.port);
	f->log(f, FAILOVER_WARNING, "the master before, %s:%u, was restarted: "
	    "nobody can tell whether this copy has all that it had",
	    master.host, master.port);
	return FAILOVER_DONE;
}

static enum failover_result
catch_up(struct failover *f, struct state *st)
{
	int64_t		 until = server_now() + CATCH_UP;
	struct history	 target;

	if (f->enough && lacks != 0)
		f->log(f, FAILOVER_WARNING, "it is made master without the "
		    "last bytes of the master before, %s:%u: %" PRId64 " (-1: "
		    "not known how many)", f->previous_host,
		    f->previous_port, lacks);
	if (f->enough || f->target[0] == '\0')
		return FAILOVER_DONE;
	if (!history_parse(&target, f->target))
		return f->say(f, FAILOVER_AGAIN, "the master before left a "
		    "position that is none of Redis: %.100s", f->target);
	while ((lacks = history_lacks(&st->history, &target)) != 0) {
		if (!st->link_up && !st->syncing)
			return do_without(f, &target);
		if (server_now() >= until || patience(f) <= MARGIN)
			return f->say(f, FAILOVER_AGAIN, "waits for the last "
			    "bytes of the master before, %s:%u: has %" PRId64
			    " of %" PRId64, f->previous_host,
			    f->previous_port, st->history.offset,
			    target.offset);
		usleep(1000);
		if (server_state(&local, patience(f), st) != ANSWER_OK)
			return f->say(f, FAILOVER_FAILED, "%s", local.why);
	}
	return FAILOVER_DONE;
}

/* Does its config file have it follow somebody when it is started?  False where
 * that can't be told. */
static bool
starts_as_slave(const char *config_file)
{
	char	*line = NULL;
	size_t	 size = 0;
	bool	 found = false;
	FILE	*file = fopen(config_file, "re");

	while (file != NULL && !found && getline(&line, &size, file) != -1)
		found = strncasecmp(line, "replicaof ", 10) == 0 ||
		    strncasecmp(line, "slaveof ", 8) == 0;
	free(line);
	if (file != NULL)
		fclose(file);
	return found;
}

/* One that was the master before its agent came: nobody has demoted it yet, so
 * that it would be a master again when it is started, whoever is one by then.
 * Its clients don't see it, where MULTI is allowed. */
static bool
close_next_start(struct failover *f, const struct state *st)
{
	redisReply	*reply = NULL;
	bool		 whole;

	if (!must_rewrite(f, st) || starts_as_slave(st->config_file))
		return true;
	if (st->config_file[0] == '\0') {
		rewrite_config(f, st);		/* says what is wrong */
		return true;
	}
	whole = server_ask(&local, patience(f), NULL, "MULTI") == ANSWER_OK;
	if (server_ask(&local, patience(f), NULL, "REPLICAOF " NOBODY " 0") !=
	    ANSWER_OK)
		return false;
	rewrite_config(f, st);
	if (server_ask(&local, patience(f), NULL, "REPLICAOF NO ONE") !=
	    ANSWER_OK || (whole && server_ask(&local, patience(f), &reply,
	    "EXEC") != ANSWER_OK))
		return false;
	if (whole && reply->elements > 1 &&
	    reply->element[1]->type == REDIS_REPLY_ERROR)
		warn_of_starts(f, reply->element[1]->str);
	if (whole)
		freeReplyObject(reply);
	return true;
}

enum failover_result
ensure_master(struct failover *f)
{
	struct state		 st;
	enum failover_result	 r = look(f, &st);

	if (f->role != FAILOVER_MASTER)
		begin();
	if (r != FAILOVER_DONE)
		return r;
	if (f->role != FAILOVER_MASTER && st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis reads its data from "
		    "disk");
	if (f->role != FAILOVER_MASTER && lost_all(&st.history) &&
	    !f->number(f, "follow_empty_master"))
		return f->say(f, FAILOVER_FAILED, "this copy has lost its "
		    "data: it had %" PRId64 " keys and has none now, and as "
		    "the master would wipe its slaves. Have another copy "
		    "elected, or set follow_empty_master = yes", seen.keys);
	if (f->role != FAILOVER_MASTER && (fit_lacks(f) != FAILOVER_DONE ||
	    (!st.master && fit_differs(f, &st, ignores_maxmemory(f, &st)) !=
	    FAILOVER_DONE)))
		return FAILOVER_FAILED;
	r = f->role == FAILOVER_MASTER ? master_health(f, &st) :
	    catch_up(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	if (!st.master && server_ask(&local, patience(f), NULL,
	    "REPLICAOF NO ONE") != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	if (st.master && f->role != FAILOVER_MASTER &&
	    !close_next_start(f, &st))
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	strcpy(made, st.run_id);
	lacks = 0;
	fit_forget(f);
	return f->say(f, FAILOVER_DONE, "master with %" PRId64 " keys, epoch "
	    "%" PRIu64, st.history.keys, f->epoch);
}

/*
 * Following.
 */

/* Redis itself would follow anybody: itself, a slave that follows it, or one
 * that was restarted and has lost everything. */
static enum failover_result
check_master(struct failover *f, const struct state *st)
{
	struct state	 m;
	enum answer	 a = server_state(&master, patience(f), &m);

	server_close(&master);
	if (a == ANSWER_DENIED)
		fit_refused(f, &master);
	if (a == ANSWER_REFUSED || a == ANSWER_DENIED)
		return f->say(f, FAILOVER_FAILED, "the master %s", master.why);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_AGAIN, "the master %s", master.why);
	if (strcmp(m.run_id, st->run_id) == 0)
		return f->say(f, FAILOVER_FAILED, "the master %s:%u is this "
		    "copy itself", master.host, master.port);
	if (!m.master)
		return f->say(f, FAILOVER_AGAIN, "%s:%u is no master, but a "
		    "slave of %s:%" PRId64, master.host, master.port,
		    m.master_host, m.master_port);
	if (m.loading)
		return f->say(f, FAILOVER_AGAIN, "the master %s:%u reads its "
		    "data from disk", master.host, master.port);
	if (m.history.keys == 0 && st->history.keys > 0 &&
	    history_common(&m.history, &st->history) == -1 &&
	    !f->number(f, "follow_empty_master"))
		return f->say(f, FAILOVER_FAILED, "the master %s:%u has no "
		    "keys, and never had those here: it would wipe %" PRId64
		    " keys. Stop it to have another master elected, or set "
		    "follow_empty_master = yes", master.host, master.port,
		    st->history.keys);
	fit_compare(f, st, &master, &m);
	return FAILOVER_DONE;
}

/* A config file that tells whom to follow would have the server do so before
 * check_master has looked at him. */
static enum answer
follow(struct failover *f, const struct state *st)
{
	enum answer	 a = ANSWER_OK;

	if (must_rewrite(f, st))
		a = server_ask(&local, patience(f), NULL,
		    "REPLICAOF " NOBODY " 0");
	if (a == ANSWER_OK)
		rewrite_config(f, st);
	if (a == ANSWER_OK && master.username[0] != '\0')
		a = server_ask(&local, patience(f), NULL,
		    "CONFIG SET masteruser %s", master.username);
	if (a == ANSWER_OK && master.password[0] != '\0')
		a = server_ask(&local, patience(f), NULL,
		    "CONFIG SET masterauth %s", master.password);
	if (a == ANSWER_OK)
		a = server_ask(&local, patience(f), NULL, "REPLICAOF %s %d",
		    master.host, master.port);
	return a;
}

static enum failover_result
stop_writes(struct failover *f, struct state *st)
{
	bool	 was_master = false;

	if (!st->master && st->read_only)
		return FAILOVER_DONE;
	if (!st->master)
		f->log(f, FAILOVER_WARNING, "it took writes as a slave "
		    "(replica-read-only no), which its master has not got: if "
		    "there were any, stop Redis, remove its data files and "
		    "start it");
	if (runs_no_more(f, demote(f, f->time_left(f) - patience(f), st,
	    &was_master)) != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	if (was_master) {
		kill_clients(f);
		rewrite_config(f, st);
	}
	return look(f, st);
}

/* What a copy that loads or is sent everything waits for: nobody may read of it
 * before it has that. */
static enum failover_result
say_copying(struct failover *f, const struct state *st)
{
	if (!st->syncing)
		return f->say(f, FAILOVER_AGAIN, "Redis reads its data from "
		    "disk");
	if (st->loading)
		return f->say(f, FAILOVER_AGAIN, "loads the data that %s:%"
		    PRId64 " has sent", st->master_host, st->master_port);
	if (st->copied < 1)
		return f->say(f, FAILOVER_AGAIN, "waits for %s:%" PRId64 " to "
		    "send everything; if that lasts, the log of Redis says why",
		    st->master_host, st->master_port);
	return f->say(f, FAILOVER_AGAIN, "copies everything from %s:%" PRId64
	    ": %" PRId64 " %s", st->master_host, st->master_port,
	    st->left > 0 ? st->left : st->copied,
	    st->left > 0 ? "bytes to go" : "bytes so far");
}

/* It connects at once where it goes on where it is; else we are asked again. */
static enum failover_result
wait_for_link(struct failover *f, struct state *st)
{
	int64_t	 until = server_now() + CONNECT;

	for (;;) {
		if (server_state(&local, patience(f), st) != ANSWER_OK)
			return f->say(f, FAILOVER_FAILED, "%s", local.why);
		if (follows(f, st) && st->read_only) {
			fit_forget(f);
			return f->say(f, FAILOVER_DONE, "slave of %s:%u",
			    master.host, master.port);
		}
		if (server_now() >= until || patience(f) <= MARGIN)
			break;
		usleep(2000);
	}
	if (st->syncing)
		return say_copying(f, st);
	return f->say(f, FAILOVER_AGAIN, "connects to %s:%u; if that lasts, "
	    "the log of Redis says why", master.host, master.port);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	struct state		 st;
	enum failover_result	 r = look(f, &st);
	bool			 linked;

	begin();
	lacks = 0;
	if (r != FAILOVER_DONE)
		return r;
	if (strlen(master_host) >= sizeof(master.host))
		return f->say(f, FAILOVER_FAILED, "the master's name is too "
		    "long: %.100s", master_host);
	strcpy(master.host, master_host);
	master.port = f->master_port;
	r = stop_writes(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	linked = follows(f, &st) && st.read_only;
	if (linked)
		fit_forget(f);
	/* One that nobody has written NOBODY into the config of is told anew. */
	if (linked && !must_rewrite(f, &st))
		return f->say(f, FAILOVER_DONE, "slave of %s:%u", master.host,
		    master.port);
	if (st.loading)		/* it takes no REPLICAOF until it has all */
		return say_copying(f, &st);
	r = check_master(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	/* What it has got so far would be thrown away. */
	if (st.syncing && points_at_master(f, &st))
		return say_copying(f, &st);
	if (follow(f, &st) != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	return wait_for_link(f, &st);
}

/* health.c - is this copy fit to serve, and to be the master? */
#include "own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fit.h"
#include "kill.h"
#include "master.h"
#include "pid.h"
#include "remember.h"

/* As a master it would answer MISCONF to each write. */
static bool
disk_stops_writes(struct failover *f, const struct state *st)
{
	char	 stop[8] = "no", save[64] = "";

	if (st->logging_fails)
		return true;
	if (!st->saving_fails)
		return false;
	own_get_config(f, "stop-writes-on-bgsave-error", stop, sizeof(stop));
	own_get_config(f, "save", save, sizeof(save));
	return strcmp(stop, "yes") == 0 && save[0] != '\0';
}

/* Milliseconds since the master said a word.  A link may be down, or to another
 * one, while the master changes; in a circle of slaves all links are up. */
static int64_t
silence(struct failover *f, const struct state *st)
{
	static int64_t	 heard;
	int64_t		 now = deadline_now(), at = heard;

	if (own_follows(f, st))
		at = now - st->silence * 1000;
	if (heard == 0 || f->master_host[0] == '\0' ||
	    (f->role != FAILOVER_SLAVE && !own_points_at_master(f, st)))
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
		return f->say(f, FAILOVER_AGAIN, "slave of %s:%" PRId64 ", "
		    "copying all its data again", st->master_host,
		    st->master_port);
	if (silent > f->number(f, "max_silence"))
		return f->say(f, FAILOVER_FAILED, "slave of %s:%" PRId64 ", "
		    "link %s: has not heard from the master, %s:%u, for %"
		    PRId64 " s", st->master_host, st->master_port, link,
		    f->master_host, f->master_port, silent / 1000);
	if (own_follows(f, st))
		remember_nothing(f);
	else if (((f->role == FAILOVER_SLAVE && f->master_host[0] != '\0') ||
	    own_points_at_master(f, st)) && fit_lacks(f) != FAILOVER_DONE)
		return f->say(f, FAILOVER_AGAIN, "slave of %s:%" PRId64
		    ", which it has not reached yet: %.300s", st->master_host,
		    st->master_port, f->memory);
	if (fit_lacks(f) != FAILOVER_DONE ||
	    fit_differs(f, st, own_ignores_maxmemory(f, st)) != FAILOVER_DONE)
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
	a = server_state(&s, own_patience(f), &now);
	server_close(&s);
	if (a == ANSWER_OK && strcmp(now.run_id, st->run_id) != 0) {
		server_close(&local);
		return f->say(f, FAILOVER_FAILED, "the server that ran here, "
		    "process %" PRId64 ", was replaced by another one: process "
		    "%" PRId64, st->pid, now.pid) == FAILOVER_DONE;
	}
	denied = a == ANSWER_REFUSED || a == ANSWER_DENIED;
	none = a == ANSWER_NO_SERVER || denied;
	/* Slaves and most clients come by the port, whatever a socket is like. */
	if (none && s.socket[0] == '\0' &&
	    !(denied && f->role == FAILOVER_MASTER))
		return f->say(f, FAILOVER_FAILED, "Redis runs, but takes no "
		    "new connection: %s", s.why) == FAILOVER_DONE;
	if ((none || a == ANSWER_FULL) && !warned)
		f->log(f, FAILOVER_WARNING, "Redis takes no new connection "
		    "(%.200s). If this agent dies, its guard must end Redis: "
		    "%s", s.why, a == ANSWER_FULL ?
		    "raise maxclients, or end clients" : a == ANSWER_DENIED ?
		    "give the agent its password and rights back in Redis" :
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
	if (pid > 0 && pid_signal(pid, 0, NULL))
		return;
	if (pid > 0)
		snprintf(why, sizeof(why), "process %d: %s", pid,
		    strerror(errno));
	f->log(f, FAILOVER_WARNING, "this agent can't demote a Redis that is "
	    "full or hangs, because it can't end it (%s): run the agent as "
	    "root or as the server's user, or give its pid_file", why);
}

/* We come by its socket; nobody else does.  Once: a tunnel may lead there. */
static void
warn_of_port_0(struct failover *f, const struct state *st)
{
	static bool	 warned;

	if (st->port == 0 && !warned)
		f->log(f, FAILOVER_WARNING, "Redis has port 0, and listens at "
		    "its socket only: unless a tunnel leads there from port "
		    "%u, slaves and clients can't reach it; give it that port",
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
	enum failover_result	 r = own_look(f, &st);

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
		    "data to disk, so it takes no writes: see its log");
	if (f->role == FAILOVER_MASTER)
		return master_health(f, &st);
	if (st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis is loading its data "
		    "from disk");
	if (f->role == FAILOVER_SLAVE && (st.master || !st.read_only))
		return f->say(f, FAILOVER_FAILED, "it should be a slave, but "
		    "takes writes");
	if (st.master && fit_lacks(f) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (st.master)
		return f->say(f, FAILOVER_DONE, "has no role yet");
	return slave_health(f, &st);
}

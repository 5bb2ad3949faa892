/* health.c - is this copy fit to serve, and to be the master? */
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "failure.h"
#include "fit.h"
#include "rights.h"
#include "settings.h"

#define STEADY		2500	/* ms of replication without an error */

static int64_t		unconnected_since;	/* 0: it was not seen so */

static enum failover_result
check_databases(struct failover *f)
{
	const char		*option = f->option(f, "databases");
	char			*names, *name, *rest, *quoted;
	struct table		 t = { 0 };
	enum failover_result	 r = FAILOVER_DONE;

	names = strdup(option == NULL ? "" : option);
	if (names == NULL)
		return f->say(f, FAILOVER_FAILED, "%s", strerror(errno));
	for (name = strtok_r(names, ", ", &rest);
	    name != NULL && r == FAILOVER_DONE;
	    name = strtok_r(NULL, ", ", &rest)) {
		quoted = server_quote(&own.server, name);
		if (quoted == NULL || !server_run(&own.server, &t,
		    "SELECT 1 FROM information_schema.SCHEMATA "
		    "WHERE SCHEMA_NAME = %s", quoted))
			r = own_sorry(f, "can't ask for databases",
			    &own.server);
		else if (t.rows == 0)
			r = f->say(f, FAILOVER_FAILED, "there is no database "
			    "%s, or we have no right to see it", name);
		table_free(&t);
		free(quoted);
	}
	free(names);
	return r;
}

/* A thread that will be refused runs as well, for a moment. */
static bool
has_streamed(void)
{
	static int64_t	 since;

	if (!own.slave || !own.applying || own.receiving != RECEIVING_YES)
		since = 0;
	else if (since == 0)
		since = deadline_now();
	return since != 0 && deadline_now() - since >= STEADY;
}

/* What its master refused is in the way until it has all that a master has. */
static enum failover_result
check_memory(struct failover *f)
{
	bool	 streamed = has_streamed();	/* looked at each time */

	if (*f->memory == '\0' || f->role == FAILOVER_MASTER || f->promote)
		return FAILOVER_DONE;
	return streamed ? f->remember(f, "") : fit_say_refused(f);
}

/* How far behind, in ms.  Without a connection, nobody knows more than since
 * when. */
static int64_t
lag(void)
{
	int64_t	 ms = deadline_now();

	if (own.receiving == RECEIVING_YES || unconnected_since == 0)
		unconnected_since = ms;
	if (own.receiving != RECEIVING_YES)
		return ms - unconnected_since;
	return own.lag == -1 ? INT64_MAX : own.lag * 1000;
}

static enum failover_result
slave_health(struct failover *f)
{
	int64_t	 behind = lag(), most = f->number(f, "max_lag");

	if (fit_is_stuck(f) && !f->promote)
		return fit_say_stopped(f);
	/* Nobody to replicate from: as good as it gets. */
	if (f->role != FAILOVER_SLAVE || *f->master_host == '\0')
		return f->say(f, FAILOVER_DONE, "a slave, of %s:%s so far",
		    copy_master(&own, "Host"), copy_master(&own, "Port"));
	if (!copy_follows(&own, f->master_host, f->master_port))
		return f->say(f, FAILOVER_AGAIN, "still a slave of %s:%s, not "
		    "yet of %s:%u", copy_master(&own, "Host"),
		    copy_master(&own, "Port"), f->master_host, f->master_port);
	if (own.receiving != RECEIVING_YES &&
	    failure_is_for_good(own.receive_error))
		return fit_say_stopped(f);
	/* While it is promoted, its threads are stopped by us. */
	if (!own.applying || own.receiving == RECEIVING_NO)
		return f->say(f, FAILOVER_AGAIN, "replication is stopped");
	if (most > 0 && behind > most)
		return f->say(f, FAILOVER_FAILED, "%lld s behind %s:%u",
		    (long long)(behind / 1000), f->master_host, f->master_port);
	return f->say(f, FAILOVER_DONE, "slave of %s:%u%s", f->master_host,
	    f->master_port, own.receiving == RECEIVING_YES ? "" :
	    ", not connected");
}

static enum failover_result
master_health(struct failover *f)
{
	const char	*value, *name = copy_filter(&own, &value);

	if (name != NULL && !f->number(f, "allow_filters"))
		return f->say(f, FAILOVER_DONE, "master; but %s = %.200s "
		    "leaves out some of the data: do not fail over before that "
		    "is fixed", name, value);
	return f->say(f, FAILOVER_DONE, "master");
}

/* Where role and copy do not agree, a promotion or demotion may be under way in
 * the other handler, or somebody else has changed it and the next ensure_ call
 * repairs it: no reason to fail over. */
static enum failover_result
role_health(struct failover *f)
{
	if (f->role == FAILOVER_MASTER && own.slave)
		return f->say(f, FAILOVER_AGAIN, "the master, but a slave of "
		    "%s:%s", copy_master(&own, "Host"),
		    copy_master(&own, "Port"));
	if (f->role == FAILOVER_MASTER && own.read_only)
		return f->say(f, FAILOVER_AGAIN, "the master, but read-only");
	if (f->role == FAILOVER_MASTER)
		return master_health(f);
	if (f->role == FAILOVER_SLAVE && !own.read_only)
		return f->say(f, FAILOVER_AGAIN, "a slave, but not read-only");
	if (own.slave)
		return slave_health(f);
	if (f->role == FAILOVER_SLAVE)
		return f->say(f, FAILOVER_AGAIN,
		    "a slave, but has no master");
	return f->say(f, FAILOVER_DONE, "neither master nor slave");
}

/* Said once, by the handler that asks for health. */
static void
warn_if_it_can_not_be_killed(struct failover *f)
{
	static bool	 warned;
	struct place	 at = own_find_place(f, &own_file);
	char		 why[256] = "kill_server is off";

	if (warned)
		return;
	warned = true;
	if (!f->number(f, "kill_server") ||
	    !server_can_kill(&own.server, &at, why, sizeof(why)))
		f->log(f, FAILOVER_WARNING, "a server that has no free "
		    "connection, or hangs, could not be demoted: %s; see "
		    "kill_server in consul-failover-mysql(7)", why);
}

#define MISSED	"started with another socket, the server would be considered " \
    "down: "

/* While it is where we look for it, it can tell where else it would be found.
 * Said once, by the same handler. */
static void
warn_if_it_could_be_missed(struct failover *f)
{
	static bool	 warned;
	struct place	 at = own_find_place(f, &own_file);
	struct table	 t = { 0 };

	if (warned)
		return;
	warned = true;
	if (!server_can_be_missed(&own.server, &at) ||
	    !server_run(&own.server, &t, "SELECT @@port AS port, "
	    "@@bind_address AS address, @@skip_networking AS off"))
		return;
	if (strcmp(table_text(&t, "off"), "1") == 0)
		f->log(f, FAILOVER_WARNING, MISSED "it listens at no address "
		    "(skip_networking)");
	else if (atoi(table_text(&t, "port")) != f->port)
		f->log(f, FAILOVER_WARNING, MISSED "it listens on port %s, and "
		    "[service] port is %u", table_text(&t, "port"), f->port);
	else
		f->log(f, FAILOVER_WARNING, MISSED "also set option host, to "
		    "an address that it listens at (bind_address = %s)",
		    table_text(&t, "address"));
	table_free(&t);
}

/* While we are connected nobody else misses the file; whoever must demote this
 * server anew would.  But a master is not failed over for a file that may be
 * half written on all copies at once. */
static enum failover_result
check_file(struct failover *f)
{
	static bool		 warned;
	struct defaults		 file;
	enum failover_result	 r = own_read_place(f, &file);

	if (r == FAILOVER_DONE)
		warned = false;
	else if (f->role == FAILOVER_MASTER && own.server.link != NULL) {
		if (!warned)
			f->log(f, FAILOVER_WARNING, "still connected to "
			    "the server, but could not find it again: option "
			    "defaults_file can't be used as it is now; "
			    "\"consul-failover check\" shows why");
		warned = true;
		r = FAILOVER_DONE;
	}
	return r;
}

enum failover_result
health(struct failover *f)
{
	const char		*query = f->option(f, "query");
	enum failover_result	 r;

	if ((r = check_file(f)) != FAILOVER_DONE ||
	    (r = own_look(f)) != FAILOVER_DONE)
		return r;
	warn_if_it_can_not_be_killed(f);
	warn_if_it_could_be_missed(f);
	if ((r = settings_check(f)) != FAILOVER_DONE ||
	    (r = settings_check_filters(f)) != FAILOVER_DONE ||
	    (r = rights_check(f)) != FAILOVER_DONE ||
	    (r = check_databases(f)) != FAILOVER_DONE)
		return r;
	if (query != NULL && !server_run(&own.server, NULL, "%s", query))
		return own_sorry(f, query, &own.server);
	r = check_memory(f);
	return r == FAILOVER_DONE ? role_health(f) : r;
}

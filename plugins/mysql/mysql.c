/*
 * mysql.c - options, health and positions, for MariaDB and MySQL with GTIDs.
 *
 * One connection is held in each handler: what makes it readable is the end of
 * the server, so a server that was killed is noticed at once.
 */
#include <consul-failover/plugin.h>

#include "mysql_plugin.h"

#include <errno.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE	300	/* ms for the answer of a copy that may be gone */

static const struct failover_option options[] = {
	{ "socket", FAILOVER_STRING, NULL,
	    "path of the server's socket; wins over host" },
	{ "host", FAILOVER_STRING, NULL,
	    "where the server listens on [service] port; 127.0.0.1, if neither "
	    "socket nor defaults_file is given" },
	{ "user", FAILOVER_STRING, NULL, "who we are for this server" },
	{ "password_file", FAILOVER_STRING, NULL,
	    "file with the password of user" },
	{ "defaults_file", FAILOVER_STRING, NULL,
	    "my.cnf of the client; [client] and [consul-failover] are read" },
	{ "replication_user", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "who slaves are for their master" },
	{ "replication_password_file", FAILOVER_STRING, NULL,
	    "file with the password of replication_user" },
	{ "replication_ca", FAILOVER_STRING, NULL,
	    "certificates that a master must show one of; none: no TLS" },
	{ "databases", FAILOVER_STRING, NULL,
	    "databases that must exist, with commas between them" },
	{ "query", FAILOVER_STRING, NULL,
	    "a statement that must work for the copy to be healthy" },
	{ "max_lag", FAILOVER_DURATION, NULL,
	    "a slave that is further behind is not healthy" },
	{ "on_divergence", FAILOVER_STRING, "refuse",
	    "a copy with transactions that the master has not: refuse, or "
	    "follow all the same" },
	{ "kill_server", FAILOVER_BOOLEAN, "yes",
	    "a master that can't be demoted in time is killed; needs socket" },
	{ "semi_sync", FAILOVER_BOOLEAN, "no",
	    "semi-synchronous replication is switched with the role" },
	{ "events", FAILOVER_BOOLEAN, "no",
	    "the event scheduler is switched on with the master's role" },
	{ 0 }
};

FAILOVER_PLUGIN("mysql", "1.0", "MariaDB and MySQL with GTIDs", options);

/* Ours, between two calls. */
struct copy	own;
static int64_t		unconnected_since;	/* 0: it was not seen so */

enum failover_result
sorry(struct failover *f, const char *what, const struct server *s)
{
	return f->say(f, FAILOVER_FAILED, "%s: %s", what, s->text);
}

/*
 * Connections.
 */

enum failover_result
own_place(struct failover *f, struct place *at, char *password, size_t size)
{
	const char	*socket = f->option(f, "socket");
	const char	*host = f->option(f, "host");
	const char	*file = f->option(f, "defaults_file");

	if (host == NULL && file == NULL)
		host = "127.0.0.1";
	*at = (struct place){
		.socket = socket, .host = socket == NULL ? host : NULL,
		.port = f->port, .user = f->option(f, "user"),
		.defaults_file = file,
		.password = f->option(f, "password_file") == NULL ? NULL :
		    password,
	};
	return f->secret(f, "password_file", password, size);
}

/* No listener: the server is not there, or not yet. */
bool
is_down(const struct server *s)
{
	return (s->error == CR_CONNECTION_ERROR ||
	    s->error == CR_CONN_HOST_ERROR) &&
	    (s->system_error == ECONNREFUSED || s->system_error == ENOENT);
}

bool
is_full(const struct server *s)
{
	return s->error == ER_CON_COUNT_ERROR ||
	    s->error == ER_CANT_CREATE_THREAD ||
	    s->error == ER_TOO_MANY_USER_CONNECTIONS ||
	    s->error == ER_USER_LIMIT_REACHED;
}

static enum failover_result
open_own(struct failover *f)
{
	char			 password[256];
	struct place		 at;
	enum failover_result	 r = own_place(f, &at, password,
				    sizeof(password));

	if (r == FAILOVER_DONE && !copy_open(&own, f, &at))
		r = f->say(f, FAILOVER_FAILED, "%s%s",
		    is_down(&own.server) ? "the server is down: " : "",
		    own.server.text);
	explicit_bzero(password, sizeof(password));
	return r;
}

/* Our copy, with a fresh look at it.  The connection may have gone, or been
 * ended by a demotion, since the last call. */
enum failover_result
look(struct failover *f)
{
	enum failover_result	 r;

	own.server.f = f;
	own.server.system_error = 0;
	if (own.server.link != NULL && copy_look(&own))
		return FAILOVER_DONE;
	copy_close(&own);
	r = open_own(f);
	if (r == FAILOVER_DONE && !copy_look(&own))
		r = sorry(f, "can't ask the server", &own.server);
	return r;
}

enum failover_result
look_again(struct failover *f)
{
	return copy_look(&own) ? FAILOVER_DONE :
	    sorry(f, "can't ask the server", &own.server);
}

/* Another copy.  Its variables can be seen by everybody who can log in. */
enum failover_result
look_at(struct failover *f, struct copy *other, const char *host,
    uint16_t port)
{
	char			 password[256];
	struct place		 at = {
		.host = host, .port = port, .password = password,
		.user = f->option(f, "replication_user"),
		.ca_file = f->option(f, "replication_ca"),
		.patience = PATIENCE,
	};
	enum failover_result	 r = f->secret(f, "replication_password_file",
				    password, sizeof(password));

	*other = (struct copy){ 0 };
	if (r == FAILOVER_DONE && (!copy_open(other, f, &at) ||
	    !copy_look_at_variables(other)))
		r = f->say(f, FAILOVER_FAILED, "can't ask %s:%u as %s: %s",
		    host, port, at.user, other->server.text);
	explicit_bzero(password, sizeof(password));
	return r;
}

/*
 * What must be true of every copy.
 */

enum failover_result
check_settings(struct failover *f)
{
	const char *const	*name = own.dialect->required;
	const char		*value;

	for (; *name != NULL; name++) {
		value = table_get(&own.variables, 0, *name);
		if (value == NULL || (strcmp(value, "1") != 0 &&
		    strcmp(value, "ON") != 0))
			return f->say(f, FAILOVER_FAILED, "%s is off: set it "
			    "to ON in the server's my.cnf, on all copies",
			    *name);
	}
	value = table_get(&own.status, 0, own.dialect->channel);
	if (own.status.rows > 1 || (value != NULL && *value != '\0'))
		return f->say(f, FAILOVER_FAILED, "replicates by the channel "
		    "\"%s\": several masters are not supported, end it with "
		    "%s", value == NULL ? "" : value, own.dialect->forget);
	return FAILOVER_DONE;
}

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
			r = sorry(f, "can't ask for databases", &own.server);
		else if (t.rows == 0)
			r = f->say(f, FAILOVER_FAILED, "there is no database "
			    "%s, or we have no right to see it", name);
		table_free(&t);
		free(quoted);
	}
	free(names);
	return r;
}

/* Failures that another try does not mend: what the library says itself is of
 * the network. */
bool
is_for_good(unsigned error)
{
	switch (error) {
	case 0:
	case ER_CON_COUNT_ERROR:
	case ER_SERVER_SHUTDOWN:
	case ER_NET_READ_ERROR:
	case ER_NET_READ_INTERRUPTED:
		return false;
	default:
		return error < CR_MIN_ERROR ||
		    error >= CR_AUTH_PLUGIN_CANNOT_LOAD;
	}
}

enum failover_result
say_stopped(struct failover *f)
{
	if (!own.applying && own.apply_error != 0)
		return f->say(f, FAILOVER_FAILED, "can't apply what it "
		    "received: %s", table_get(&own.status, 0,
		    "Last_SQL_Error"));
	return f->say(f, FAILOVER_FAILED, "can't replicate from %s:%s: %s",
	    copy_master(&own, "Host"), copy_master(&own, "Port"),
	    table_get(&own.status, 0, "Last_IO_Error"));
}

/* How far behind, in ms.  Without a connection, nobody knows more than since
 * when. */
static int64_t
lag(void)
{
	struct timespec	 now;
	int64_t		 ms;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
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

	if (!own.applying && own.apply_error != 0)
		return say_stopped(f);
	/* Nobody to replicate from: as good as it gets. */
	if (f->role != FAILOVER_SLAVE || *f->master_host == '\0')
		return f->say(f, FAILOVER_DONE, "a slave, of %s:%s so far",
		    copy_master(&own, "Host"), copy_master(&own, "Port"));
	if (!copy_follows(&own, f->master_host, f->master_port))
		return f->say(f, FAILOVER_AGAIN, "still a slave of %s:%s, not "
		    "yet of %s:%u", copy_master(&own, "Host"),
		    copy_master(&own, "Port"), f->master_host, f->master_port);
	if (own.receiving != RECEIVING_YES && is_for_good(own.receive_error))
		return say_stopped(f);
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
		return f->say(f, FAILOVER_DONE, "master");
	if (f->role == FAILOVER_SLAVE && !own.read_only)
		return f->say(f, FAILOVER_AGAIN, "a slave, but not read-only");
	if (own.slave)
		return slave_health(f);
	if (f->role == FAILOVER_SLAVE)
		return f->say(f, FAILOVER_AGAIN,
		    "a slave, but replicates from nobody");
	return f->say(f, FAILOVER_DONE, "neither master nor slave");
}

enum failover_result
health(struct failover *f)
{
	const char		*query = f->option(f, "query");
	enum failover_result	 r;

	if ((r = look(f)) != FAILOVER_DONE ||
	    (r = check_settings(f)) != FAILOVER_DONE ||
	    (r = check_databases(f)) != FAILOVER_DONE)
		return r;
	if (query != NULL && !server_run(&own.server, NULL, "%s", query))
		return sorry(f, query, &own.server);
	return role_health(f);
}

int
watch_fd(struct failover *f)
{
	(void)f;
	return own.server.link == NULL ? -1 :
	    (int)mysql_get_socket(own.server.link);
}

/*
 * Positions.
 */

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	enum failover_result	 r = look(f);

	if (r == FAILOVER_DONE && !copy_position(&own, own.slave ? RECEIVED :
	    APPLIED, text, size))
		r = f->say(f, FAILOVER_FAILED, "%s", own.server.text);
	return r;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	char	 missing[FAILOVER_SENTENCE];
	int64_t	 behind;

	if (look(f) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!copy_lacks(&own, own.slave ? RECEIVED : APPLIED, text, missing,
	    sizeof(missing), &behind))
		return f->say(f, FAILOVER_AGAIN, "%s", own.server.text);
	if (behind == 0)
		return f->say(f, FAILOVER_DONE, "nothing is missing");
	return f->say(f, FAILOVER_FAILED, "%lld transactions are missing: %s",
	    (long long)behind, missing);
}

int64_t
behind(struct failover *f, const char *text)
{
	char	 missing[FAILOVER_SENTENCE];
	int64_t	 count;

	if (look(f) != FAILOVER_DONE || !copy_lacks(&own, own.slave ?
	    RECEIVED : APPLIED, text, missing, sizeof(missing), &count))
		return -1;
	return count;
}

enum failover_result
plugin_start(struct failover *f)
{
	const char	*way = f->option(f, "on_divergence");

	if (strcmp(way, "refuse") != 0 && strcmp(way, "follow") != 0)
		return f->say(f, FAILOVER_FAILED, "option on_divergence is "
		    "refuse or follow, not %s", way);
	return FAILOVER_DONE;
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	copy_close(&own);
	mysql_library_end();
}

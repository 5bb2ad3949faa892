/*
 * mysql.c - options, health and positions, for MariaDB and MySQL with GTIDs.
 *
 * One connection is held in each handler: what makes it readable is the end of
 * the server, so a server that was killed is noticed at once.
 */
#include <consul-failover/plugin.h>

#include "defaults.h"
#include "mysql_plugin.h"

#include <errno.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <time.h>

#define STEADY		2500	/* ms of replication without an error */
#define PATIENCE	300	/* ms for the answer of a copy that may be gone */

static const struct failover_option options[] = {
	{ "socket", FAILOVER_STRING, NULL,
	    "path of the server's socket; wins over host" },
	{ "host", FAILOVER_STRING, NULL,
	    "where the server listens on [service] port, also beside socket; "
	    "127.0.0.1, if neither socket nor defaults_file is given" },
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
	{ "allow_filters", FAILOVER_BOOLEAN, "no",
	    "a copy that leaves out some of the data by its settings may be "
	    "the master" },
	{ "kill_server", FAILOVER_BOOLEAN, "yes",
	    "a master that can't be demoted in time is killed: who listens at "
	    "socket or host, on this machine" },
	{ "semi_sync", FAILOVER_BOOLEAN, "no",
	    "semi-synchronous replication is switched with the role" },
	{ "events", FAILOVER_BOOLEAN, "no",
	    "the event scheduler is switched on with the master's role" },
	{ 0 }
};

FAILOVER_PLUGIN("mysql", "1.0", "MariaDB and MySQL with GTIDs", options);

/* Ours, between two calls. */
struct copy	own;
bool		demoting;
static int64_t		unconnected_since;	/* 0: it was not seen so */

enum failover_result
sorry(struct failover *f, const char *what, const struct server *s)
{
	f->say(f, FAILOVER_FAILED, "%s: %s", what, s->text);
	if (s == &own.server && s->error == ER_SPECIFIC_ACCESS_DENIED_ERROR)
		copy_close(&own);	/* a new session has new rights */
	return FAILOVER_FAILED;
}

/*
 * Connections.
 */

/* Where our server is by the options, and by defaults_file where those are
 * silent.  What nobody has named proves nothing if nobody is there, so there is
 * no place but a named one. */
static struct place
find_place(struct failover *f, const struct defaults *file)
{
	struct place	 at = { .own = true, .port = f->port,
			    .user = f->option(f, "user"),
			    .defaults_file = f->option(f, "defaults_file"),
			    .socket = f->option(f, "socket") };

	if (at.socket == NULL)
		at.host = f->option(f, "host");
	else
		at.also = f->option(f, "host");
	if (at.socket != NULL || at.host != NULL)
		return at;
	if (at.defaults_file == NULL) {
		at.host = "127.0.0.1";
		at.guessed = true;
	} else if (*file->host != '\0' && strcmp(file->host, "localhost") != 0)
		at.host = file->host;
	else if (*file->socket != '\0')
		at.socket = file->socket;
	return at;
}

/* What the library would cut, or take for a place of its own. */
static enum failover_result
check_place(struct failover *f, const struct defaults *file)
{
	struct place	 at = find_place(f, file);
	const size_t	 most = sizeof(((struct sockaddr_un *)0)->sun_path);

	if (at.socket == NULL && at.host == NULL)
		return f->say(f, FAILOVER_FAILED, "option defaults_file: %s "
		    "says neither socket nor host, so a server that runs would "
		    "be looked for in a wrong place: give option socket",
		    at.defaults_file);
	if (at.socket != NULL && *at.socket != '/' && *at.socket != '@')
		return f->say(f, FAILOVER_FAILED, "socket %.200s: give its "
		    "absolute path", at.socket);
	if (at.socket != NULL && strlen(at.socket) >= most)
		return f->say(f, FAILOVER_FAILED, "socket %.200s: its path "
		    "is longer than %zu bytes", at.socket, most - 1);
	if (at.host != NULL && (strcmp(at.host, "localhost") == 0 ||
	    *at.host == '\0' || strchr(at.host, ',') != NULL))
		return f->say(f, FAILOVER_FAILED, "host %.200s: give one "
		    "address, like 127.0.0.1, or option socket", at.host);
	if (at.defaults_file != NULL && *file->protocol != '\0' &&
	    strcasecmp(file->protocol, at.host == NULL ? "socket" : "tcp") != 0)
		return f->say(f, FAILOVER_FAILED, "option defaults_file: "
		    "protocol = %s in %.200s does not fit %.200s",
		    file->protocol, at.defaults_file,
		    at.host == NULL ? at.socket : at.host);
	return FAILOVER_DONE;
}

static enum failover_result
read_place(struct failover *f, struct defaults *file)
{
	const char	*path = f->option(f, "defaults_file");
	char		 why[FAILOVER_SENTENCE - 64];

	*file = (struct defaults){ 0 };
	if (path != NULL && !defaults_read(file, path, why, sizeof(why)))
		return f->say(f, FAILOVER_FAILED, "option defaults_file: %s",
		    why);
	return check_place(f, file);
}

static struct defaults	own_file;	/* as it was when we connected */

enum failover_result
own_place(struct failover *f, struct place *at, char *password, size_t size)
{
	*at = find_place(f, &own_file);
	if (f->option(f, "password_file") != NULL)
		at->password = password;
	return f->secret(f, "password_file", password, size);
}

static enum failover_result
open_own(struct failover *f)
{
	char			 password[256];
	struct place		 at = { 0 };
	enum failover_result	 r = read_place(f, &own_file);

	own.server.error = 0;		/* of this try alone */
	if (r == FAILOVER_DONE)
		r = own_place(f, &at, password, sizeof(password));
	at.hasty = demoting;
	if (r == FAILOVER_DONE && !copy_open(&own, f, &at))
		r = f->say(f, FAILOVER_FAILED, "%s%s",
		    server_is_down(&own.server) ? "the server is down: " : "",
		    own.server.text);
	explicit_bzero(password, sizeof(password));
	return r;
}

static bool	is_refused(void);

/* Since its master is gone, nobody had refused it at first. */
static bool	was_unrefused;

static void
note_refusal(const struct failover *f)
{
	if (*f->master_host != '\0')
		was_unrefused = false;
	else if (!is_refused())
		was_unrefused = true;
}

/* Our copy, with a fresh look at it.  The connection may have gone, or been
 * ended by a demotion, since the last call. */
static enum failover_result
look_once(struct failover *f)
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
look(struct failover *f)
{
	enum failover_result	 r = look_once(f);

	if (r == FAILOVER_DONE)
		note_refusal(f);
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

static bool
is_forbidden(unsigned error)
{
	return error == ER_SPECIFIC_ACCESS_DENIED_ERROR ||
	    error == ER_ACCESS_DENIED_ERROR ||
	    error == ER_DBACCESS_DENIED_ERROR ||
	    error == ER_TABLEACCESS_DENIED_ERROR;
}

/* An account of a time when that was not asked must not cost all copies their
 * fitness at once.  Said once, by each handler. */
static void
warn_of_an_unseen_log(struct failover *f)
{
	static bool	 warned;
	struct table	 t = { 0 };
	const char	*us = NULL;

	if (warned)
		return;
	warned = true;
	if (server_run(&own.server, &t, "SELECT CONCAT('''', REPLACE("
	    "CURRENT_USER(), '@', '''@'''), '''') AS us"))
		us = table_get(&t, 0, "us");
	f->log(f, FAILOVER_WARNING, "can't see whether the binary log leaves "
	    "something out, which slaves would lack: GRANT %s ON *.* TO %s, "
	    "and restart the agent", own.dialect->mariadb ? "BINLOG MONITOR" :
	    "REPLICATION CLIENT", us == NULL ? "our account" : us);
	table_free(&t);
}

/* Who is the master already has more than its slaves: it is told, and stays. */
enum failover_result
check_filters(struct failover *f)
{
	const char	*name, *value;

	if (f->number(f, "allow_filters"))
		return FAILOVER_DONE;
	if (!copy_look_at_log(&own)) {
		if (!is_forbidden(own.server.error))
			return sorry(f, "can't see whether the binary log "
			    "leaves something out", &own.server);
		warn_of_an_unseen_log(f);
	}
	if (f->promote || f->role == FAILOVER_MASTER ||
	    (name = copy_filter(&own, &value)) == NULL)
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_FAILED, "%s = %.200s leaves out some of the "
	    "data, whatever GTIDs this copy has: remove that from my.cnf and "
	    "make the copy anew, or set allow_filters = yes", name, value);
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

/* MySQL's of its own number, which the client's library does not know. */
#define ACCOUNT_LOCKED		3118
#define TLS_REQUIRED		3159
#define SOURCE_FATAL_ERROR	13114

bool
is_denied(unsigned error)
{
	switch (error) {
	case ER_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
	case ER_SPECIFIC_ACCESS_DENIED_ERROR:
	case ER_HOST_NOT_PRIVILEGED:
	case ER_MUST_CHANGE_PASSWORD:
	case ER_MUST_CHANGE_PASSWORD_LOGIN:
	case ER_ACCOUNT_HAS_BEEN_LOCKED:
	case ACCOUNT_LOCKED:
	case TLS_REQUIRED:
	case CR_AUTH_PLUGIN_CANNOT_LOAD:
	case CR_AUTH_PLUGIN_ERR:
		return true;
	default:
		return false;
	}
}

/* Two servers with one id, or one without, are no matter of the data. */
static bool
is_refused(void)
{
	const char	*text = table_get(&own.status, 0, "Last_IO_Error");

	if (own.receiving != RECEIVING_NO || text == NULL ||
	    strstr(text, "server_uuid/server_id") != NULL ||
	    strstr(text, "Misconfigured") != NULL)
		return false;
	switch (own.receive_error) {
	case ER_MASTER_FATAL_ERROR_READING_BINLOG:
	case ER_MASTER_HAS_PURGED_REQUIRED_GTIDS:
	case ER_GTID_POSITION_NOT_FOUND_IN_BINLOG:
	case ER_GTID_POSITION_NOT_FOUND_IN_BINLOG2:
	case SOURCE_FATAL_ERROR:
		return true;
	default:
		return false;
	}
}

/* The one before may come back, and not have what this copy asks it for: that
 * is no word of its master.  In a promotion, health has seen before whether it
 * was. */
static bool
is_refused_by_its_master(const struct failover *f)
{
	if (*f->master_host == '\0' && (*f->previous_host == '\0' ?
	    was_unrefused : copy_follows(&own, f->previous_host,
	    f->previous_port)))
		return false;
	return is_refused();
}

/* Who has the password, and may not replicate, is told so in the text alone. */
static bool
is_shut_out(const struct failover *f)
{
	return copy_follows(&own, f->master_host, f->master_port) &&
	    (is_denied(own.receive_error) || strstr(table_text(&own.status,
	    "Last_IO_Error"), "(Errno: 1045)") != NULL);
}

static bool
can_not_apply(void)
{
	return !own.applying && own.apply_error != 0;
}

bool
is_stuck(const struct failover *f)
{
	return own.slave && (can_not_apply() || is_refused_by_its_master(f));
}

/* The reason may hold a statement of several lines. */
enum failover_result
remember(struct failover *f, const char *fmt, ...)
{
	char	 line[FAILOVER_SENTENCE], *c;
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return f->remember(f, line);
}

/* What it lacks comes by itself then, so no new copy is needed. */
#define SHUT_OUT	"its master "

enum failover_result
remember_shut_out(struct failover *f, const char *host, uint16_t port,
    const char *why)
{
	if (*f->master_host == '\0' || *f->memory != '\0' ||
	    (copy_follows(&own, host, port) &&
	    own.receiving == RECEIVING_YES))
		return FAILOVER_DONE;
	return remember(f, SHUT_OUT "%s:%u does not let it in: %s", host, port,
	    why);
}

enum failover_result
say_stopped(struct failover *f)
{
	const char	*what = can_not_apply() ? "can't apply what it "
			    "received from" : "can't replicate from";
	const char	*reason = table_get(&own.status, 0, can_not_apply() ?
			    "Last_SQL_Error" : "Last_IO_Error");

	if (reason == NULL)
		reason = "";
	if (is_stuck(f) && remember(f, "%s %s:%s: %s", what,
	    copy_master(&own, "Host"), copy_master(&own, "Port"), reason) !=
	    FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (!is_stuck(f) && is_shut_out(f) && remember_shut_out(f,
	    f->master_host, f->master_port, reason) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (is_stuck(f))	/* a sentence would end with the first line */
		return f->say(f, FAILOVER_FAILED, "%s", f->memory);
	return f->say(f, FAILOVER_FAILED, "%s %s:%s: %s", what,
	    copy_master(&own, "Host"), copy_master(&own, "Port"), reason);
}

enum failover_result
say_refused(struct failover *f)
{
	return f->say(f, FAILOVER_FAILED, "%.400s; %s; to make it master all "
	    "the same: consul-failover promote", f->memory, strncmp(f->memory,
	    SHUT_OUT, strlen(SHUT_OUT)) == 0 ? "let it in, and it gets what it "
	    "lacks" : "make a new copy of it");
}

static int64_t
now_ms(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A thread that will be refused runs as well, for a moment. */
static bool
has_streamed(void)
{
	static int64_t	 since;

	if (!own.slave || !own.applying || own.receiving != RECEIVING_YES)
		since = 0;
	else if (since == 0)
		since = now_ms();
	return since != 0 && now_ms() - since >= STEADY;
}

/* What its master refused is in the way until it has all that a master has. */
static enum failover_result
check_memory(struct failover *f)
{
	bool	 streamed = has_streamed();	/* looked at each time */

	if (*f->memory == '\0' || f->role == FAILOVER_MASTER || f->promote)
		return FAILOVER_DONE;
	return streamed ? f->remember(f, "") : say_refused(f);
}

/* How far behind, in ms.  Without a connection, nobody knows more than since
 * when. */
static int64_t
lag(void)
{
	int64_t	 ms = now_ms();

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

	if (is_stuck(f) && !f->promote)
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

static enum failover_result
master_health(struct failover *f)
{
	const char	*value, *name = copy_filter(&own, &value);

	if (name != NULL && !f->number(f, "allow_filters"))
		return f->say(f, FAILOVER_DONE, "master; but %s = %.200s leaves "
		    "out some of the data: do not fail over before that is "
		    "mended", name, value);
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
		    "a slave, but replicates from nobody");
	return f->say(f, FAILOVER_DONE, "neither master nor slave");
}

/* Said once, by the handler that asks for health. */
static void
warn_if_it_can_not_be_killed(struct failover *f)
{
	static bool	 warned;
	struct place	 at = find_place(f, &own_file);
	char		 why[256] = "kill_server is off";

	if (warned)
		return;
	warned = true;
	if (!f->number(f, "kill_server") ||
	    !server_can_kill(&own.server, &at, why, sizeof(why)))
		f->log(f, FAILOVER_WARNING, "a server that has no connection "
		    "left, or hangs, could not be demoted: %s; see kill_server "
		    "in consul-failover-mysql(7)", why);
}

#define MISSED	"started with another socket, the server would be taken for " \
    "one that is down: "

/* While it is where we look for it, it can tell where else it would be found.
 * Said once, by the same handler. */
static void
warn_if_it_could_be_missed(struct failover *f)
{
	static bool	 warned;
	struct place	 at = find_place(f, &own_file);
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
		f->log(f, FAILOVER_WARNING, MISSED "write option host beside "
		    "socket, an address that it listens at (bind_address = %s)",
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
	enum failover_result	 r = read_place(f, &file);

	if (r == FAILOVER_DONE)
		warned = false;
	else if (f->role == FAILOVER_MASTER && own.server.link != NULL) {
		if (!warned)
			f->log(f, FAILOVER_WARNING, "the server is asked as "
			    "before, but could not be found anew: option "
			    "defaults_file can't be used as it is now; "
			    "\"consul-failover check\" says why");
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
	    (r = look(f)) != FAILOVER_DONE)
		return r;
	warn_if_it_can_not_be_killed(f);
	warn_if_it_could_be_missed(f);
	if ((r = check_settings(f)) != FAILOVER_DONE ||
	    (r = check_filters(f)) != FAILOVER_DONE ||
	    (r = check_rights(f)) != FAILOVER_DONE ||
	    (r = check_databases(f)) != FAILOVER_DONE)
		return r;
	if (query != NULL && !server_run(&own.server, NULL, "%s", query))
		return sorry(f, query, &own.server);
	r = check_memory(f);
	return r == FAILOVER_DONE ? role_health(f) : r;
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

/* Of two copies that have received the same, the one that could serve much later
 * stands back: how much it must apply before stands in front of its position, as
 * "unapplied=1000 0-1-100". */
#define UNAPPLIED	"unapplied="

const char *
split_position(const char *text, int64_t *unapplied)
{
	const char	*gtids = strchr(text, ' ');

	*unapplied = 0;
	if (strncmp(text, UNAPPLIED, strlen(UNAPPLIED)) != 0 || gtids == NULL)
		return text;
	*unapplied = strtoll(text + strlen(UNAPPLIED), NULL, 10);
	return gtids + 1;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	char			 gtids[FAILOVER_POSITION - 64], lock[128];
	int64_t			 unapplied;
	enum failover_result	 r = look(f);

	if (r != FAILOVER_DONE)
		return r;
	if (!copy_position(&own, own.slave ? RECEIVED : APPLIED, gtids,
	    sizeof(gtids)) ||
	    !copy_unapplied(&own, &unapplied, lock, sizeof(lock)))
		return f->say(f, FAILOVER_FAILED, "%s", own.server.text);
	if (unapplied < COPY_LATE)
		snprintf(text, size, "%s", gtids);
	else
		snprintf(text, size, UNAPPLIED "%lld %s", (long long)unapplied,
		    gtids);
	return FAILOVER_DONE;
}

/* We have all that it names; and it names all that we have, and is sooner. */
static enum failover_result
is_as_soon(struct failover *f, const char *gtids, int64_t its)
{
	char	 ours[FAILOVER_POSITION], lock[128];
	int64_t	 unapplied;

	if (!copy_unapplied(&own, &unapplied, lock, sizeof(lock)) ||
	    (unapplied >= COPY_LATE && !copy_position(&own, RECEIVED, ours,
	    sizeof(ours))))
		return f->say(f, FAILOVER_AGAIN, "%s", own.server.text);
	if (unapplied < COPY_LATE || its > unapplied / 2 ||
	    strcmp(ours, gtids) != 0)
		return f->say(f, FAILOVER_DONE, "nothing is missing");
	return f->say(f, FAILOVER_FAILED, "nothing is missing, but %lld "
	    "transactions are to be applied first%s%s", (long long)
	    (unapplied % COPY_HELD), *lock == '\0' ? "" : ": ", lock);
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	char		 missing[FAILOVER_SENTENCE];
	int64_t		 behind, its;
	const char	*gtids = split_position(text, &its);

	if (look(f) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!copy_lacks(&own, own.slave ? RECEIVED : APPLIED, gtids, missing,
	    sizeof(missing), &behind))
		return f->say(f, FAILOVER_AGAIN, "%s", own.server.text);
	if (behind == 0)
		return is_as_soon(f, gtids, its);
	return f->say(f, FAILOVER_FAILED, "%lld transactions are missing: %s",
	    (long long)behind, missing);
}

int64_t
behind(struct failover *f, const char *text)
{
	char	 missing[FAILOVER_SENTENCE];
	int64_t	 count, its;

	if (look(f) != FAILOVER_DONE || !copy_lacks(&own, own.slave ?
	    RECEIVED : APPLIED, split_position(text, &its), missing,
	    sizeof(missing), &count))
		return -1;
	return count;
}

enum failover_result
plugin_start(struct failover *f)
{
	const char	*way = f->option(f, "on_divergence");
	struct defaults	 file;

	if (strcmp(way, "refuse") != 0 && strcmp(way, "follow") != 0)
		return f->say(f, FAILOVER_FAILED, "option on_divergence is "
		    "refuse or follow, not %s", way);
	return read_place(f, &file);
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	copy_close(&own);
	mysql_library_end();
}

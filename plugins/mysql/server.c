/*
 * server.c - a connection, with the library's functions that do not block: the
 * others know only whole seconds.
 */
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <errmsg.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "listener.h"
#include "pid.h"

/* What mysql_real_query_start has returned, as long as it goes on. */
#define ANSWERED	0

static bool
fail(struct server *s, unsigned error, const char *text)
{
	s->error = error;
	snprintf(s->text, sizeof(s->text), "%s", text);
	return false;
}

bool
server_fail(struct server *s, const char *fmt, ...)
{
	va_list	 ap;

	s->error = SERVER_OURS;
	va_start(ap, fmt);
	vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
	return false;
}

static bool
fail_as_library(struct server *s)
{
	const char	*text = mysql_error(s->link), *number;

	/* The system's error stands nowhere else: "... (111)". */
	number = strrchr(text, '(');
	s->system_error = number == NULL ? 0 : atoi(number + 1);
	fail(s, mysql_errno(s->link) == 0 ? SERVER_LOST :
	    mysql_errno(s->link), text);
	if (s->error == ER_SPECIFIC_ACCESS_DENIED_ERROR)
		snprintf(s->text, sizeof(s->text), "%.300s "
		    "(consul-failover-mysql(7) lists the rights)", text);
	/* The server says no more, lest somebody guesses. */
	if (s->error == ER_ACCESS_DENIED_ERROR)
		snprintf(s->text, sizeof(s->text), "%.250s (the password is "
		    "wrong, or there is no such account, or it needs TLS: see "
		    "%s)", text, s->remote ? "replication_ca" :
		    "defaults_file");
	return false;
}

static bool
fail_late(struct server *s)
{
	return fail(s, SERVER_LOST, "no answer in time");
}

static int64_t
time_for(const struct server *s)
{
	return deadline_left(s->f, s->patience > 0 ? s->patience : INT64_MAX);
}

/* Waits for what the library waits for; 0 if that did not come. */
static int
wait_for(struct server *s, int wanted, int64_t limit)
{
	struct pollfd	 p = { .fd = (int)mysql_get_socket(s->link) };
	int		 n;

	if (wanted & MYSQL_WAIT_READ)
		p.events |= POLLIN;
	if (wanted & MYSQL_WAIT_WRITE)
		p.events |= POLLOUT;
	if (wanted & MYSQL_WAIT_EXCEPT)
		p.events |= POLLPRI;
	do
		n = poll(&p, 1, limit < INT_MAX ? (int)limit : INT_MAX);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return 0;
	return ((p.revents & (POLLIN | POLLHUP | POLLERR)) ? MYSQL_WAIT_READ :
	    0) | ((p.revents & (POLLOUT | POLLERR)) ? MYSQL_WAIT_WRITE : 0) |
	    ((p.revents & POLLPRI) ? MYSQL_WAIT_EXCEPT : 0);
}

/* What is set globally begins each session, and so does init_connect.  A
 * transaction that nobody ends would keep ALTER TABLE waiting for us; a limit of
 * time or rows would end or cut our answers, an idle one our connection.  Each
 * of these is known to all servers; who misses a right says so in English. */
static const char *const	session[] = {
	"SET NAMES utf8mb4",
	"SET SESSION autocommit = 1, completion_type = 0, sql_mode = '', "
	    "sql_select_limit = 18446744073709551615, sql_big_selects = 1, "
	    "foreign_key_checks = 1, wait_timeout = 86400, "
	    "lock_wait_timeout = 60, lc_messages = 'en_US'"
	    "/*M! , max_statement_time = 0 *//*!50708 , max_execution_time = 0"
	    " */",
	"SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ",
};

static bool
set_options(struct server *s, const struct place *at)
{
	my_bool	 yes = 1;
	size_t	 i;

	if (mysql_optionsv(s->link, MYSQL_OPT_NONBLOCK, 0) != 0)
		return false;
	mysql_optionsv(s->link, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(s->link, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
	    "consul-failover");
	for (i = 0; i < sizeof(session) / sizeof(session[0]); i++)
		mysql_optionsv(s->link, MYSQL_INIT_COMMAND, session[i]);
	if (at->defaults_file != NULL) {
		mysql_optionsv(s->link, MYSQL_READ_DEFAULT_FILE,
		    at->defaults_file);
		mysql_optionsv(s->link, MYSQL_READ_DEFAULT_GROUP,
		    "consul-failover");
	}
	if (at->ca_file != NULL) {
		mysql_optionsv(s->link, MYSQL_OPT_SSL_CA, at->ca_file);
		mysql_optionsv(s->link, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	}
	return true;
}

/* Who listens there; it need not have answered yet. */
static void
find_pid(struct server *s)
{
	struct ucred	 peer = { 0 };
	socklen_t	 size = sizeof(peer);
	int		 fd = (int)mysql_get_socket(s->link);
	int		 family = AF_UNSPEC;
	socklen_t	 family_size = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_size) == 0 &&
	    family == AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		s->pid = peer.pid;
}

/* A socket may also be a proxy's, or held by init for a unit; and mysqld_exporter
 * is no server. */
static bool
is_server(pid_t pid)
{
	static const char *const	names[] = { "mariadbd", "mysqld" };
	char				name[PID_NAME];
	size_t				i, length;
	bool				found = false;

	if (pid <= 1 || !pid_name(pid, name))
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		length = strlen(names[i]);
		found = found || (strncmp(name, names[i], length) == 0 &&
		    strchr("-", name[length]) != NULL);	/* or its end */
	}
	return found;
}

/* Who listens at our server's place. */
static pid_t
find_listener(const struct place *at)
{
	if (at->socket == NULL)
		return listener_at_host(at->host, at->port, 0);
	/* "@name": never had a file. */
	return *at->socket == '@' ? 0 : listener_at_path(at->socket);
}

static pid_t
find_server(const struct server *s, const struct place *at)
{
	pid_t	 pid = is_server(s->pid) ? s->pid : find_listener(at);

	return is_server(pid) ? pid : 0;
}

static void
write_not_found(const struct place *at, char *text, size_t size)
{
	snprintf(text, size, "no process of mariadbd or mysqld was found that "
	    "listens at %.128s", at->socket != NULL ? at->socket : at->host);
}

bool
server_can_kill(const struct server *s, const struct place *at, char *text,
    size_t size)
{
	pid_t	 pid = find_server(s, at);

	if (pid == 0)
		write_not_found(at, text, size);
	else if (!pid_signal(pid, 0, is_server))
		snprintf(text, size, "can't kill process %d: %s", (int)pid,
		    strerror(errno));
	else
		return true;
	return false;
}

bool
server_kill(struct server *s, const struct place *at)
{
	pid_t	 pid = find_server(s, at);
	char	 why[256];

	if (pid == 0) {
		write_not_found(at, why, sizeof(why));
		return server_fail(s, "%s", why);
	}
	/* ESRCH: one that was there a moment ago has ended by itself, or by a
	 * call before. */
	if (!pid_signal(pid, SIGKILL, is_server) && errno != ESRCH)
		return server_fail(s, "can't kill process %d: %s",
		    (int)pid, strerror(errno));
	return true;
}

bool
server_is_down(const struct server *s)
{
	return (s->error == CR_CONNECTION_ERROR ||
	    s->error == CR_CONN_HOST_ERROR) &&
	    (s->system_error == ECONNREFUSED || s->system_error == ENOENT);
}

bool
server_is_full(const struct server *s)
{
	return s->error == ER_CON_COUNT_ERROR ||
	    s->error == ER_OUT_OF_RESOURCES ||
	    s->error == ER_CANT_CREATE_THREAD ||
	    s->error == ER_HOST_IS_BLOCKED ||
	    s->error == ER_TOO_MANY_USER_CONNECTIONS ||
	    s->error == ER_USER_LIMIT_REACHED;
}

/* A server that was started with another socket, or that the guess has missed.
 * Several may share a port, each at an address of its own, so no other address
 * than a named one counts; only one listens at all addresses, and the clients
 * of the port find that one. */
static pid_t
find_on_port(const struct place *at)
{
	const struct sockaddr_in	 any = { .sin_family = AF_INET,
					    .sin_port = htons(at->port) };
	const struct sockaddr_in6	 any6 = { .sin6_family = AF_INET6,
					    .sin6_port = htons(at->port) };
	pid_t				 pid;

	if (at->guessed)
		return listener_on_port(at->port, is_server);
	if (at->socket == NULL)
		return 0;
	if ((pid = listener_at((const struct sockaddr *)&any)) == 0)
		pid = listener_at((const struct sockaddr *)&any6);
	if (pid == 0 && at->also != NULL)	/* asks no name server */
		pid = listener_at_host(at->also, at->port, AI_NUMERICHOST);
	return pid == LISTENER_UNSEEN || is_server(pid) ? pid : 0;
}

bool
server_can_be_missed(const struct server *s, const struct place *at)
{
	pid_t	 pid = at->socket != NULL ? find_server(s, at) : 0, found;

	if (pid == 0)
		return false;
	found = find_on_port(at);
	return found != pid && found != LISTENER_UNSEEN;
}

/* That nobody is there must be true of the server, not of the place alone: its
 * socket may have been removed or replaced, the options may name another one, a
 * filter may refuse in its place. */
static void
find_running(struct server *s, const struct place *at)
{
	const char	*where = at->socket != NULL ? at->socket : at->host;
	pid_t		 pid;

	if (!at->own || !server_is_down(s))
		return;
	if ((pid = find_listener(at)) != 0) {
		s->pid = pid;
		s->cut_off = s->system_error == ENOENT &&
		    access(where, F_OK) != 0;
		s->elsewhere = !s->cut_off;
		server_fail(s, s->cut_off ? "the server runs, but its socket "
		    "file %.128s was removed: restart it" : "a process listens "
		    "at %.128s, but refuses connections: if that lasts, "
		    "restart the server", where);
	} else if ((pid = find_on_port(at)) != 0) {
		s->pid = at->guessed ? 0 : pid;
		s->elsewhere = s->by_port = !at->guessed;
		server_fail(s, "nothing listens at %.128s, but a server "
		    "listens on port %u%s: if it is this one, correct the "
		    "options or its my.cnf", where, at->port,
		    pid == LISTENER_UNSEEN ?
		    " (whose process we can't see)" : "");
	}
}

static void
find_again(struct server *s, const struct place *at,
    const struct server *before)
{
	if (!server_is_down(s) || !at->hasty || !before->elsewhere ||
	    (before->pid != -1 && !is_server(before->pid))) {
		find_running(s, at);
		return;
	}
	s->pid = before->pid;
	s->elsewhere = true;
	s->by_port = before->by_port;
	server_fail(s, "%s", before->text);
}

/* A server that stands still may have so many in its queue that connect() is
 * refused for a moment: the library sleeps then, for seconds. */
static bool
has_room(const char *path)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM |
				    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool			 room;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	room = *path == '@' || connect(fd, (struct sockaddr *)&un,
	    sizeof(un)) == 0 || errno != EAGAIN;
	if (fd != -1)
		close(fd);
	return room;
}

bool
server_open(struct server *s, struct failover *f, const struct place *at)
{
	const struct server	 before = *s;
	MYSQL			*done = NULL;
	int			 wanted;

	*s = (struct server){ .f = f, .patience = at->patience,
	    .remote = !at->own, .link = mysql_init(NULL) };
	if (s->link == NULL || !set_options(s, at)) {
		server_close(s);
		return fail(s, CR_OUT_OF_MEMORY, strerror(ENOMEM));
	}
	if (at->hasty && at->socket != NULL && !has_room(at->socket)) {
		server_close(s);
		s->system_error = EAGAIN;
		return fail(s, CR_CONNECTION_ERROR, "the queue of pending "
		    "connections is full");
	}
	/* "localhost": a host of the option file would win over our socket. */
	wanted = mysql_real_connect_start(&done, s->link, at->socket != NULL ?
	    "localhost" : at->host, at->user, at->password, NULL, at->port,
	    at->socket, CLIENT_REMEMBER_OPTIONS);
	while (wanted != 0) {
		find_pid(s);
		wanted = wait_for(s, wanted, time_for(s));
		if (wanted == 0) {
			server_close(s);
			return fail_late(s);
		}
		wanted = mysql_real_connect_cont(&done, s->link, wanted);
	}
	if (done != NULL) {
		find_pid(s);	/* there may have been nothing to wait for */
		return true;
	}
	fail_as_library(s);
	find_again(s, at, &before);
	server_close(s);
	return false;
}

void
server_close(struct server *s)
{
	if (s->link != NULL)
		mysql_close(s->link);
	s->link = NULL;
	s->pending = 0;
}

bool
server_begin(struct server *s, const char *statement)
{
	int	 failed = 0;

	s->error = 0;
	s->text[0] = '\0';
	if (s->link == NULL)
		return fail(s, SERVER_LOST, "not connected");
	s->pending = mysql_real_query_start(&failed, s->link, statement,
	    strlen(statement));
	if (s->pending == ANSWERED && failed)
		return fail_as_library(s);
	return true;
}

bool
server_end(struct server *s, int64_t limit)
{
	int	 failed = 0, came;

	while (s->pending != ANSWERED) {
		if (limit > time_for(s))
			limit = time_for(s);
		came = wait_for(s, s->pending, limit);
		if (came == 0)
			return false;
		s->pending = mysql_real_query_cont(&failed, s->link, came);
	}
	return failed ? fail_as_library(s) : true;
}

static bool
copy_cells(struct table *t, MYSQL_RES *result)
{
	MYSQL_FIELD	*fields = mysql_fetch_fields(result);
	MYSQL_ROW	 row;
	char		**cell;
	size_t		 i;

	t->rows = (size_t)mysql_num_rows(result);
	t->columns = mysql_num_fields(result);
	t->cells = calloc((t->rows + 1) * t->columns, sizeof(*t->cells));
	if (t->cells == NULL)
		return false;
	cell = t->cells;
	for (i = 0; i < t->columns; i++)
		if ((*cell++ = strdup(fields[i].name)) == NULL)
			return false;
	while ((row = mysql_fetch_row(result)) != NULL)
		for (i = 0; i < t->columns; i++, cell++)
			if (row[i] != NULL && (*cell = strdup(row[i])) == NULL)
				return false;
	return true;
}

/* The rows of the statement that has been answered. */
static bool
fetch(struct server *s, struct table *t)
{
	MYSQL_RES	*result = NULL;
	int		 wanted = mysql_store_result_start(&result, s->link);
	bool		 ok = true;

	while (wanted != 0) {
		wanted = wait_for(s, wanted, time_for(s));
		if (wanted == 0)
			return fail_late(s);
		wanted = mysql_store_result_cont(&result, s->link, wanted);
	}
	if (result == NULL)
		return mysql_errno(s->link) == 0 || fail_as_library(s);
	if (t != NULL && !copy_cells(t, result))
		ok = fail(s, CR_OUT_OF_MEMORY, strerror(ENOMEM));
	mysql_free_result(result);
	return ok;
}

bool
server_run(struct server *s, struct table *t, const char *fmt, ...)
{
	va_list	 ap;
	char	*statement = NULL;
	bool	 ok;

	if (t != NULL)
		*t = (struct table){ 0 };
	va_start(ap, fmt);
	if (vasprintf(&statement, fmt, ap) == -1)
		statement = NULL;
	va_end(ap);
	if (statement == NULL)
		return fail(s, CR_OUT_OF_MEMORY, strerror(ENOMEM));

	ok = server_begin(s, statement) && server_end(s, INT64_MAX);
	if (!ok && s->error == 0)
		fail_late(s);
	if (ok)
		ok = fetch(s, t);
	/* Half an answer may still be under way. */
	if (!ok && s->error == SERVER_LOST)
		server_close(s);
	explicit_bzero(statement, strlen(statement));
	free(statement);
	return ok;
}

char *
server_quote(struct server *s, const char *text)
{
	size_t	 length = strlen(text), n;
	char	*quoted = s->link == NULL ? NULL : malloc(2 * length + 3);

	if (quoted == NULL)
		return NULL;
	n = mysql_real_escape_string(s->link, quoted + 1, text, length);
	quoted[0] = quoted[n + 1] = '\'';
	quoted[n + 2] = '\0';
	return quoted;
}

void
server_pause(int64_t limit)
{
	poll(NULL, 0, (int)limit);
}

const char *
table_get(const struct table *t, size_t row, const char *name)
{
	size_t	 i;

	for (i = 0; i < t->columns && row < t->rows; i++)
		if (strcasecmp(t->cells[i], name) == 0)
			return t->cells[(row + 1) * t->columns + i];
	return NULL;
}

const char *
table_text(const struct table *t, const char *name)
{
	const char	*value = table_get(t, 0, name);

	return value == NULL ? "" : value;
}

void
table_free(struct table *t)
{
	size_t	 i;

	for (i = 0; t->cells != NULL && i < (t->rows + 1) * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

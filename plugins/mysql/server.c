/*
 * server.c - a connection, by way of the library's functions that do not block:
 * the others know only whole seconds.
 */
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <errmsg.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../listener.h"

#define MARGIN	50	/* ms before the deadline: time to say what happened */

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
	int64_t	 left = s->f->time_left(s->f) - MARGIN;

	if (s->patience > 0 && left > s->patience)
		left = s->patience;
	return left > 0 ? left : 0;
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

static bool
set_options(struct server *s, const struct place *at)
{
	my_bool	 yes = 1;

	if (mysql_optionsv(s->link, MYSQL_OPT_NONBLOCK, 0) != 0)
		return false;
	mysql_optionsv(s->link, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(s->link, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
	    "consul-failover");
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

/* A socket may also be a proxy's, or held by init for a unit. */
static bool
is_server(pid_t pid)
{
	char	 path[64], name[32] = "";
	FILE	*file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = pid > 1 ? fopen(path, "r") : NULL;
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	fclose(file);
	return strncmp(name, "mariadbd", strlen("mariadbd")) == 0 ||
	    strncmp(name, "mysqld", strlen("mysqld")) == 0;
}

bool
server_kill(struct server *s)
{
	if (!is_server(s->pid))
		return server_fail(s, "there is no process to kill");
	if (kill(s->pid, SIGKILL) == -1)
		return server_fail(s, "can't kill process %d: %s",
		    (int)s->pid, strerror(errno));
	return true;
}

static void
find_cut_off(struct server *s, const struct place *at)
{
	const MYSQL	*link = s->link;
	const char	*path = at->socket;

	if (path == NULL)	/* of the defaults file */
		path = link->options.unix_socket;
	if (s->error != CR_CONNECTION_ERROR || s->system_error != ENOENT ||
	    path == NULL || (s->pid = listener_find(path)) == 0)
		return;
	s->cut_off = true;
	server_fail(s, "the server runs, and the file of its socket %.128s was "
	    "removed: restart it", path);
}

bool
server_open(struct server *s, struct failover *f, const struct place *at)
{
	MYSQL	*done = NULL;
	int	 wanted;

	*s = (struct server){ .f = f, .patience = at->patience,
	    .link = mysql_init(NULL) };
	if (s->link == NULL || !set_options(s, at)) {
		server_close(s);
		return fail(s, CR_OUT_OF_MEMORY, strerror(ENOMEM));
	}
	wanted = mysql_real_connect_start(&done, s->link, at->host, at->user,
	    at->password, NULL, at->port, at->socket, CLIENT_REMEMBER_OPTIONS);
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
	find_cut_off(s, at);
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

void
table_free(struct table *t)
{
	size_t	 i;

	for (i = 0; t->cells != NULL && i < (t->rows + 1) * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

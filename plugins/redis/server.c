/* server.c - a Redis server: a kept connection, and its answers. */
#include "server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"
#include "listener.h"

static enum answer	server_send(struct server *, int64_t until,
			    redisReply **reply, const char *fmt, va_list ap);
static enum answer	server_error(struct server *, const char *text);

/*
 * The connection.
 */

void
server_close(struct server *s)
{
	if (s->context != NULL)
		redisFree(s->context);
	s->context = NULL;
}

static struct timeval
time_until(int64_t until)
{
	int64_t	 ms = until - deadline_now();

	/* To hiredis 0 means to wait for ever. */
	if (ms < 1)
		ms = 1;
	return (struct timeval){ .tv_sec = ms / 1000,
	    .tv_usec = ms % 1000 * 1000 };
}

static enum answer
server_explain(struct server *s, enum answer a, const char *text)
{
	const char	*what = s->socket;
	char		 place[SERVER_WORD + 16];

	snprintf(place, sizeof(place), strchr(s->host, ':') == NULL ?
	    "%s:%u" : "[%s]:%u", s->host, s->port);
	if (s->socket[0] == '\0')
		what = place;
	snprintf(s->why, sizeof(s->why), "%.80s: %.170s", what, text);
	return a;
}

/* Who is not let in is told why, without having asked. */
static bool
server_last_words(struct server *s, char *text, size_t size)
{
	ssize_t	 n = recv(s->context->fd, text, size - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text[0] == '-';
}

/* Of what hiredis has reported in context; errno is still its. */
static enum answer
server_broken(struct server *s)
{
	enum answer	 a = ANSWER_REFUSED;
	int		 error = errno;
	char		 text[SERVER_WORD];

	if (s->context == NULL)
		return server_explain(s, a, strerror(ENOMEM));
	if (s->context->err == REDIS_ERR_EOF || error == ECONNRESET ||
	    error == EPIPE)
		a = ANSWER_CLOSED;
	if (a == ANSWER_CLOSED && server_last_words(s, text, sizeof(text))) {
		server_close(s);
		return server_error(s, text + 1);
	}
	if (s->context->err == REDIS_ERR_IO) {
		if (error == EAGAIN || error == ETIMEDOUT)
			a = ANSWER_SILENT;
		if (error == ECONNREFUSED || error == ENOENT)
			a = ANSWER_NO_SERVER;
	}
	if (error == ENOENT && a == ANSWER_NO_SERVER && s->socket[0] != '\0' &&
	    listener_find(s->socket) != 0)
		a = server_explain(s, ANSWER_REFUSED, "the server runs, but "
		    "its socket file was removed: restart it");
	else
		server_explain(s, a, a == ANSWER_SILENT ? "no answer in time" :
		    error == ECONNREFUSED && s->socket[0] == '\0' ?
		    "nothing listens there: Redis does not run, or has port 0 "
		    "or another one (see the option socket)" :
		    s->context->errstr);
	server_close(s);	/* a late answer would be taken for the next */
	return a;
}

static enum answer
server_login(struct server *s, int64_t until, const char *fmt, ...)
{
	enum answer	 a;
	va_list		 ap;

	va_start(ap, fmt);
	a = server_send(s, until, NULL, fmt, ap);
	va_end(ap);
	if (a != ANSWER_OK)
		server_close(s);
	return a;
}

static enum answer
server_open(struct server *s, int64_t until)
{
	struct timeval	 tv = time_until(until);

	errno = 0;
	s->context = s->socket[0] != '\0' ?
	    redisConnectUnixWithTimeout(s->socket, tv) :
	    redisConnectWithTimeout(s->host, s->port, tv);
	if (s->context == NULL || s->context->err != 0)
		return server_broken(s);
	if (s->username[0] != '\0')
		return server_login(s, until, "AUTH %s %s", s->username,
		    s->password);
	if (s->password[0] != '\0')
		return server_login(s, until, "AUTH %s", s->password);
	return ANSWER_OK;
}

/*
 * Commands.
 */

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static enum answer
server_error(struct server *s, const char *text)
{
	enum answer	 a = ANSWER_REFUSED;
	const char	*advice = "";
	char		 more[SERVER_WORD];

	if (starts(text, "BUSY "))
		a = ANSWER_BUSY;
	else if (starts(text, "ERR max number of clients"))
		a = ANSWER_FULL;
	else if (starts(text, "LOADING "))
		a = ANSWER_LOADING;
	else if (starts(text, "NOPERM "))
		advice = " (consul-failover-redis(7) lists the rights)";
	else if (starts(text, "NOAUTH ") || starts(text, "WRONGPASS "))
		advice = " (see username and password_file)";
	if (*advice != '\0' || starts(text, "DENIED "))
		a = ANSWER_DENIED;
	if (a == ANSWER_FULL)
		server_close(s);
	snprintf(more, sizeof(more), "%.120s%s", text, advice);
	return server_explain(s, a, more);
}

static enum answer
server_send(struct server *s, int64_t until, redisReply **reply,
    const char *fmt, va_list ap)
{
	redisReply	*r = NULL;
	enum answer	 a = ANSWER_OK;

	errno = 0;
	if (redisSetTimeout(s->context, time_until(until)) == REDIS_OK)
		r = redisvCommand(s->context, fmt, ap);
	if (r == NULL)
		return server_broken(s);
	if (r->type == REDIS_REPLY_ERROR)
		a = server_error(s, r->str);
	if (a == ANSWER_OK && reply != NULL)
		*reply = r;
	else
		freeReplyObject(r);
	return a;
}

enum answer
server_ask(struct server *s, int64_t wait, redisReply **reply,
    const char *fmt, ...)
{
	bool		 held = s->context != NULL;
	int64_t		 until = deadline_now() + wait;
	enum answer	 a;
	va_list		 ap;

	for (;;) {
		a = s->context != NULL ? ANSWER_OK : server_open(s, until);
		if (a == ANSWER_OK) {
			va_start(ap, fmt);
			a = server_send(s, until, reply, fmt, ap);
			va_end(ap);
		}
		/* Not a word of it: what a port of TLS does. */
		if (!held && a == ANSWER_CLOSED && s->socket[0] == '\0')
			server_explain(s, a, "Server closed the connection (if "
			    "that is its tls-port, give the one without TLS)");
		/* One that we have held may have ended since: once more. */
		if (!held || s->context != NULL || a == ANSWER_SILENT)
			return a;
		held = false;
	}
}

/*
 * INFO.
 */

/* The value of a line "name:value"; "" if there is none. */
static const char *
info_text(const char *info, const char *name, char *value, size_t size)
{
	size_t		 length = strlen(name), n = 0;
	const char	*line;

	for (line = info; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			n = strcspn(line + length + 1, "\r\n");
			n = n < size ? n : size - 1;
			memcpy(value, line + length + 1, n);
			break;
		}
	}
	value[n] = '\0';
	return value;
}

static int64_t
info_number(const char *info, const char *name)
{
	char	 value[32];

	return strtoll(info_text(info, name, value, sizeof(value)), NULL, 10);
}

static bool
info_is(const char *info, const char *name, const char *wanted)
{
	char	 value[32];

	return strcmp(info_text(info, name, value, sizeof(value)),
	    wanted) == 0;
}

/* Lines "db0:keys=3,expires=0,avg_ttl=0". */
static int64_t
info_keys(const char *info)
{
	const char	*line = info;
	long long	 keys = 0, n;

	while ((line = strstr(line, "\ndb")) != NULL) {
		line++;
		if (sscanf(line, "db%*u:keys=%lld", &n) == 1)
			keys += n;
	}
	return keys;
}

static void
info_history(const char *info, struct history *h)
{
	info_text(info, "master_replid", h->id, sizeof(h->id));
	h->offset = info_number(info, "master_repl_offset");
	info_text(info, "master_replid2", h->before, sizeof(h->before));
	h->since = info_number(info, "second_repl_offset");
	h->keys = info_keys(info);
}

static void
info_master(const char *info, struct state *st)
{
	info_text(info, "master_host", st->master_host,
	    sizeof(st->master_host));
	st->master_port = info_number(info, "master_port");
	st->read_only = info_is(info, "slave_read_only", "1");
	st->syncing = info_is(info, "master_sync_in_progress", "1");
	st->copied = info_number(info, "master_sync_read_bytes");
	st->left = info_number(info, "master_sync_left_bytes");
	st->link_up = info_is(info, "master_link_status", "up");
	st->silence = info_number(info, st->link_up ?
	    "master_last_io_seconds_ago" : "master_link_down_since_seconds");
}

enum answer
server_state(struct server *s, int64_t wait, struct state *st)
{
	redisReply	*reply;
	enum answer	 a = server_ask(s, wait, &reply, "INFO");
	const char	*info;
	int		 major = 0, minor = 0;

	memset(st, 0, sizeof(*st));
	if (a != ANSWER_OK)
		return a;
	info = reply->type == REDIS_REPLY_STRING ? reply->str : "";
	info_text(info, "redis_version", st->version, sizeof(st->version));
	sscanf(st->version, "%d.%d", &major, &minor);
	st->number = major * 100 + minor;
	info_text(info, strstr(info, "\nserver_mode:") == NULL ?
	    "redis_mode" : "server_mode", st->mode, sizeof(st->mode));
	info_text(info, "run_id", st->run_id, sizeof(st->run_id));
	info_text(info, "config_file", st->config_file,
	    sizeof(st->config_file));
	st->pid = info_number(info, "process_id");
	st->port = info_number(info, "tcp_port");
	st->loading = info_is(info, "loading", "1");
	st->ending = strstr(info, "\nshutdown_in_milliseconds:") != NULL;
	st->saving_fails = info_is(info, "rdb_last_bgsave_status", "err");
	st->logging_fails = info_is(info, "aof_last_write_status", "err");
	st->master = info_is(info, "role", "master");
	if (!st->master)
		info_master(info, st);
	st->failing_over = !info_is(info, "master_failover_state",
	    "no-failover") && strstr(info, "master_failover_state") != NULL;
	st->slaves = info_number(info, "connected_slaves");
	if (info_is(info, "repl_backlog_active", "1"))
		st->backlog = info_number(info, "repl_backlog_first_byte_offset");
	st->errors = info_number(info, "unexpected_error_replies");
	st->evicts = info_number(info, "maxmemory") > 0 &&
	    !info_is(info, "maxmemory_policy", "noeviction");
	info_history(info, &st->history);
	if (strlen(st->run_id) != HISTORY_ID ||
	    (!st->master && !info_is(info, "role", "slave")))
		a = server_explain(s, ANSWER_REFUSED,
		    "its answer to INFO is not that of a Redis server");
	freeReplyObject(reply);
	return a;
}

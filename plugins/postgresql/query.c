/* query.c - libpq with the call's deadline. */

#include "query.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "data.h"
#include "deadline.h"
#include "keywords.h"
#include "process.h"

#define CONNECT_TIMEOUT	2000
#define STRANGER_TIME	300	/* ms for one to take a connection */
#define PARAMETERS	8
#define WORDS		2048	/* bytes of what a session is given */

/* What a connection is for. */
enum query_use {
	USE_SQL,
	USE_REPLICATION,
	USE_NONE,		/* but to see who listens */
};

bool
query_failed(struct query *q, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(q->sentence, sizeof(q->sentence), fmt, ap);
	va_end(ap);
	q->sentence[strcspn(q->sentence, "\n")] = '\0';
	q->end = QUERY_FAILED;
	return false;
}

/*
 * Waiting.
 */

static bool
query_wait(struct query *q, struct failover *f, short events, int64_t limit)
{
	struct pollfd	 p = { .fd = PQsocket(q->conn), .events = events };
	int64_t		 left = deadline_left(f, limit);

	return left > 0 && TEMP_FAILURE_RETRY(poll(&p, 1, (int)left)) == 1;
}

/* Of class 28: no line of pg_hba.conf, a wrong password or none, a user that is
 * not there; 42501: one that may not replicate. */
static bool
is_denied(const struct query *q, const char *message)
{
	return strstr(message, "  28000: ") != NULL ||
	    strstr(message, "  28P01: ") != NULL ||
	    strstr(message, "  42501: ") != NULL ||
	    PQconnectionNeedsPassword(q->conn);
}

/* Verbose, so that the SQLSTATE is seen, which libpq does not give for a
 * connection that was refused. */
static bool
query_no_connection(struct query *q)
{
	const char	*message = PQerrorMessage(q->conn);
	bool		 busy = strstr(message, " 57P03: ") != NULL;
	bool		 denied = !busy && is_denied(q, message);

	/* A master's major version is to be ours, and so are its words. */
	query_failed(q, "%s%s", strstr(message, "unrecognized configuration "
	    "parameter") != NULL ? "it is an older PostgreSQL than this one: " :
	    "", *message ? message : "out of memory");
	q->end = busy ? QUERY_BUSY : denied ? QUERY_DENIED : QUERY_FAILED;
	return false;
}

/* Who has listened is known of a Unix socket, and before a word is said. */
static void
query_look(struct query *q)
{
	struct sockaddr_storage	 address;
	struct ucred		 peer;
	socklen_t		 size = sizeof(address), length = sizeof(peer);
	int			 fd = PQsocket(q->conn);

	if (fd == -1 || getpeername(fd, (struct sockaddr *)&address,
	    &size) != 0)
		return;
	q->connected = true;
	if (address.ss_family == AF_UNIX && getsockopt(fd, SOL_SOCKET,
	    SO_PEERCRED, &peer, &length) == 0)
		q->peer = peer.pid;
}

/* A database whose collation has changed says so at each connection; health
 * warns of that, once. */
static void
query_quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* Defaults of the server, a database or a user reach our sessions, too, but not
 * what we rely on.  A word that the server does not know would be refused. */
static void
session_words(struct failover *f, enum query_use use, const char *more,
    char words[static WORDS])
{
	static const struct {
		const char	*word;
		int		 since;
	} settings[] = {
		/* A hot standby refuses serializable. */
		{ "default_transaction_isolation=read\\ committed", 0 },
		{ "default_transaction_deferrable=off", 0 },
		{ "lock_timeout=0", 0 },
		{ "idle_in_transaction_session_timeout=0", 0 },
		/* The end of health's would be taken as that of the server. */
		{ "idle_session_timeout=0", 14 },
		{ "transaction_timeout=0", 17 },
		{ "search_path=pg_catalog", 0 },
		{ "role=none", 0 },
	};
	int	 version = data_version(f);
	size_t	 i, at;

	at = (size_t)snprintf(words, WORDS, "-c statement_timeout=%lld",
	    (long long)f->time_left(f));
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (version >= settings[i].since)
			at += (size_t)snprintf(words + at, WORDS - at, " -c %s",
			    settings[i].word);
	/* Whether another server recovers is seen by that, and nobody else may
	 * have set it.  Of ours it is asked what all others are given. */
	if (use == USE_REPLICATION)
		at += (size_t)snprintf(words + at, WORDS - at,
		    " -c default_transaction_read_only=off");
	/* The operator's own words count more. */
	snprintf(words + at, WORDS - at, " %s", more);
}

static bool
query_connect(struct query *q, struct failover *f, struct keywords *k,
    enum query_use use)
{
	PostgresPollingStatusType	 status = PGRES_POLLING_WRITING;
	char				 words[WORDS];
	int64_t				 end;

	end = f->time_left(f) - CONNECT_TIMEOUT;
	session_words(f, use, keywords_value(k, "options", "PGOPTIONS"), words);
	keywords_set(k, "options", words);
	k->key[k->count] = k->value[k->count] = NULL;
	q->conn = PQconnectStartParams(k->key, k->value, 0);
	if (q->conn == NULL)
		return query_failed(q, "out of memory");
	PQsetNoticeProcessor(q->conn, query_quiet, NULL);
	PQsetErrorVerbosity(q->conn, PQERRORS_VERBOSE);
	while (PQstatus(q->conn) != CONNECTION_BAD) {
		if (status == PGRES_POLLING_OK)
			break;
		if (!query_wait(q, f, status == PGRES_POLLING_READING ?
		    POLLIN : POLLOUT, f->time_left(f) - end))
			return query_failed(q, "%s%s port %s does not answer",
			    PQhost(q->conn), *PQhost(q->conn) == '/' ? "," : "",
			    PQport(q->conn));
		query_look(q);
		if (use == USE_NONE && q->connected)
			return true;
		status = PQconnectPoll(q->conn);
		if (status == PGRES_POLLING_FAILED)
			break;
	}
	if (PQstatus(q->conn) != CONNECTION_OK)
		return query_no_connection(q);
	if (PQserverVersion(q->conn) < OLDEST * 10000)
		return query_failed(q, "PostgreSQL %s is too old: the plugin "
		    "needs %d or later",
		    PQparameterStatus(q->conn, "server_version"), OLDEST);
	PQsetErrorVerbosity(q->conn, PQERRORS_DEFAULT);
	if (q->peer == 0)
		q->peer = PQbackendPID(q->conn);
	return true;
}

static bool
query_open(struct query *q, struct failover *f, const char *option,
    const char *host, uint16_t port, enum query_use use)
{
	struct keywords	 k;
	char		 number[8], password[FAILOVER_SENTENCE] = "";
	char		*why = NULL;
	bool		 ok = false;

	*q = (struct query){ 0 };
	if (!keywords_read(&k, f->option(f, option), &why)) {
		query_failed(q, "option %s: %s", option, why);
		PQfreemem(why);
		return false;
	}
	if (host == NULL && use != USE_NONE && *f->option(f, "password_file") &&
	    f->secret(f, "password_file", password, sizeof(password)) !=
	    FAILOVER_DONE)
		query_failed(q, "option password_file: %s can't be used",
		    f->option(f, "password_file"));
	else {
		snprintf(number, sizeof(number), "%d", port);
		if (host != NULL)
			keywords_add(&k, "host", host);
		keywords_add(&k, "port", number);
		if (*password)
			keywords_add(&k, "password", password);
		if (use == USE_REPLICATION)
			keywords_add(&k, "replication", "true");
		keywords_add(&k, "dbname", "postgres");
		keywords_add(&k, "fallback_application_name",
		    "consul-failover");
		ok = query_connect(q, f, &k, use);
	}
	explicit_bzero(password, sizeof(password));
	PQconninfoFree(k.options);
	return ok;
}

static bool
say_stranger(struct query *q, struct failover *f)
{
	char	 data[PATH_MAX], its[PATH_MAX], real[PATH_MAX];
	bool	 told = query_run(q, f, "SHOW data_directory", NULL);

	snprintf(data, sizeof(data), "%s", told ? query_value(q, 0) : "");
	if (!told || (realpath(data_folder(f), real) != NULL &&
	    realpath(data, its) != NULL && strcmp(its, real) == 0))
		query_failed(q, "the server on port %s does not run in %s "
		    "where the plugin could see it: run the agent in the same "
		    "container, and point option connection to the server "
		    "itself", PQport(q->conn), data_folder(f));
	else
		query_failed(q, "the server on port %s has its data in %s, not "
		    "in data_directory %s", PQport(q->conn), data,
		    data_folder(f));
	q->end = QUERY_STRANGER;
	return false;
}

bool
query_local(struct query *q, struct failover *f, bool replication)
{
	return query_open(q, f, "connection", NULL, f->port,
	    replication ? USE_REPLICATION : USE_SQL) &&
	    (process_owns(f, q->peer) || say_stranger(q, f));
}

bool
query_stranger(struct failover *f)
{
	int64_t		 deadline = f->deadline;
	bool		 gone = process_gone(f), stranger;
	struct query	 q;

	if (keywords_look_up(f))
		return false;
	if (f->time_left(f) > STRANGER_TIME)
		f->deadline -= f->time_left(f) - STRANGER_TIME;
	query_open(&q, f, "connection", NULL, f->port, USE_NONE);
	f->deadline = deadline;
	/* Ours may have ended since.  Of TCP only an answer would tell. */
	if (q.peer == 0)
		stranger = gone;
	else
		stranger = !process_owns(f, q.peer) &&
		    (kill(q.peer, 0) == 0 || errno != ESRCH);
	stranger = stranger && q.connected;
	query_close(&q);
	return stranger;
}

bool
query_master(struct query *q, struct failover *f, const char *host,
    uint16_t port)
{
	return query_open(q, f, "replication", host, port, USE_REPLICATION);
}

/*
 * Statements.
 */

static bool
query_flush(struct query *q, struct failover *f)
{
	int	 more;

	while ((more = PQflush(q->conn)) == 1)
		if (!query_wait(q, f, POLLOUT, INT32_MAX))
			return false;
	return more == 0;
}

/* Takes the last result of the statement under way. */
static bool
query_collect(struct query *q, struct failover *f)
{
	PGresult	*result;

	for (;;) {
		while (PQisBusy(q->conn)) {
			if (!query_wait(q, f, POLLIN, INT32_MAX))
				return query_failed(q, "no answer in time");
			if (PQconsumeInput(q->conn) == 0)
				return query_failed(q, "%s",
				    PQerrorMessage(q->conn));
		}
		result = PQgetResult(q->conn);
		if (result == NULL)
			return true;
		PQclear(q->result);
		q->result = result;
	}
}

static bool
query_judge(struct query *q)
{
	ExecStatusType	 status = PQresultStatus(q->result);
	const char	*message;

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		q->end = QUERY_DONE;
		return true;
	}
	message = PQresultErrorField(q->result, PG_DIAG_MESSAGE_PRIMARY);
	return query_failed(q, "%s", message != NULL ? message :
	    PQerrorMessage(q->conn));
}

bool
query_run(struct query *q, struct failover *f, const char *sql, ...)
{
	const char	*value[PARAMETERS];
	va_list		 ap;
	int		 count = 0, sent;

	va_start(ap, sql);
	while (count < PARAMETERS &&
	    (value[count] = va_arg(ap, const char *)) != NULL)
		count++;
	va_end(ap);
	PQclear(q->result);
	q->result = NULL;
	PQsetnonblocking(q->conn, 1);
	/* The protocol of replication knows no parameters. */
	sent = count == 0 ? PQsendQuery(q->conn, sql) :
	    PQsendQueryParams(q->conn, sql, count, NULL, value, NULL, NULL, 0);
	if (!sent)
		return query_failed(q, "%s", PQerrorMessage(q->conn));
	if (!query_flush(q, f))
		return query_failed(q, "no answer in time");
	return query_collect(q, f) && query_judge(q);
}

/* Class 57 is the operator's: cancelled, timed out, shut down. */
bool
query_refused(const struct query *q)
{
	const char	*code = PQresultErrorField(q->result, PG_DIAG_SQLSTATE);

	return code != NULL && strncmp(code, "57", 2) != 0;
}

void
query_send(struct query *q, struct failover *f, const char *sql)
{
	PQsetnonblocking(q->conn, 1);
	if (PQsendQuery(q->conn, sql))
		query_flush(q, f);
}

const char *
query_value(const struct query *q, int column)
{
	return PQntuples(q->result) == 0 ? "" :
	    PQgetvalue(q->result, 0, column);
}

bool
query_true(const struct query *q, int column)
{
	return *query_value(q, column) == 't';
}

bool
query_position(struct query *q, struct failover *f, struct position *p,
    char *system, size_t size)
{
	char	 sql[64];

	*p = (struct position){ 0 };
	if (!query_run(q, f, "IDENTIFY_SYSTEM", NULL))
		return false;
	snprintf(system, size, "%s", query_value(q, 0));
	p->timeline = (uint32_t)strtoul(query_value(q, 1), NULL, 10);
	if (!lsn_parse(query_value(q, 2), &p->lsn))
		return query_failed(q, "its position is %s, which is no LSN",
		    query_value(q, 2));
	if (p->timeline == 1)
		return true;
	snprintf(sql, sizeof(sql), "TIMELINE_HISTORY %u", p->timeline);
	if (!query_run(q, f, sql, NULL))
		return false;
	position_read_history(p, query_value(q, 1));
	return true;
}

/* A message of WAL is 'w', three numbers of 64 bits, and the bytes. */
#define WAL_HEADER	25

bool
query_wal(struct query *q, struct failover *f, uint32_t timeline, uint64_t lsn,
    void *bytes, size_t size)
{
	char	 sql[96], *message;
	size_t	 at = 0, n;
	int	 length;

	snprintf(sql, sizeof(sql), "START_REPLICATION PHYSICAL %X/%X TIMELINE "
	    "%u", (uint32_t)(lsn >> 32), (uint32_t)lsn, timeline);
	PQsetnonblocking(q->conn, 1);
	if (!PQsendQuery(q->conn, sql) || !query_flush(q, f))
		return false;
	while (PQisBusy(q->conn))
		if (!query_wait(q, f, POLLIN, CONNECT_TIMEOUT) ||
		    PQconsumeInput(q->conn) == 0)
			return false;
	PQclear(q->result);
	q->result = PQgetResult(q->conn);
	if (PQresultStatus(q->result) != PGRES_COPY_BOTH)
		return false;
	/* What it has against it comes when it has agreed to send. */
	while (at < size) {
		length = PQgetCopyData(q->conn, &message, 1);
		if (length == 0 && query_wait(q, f, POLLIN, CONNECT_TIMEOUT) &&
		    PQconsumeInput(q->conn) != 0)
			continue;
		if (length == -1) {
			PQclear(q->result);
			q->result = PQgetResult(q->conn);
			return query_judge(q) && false;
		}
		if (length <= 0)
			return false;
		if (message[0] == 'w' && length > WAL_HEADER) {
			n = (size_t)length - WAL_HEADER;
			if (n > size - at)
				n = size - at;
			memcpy((char *)bytes + at, message + WAL_HEADER, n);
			at += n;
		}
		PQfreemem(message);
	}
	return true;
}

/* The file of that WAL is gone: undefined_file. */
bool
query_removed(const struct query *q)
{
	const char	*code = PQresultErrorField(q->result, PG_DIAG_SQLSTATE);

	return code != NULL && strcmp(code, "58P01") == 0;
}

void
query_close(struct query *q)
{
	PQclear(q->result);
	PQfinish(q->conn);
	q->result = NULL;
	q->conn = NULL;
}

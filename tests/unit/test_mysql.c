/*
 * test_mysql.c - the mysql plugin without a server: sets of GTIDs, and every
 * statement that it says to MariaDB and MySQL.
 *
 * The seam is plugins/mysql/server.h: the linker puts the functions below in
 * place of that file's.  They replay tests/unit/mysql/NAME.txt, a section for
 * each scenario: the plugin must say exactly what stands there, in that order,
 * and is answered what the server answered then.
 *
 * 9.7.4.txt (MySQL) and 10.11.txt (MariaDB) are recorded conversations with
 * real servers.  To record one anew, when the plugin speaks otherwise:
 *
 *	MYSQLD=/usr/sbin/mysqld tests/applications/record.py mysql \
 *	    BUILD/plugins/mysql/test_mysql tests/unit/mysql/9.7.4.txt
 *
 * which starts two servers and runs this program with RECORD=FILE: the same
 * scenarios are run against them, and what is said is written down.  What
 * server() is told below is said to the servers then, and only then.
 *
 * There was no server of MySQL 5.7 to record: 5.7.txt is 9.7.4.txt with the
 * statements, columns, variables and errors that MySQL 5.7's manual has for
 * them; a real MySQL 5.6.24 was seen to take CHANGE MASTER TO and GTID_SUBTRACT
 * as they stand there, and to have these columns.
 *
 * SHOW GRANTS stands in none of them: all accounts have all rights here.
 *
 * late.txt is written by hand after 10.11.txt: what comes through in the server
 * behind our back can't be made to come at the right moment; nor has the
 * account that these servers were recorded with too few rights.
 */
#include "../../plugins/mysql/gtid.h"
#include "../../plugins/mysql/server.h"

#include <mysql.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OWN_HOST	"127.71.0.1"
#define OTHER_HOST	"127.71.0.2"
#define PORT		3371
#define PASSWORD	"it's a \\ secret"

/*
 * The recording.
 */

static FILE		*record;	/* where we write; NULL: we replay */
static char		**lines;	/* of the section that is replayed */
static size_t		 line_count, line_now;

/* Whom each connection goes to. */
static struct {
	const struct server	*server;
	char			 name[64];
} connections[8];

static const char *
name_of(const struct server *s)
{
	size_t	 i;

	for (i = 0; i < 8; i++)
		if (connections[i].server == s)
			return connections[i].name;
	fail_msg("a connection that was never opened is used");
	return NULL;
}

static void
set_name(const struct server *s, const struct place *at)
{
	size_t	 i, free_one = 8;

	for (i = 0; i < 8; i++) {
		if (connections[i].server == s)
			break;
		if (connections[i].server == NULL && free_one == 8)
			free_one = i;
	}
	i = i == 8 ? free_one : i;
	assert_true(i < 8);
	connections[i].server = s;
	if (at->socket != NULL)
		snprintf(connections[i].name, sizeof(connections[i].name),
		    "own");
	else
		snprintf(connections[i].name, sizeof(connections[i].name),
		    "%s:%u", at->host, at->port);
}

static const char *
next_line(void)
{
	return line_now < line_count ? lines[line_now++] : "(the end)";
}

/* Writes the request, or compares it. */
static void
request(const char *who, const char *what, const char *statement)
{
	char	*line = NULL;

	assert_true(asprintf(&line, "> %s %s%s%s", who, what,
	    *statement != '\0' ? " " : "", statement) != -1);
	if (record != NULL)
		fprintf(record, "%s\n", line);
	else
		assert_string_equal(line, next_line());
	free(line);
}

static bool
answer(struct server *s, bool ok)
{
	unsigned	 error;
	int		 system_error, n;
	const char	*line;

	if (record != NULL) {
		if (ok)
			fprintf(record, "ok\n");
		else if (s->error == 0)
			fprintf(record, "pending\n");
		else
			fprintf(record, "error %u %d %s\n", s->error,
			    s->system_error, s->text);
		return ok;
	}
	s->error = 0;
	line = next_line();
	if (strcmp(line, "ok") == 0)
		return true;
	if (strcmp(line, "pending") == 0)
		return false;
	if (sscanf(line, "error %u %d %n", &error, &system_error, &n) != 2)
		fail_msg("no answer, but: %s", line);
	s->error = error;
	s->system_error = system_error;
	snprintf(s->text, sizeof(s->text), "%s", line + n);
	return false;
}

/* Cells are lines: name, or name and value; NULL has none.  A new line, as in
 * MySQL's sets, is written as \n. */
static void
write_table(const struct table *t)
{
	size_t		 row, column;
	const char	*value;

	for (row = 0; row < t->rows; row++) {
		fprintf(record, "row\n");
		for (column = 0; column < t->columns; column++) {
			value = t->cells[(row + 1) * t->columns + column];
			fprintf(record, "\t%s", t->cells[column]);
			if (value != NULL)
				fprintf(record, "=");
			for (; value != NULL && *value != '\0'; value++)
				if (*value == '\n')
					fputs("\\n", record);
				else
					fputc(*value, record);
			fprintf(record, "\n");
		}
	}
}

static char *
with_newlines(char *text)
{
	char	*at = text;

	while ((at = strstr(at, "\\n")) != NULL) {
		*at++ = '\n';
		memmove(at, at + 1, strlen(at));
	}
	return text;
}

static void
read_table(struct table *t)
{
	size_t	 at = line_now, i, cells = 0;
	char	*line, *value;

	*t = (struct table){ 0 };
	for (; at < line_count && (*lines[at] == '\t' ||
	    strcmp(lines[at], "row") == 0); at++)
		*(*lines[at] == '\t' ? &cells : &t->rows) += 1;
	if (t->rows == 0)
		return;
	t->columns = cells / t->rows;
	t->cells = calloc((t->rows + 1) * t->columns, sizeof(*t->cells));
	for (i = 0; line_now < at; line_now++) {
		line = lines[line_now];
		if (*line != '\t')
			continue;
		value = strchr(line, '=');
		if (i < t->columns)
			t->cells[i] = strndup(line + 1, value == NULL ?
			    strlen(line + 1) : (size_t)(value - line - 1));
		t->cells[t->columns + i++] = value == NULL ? NULL :
		    with_newlines(strdup(value + 1));
	}
}

/*
 * In place of server.c.
 */

bool	__real_server_open(struct server *, struct failover *,
	    const struct place *);
bool	__wrap_server_open(struct server *, struct failover *,
	    const struct place *);
void	__real_server_close(struct server *);
void	__wrap_server_close(struct server *);
bool	__real_server_run(struct server *, struct table *, const char *, ...)
	    __attribute__((format(printf, 3, 4)));
bool	__wrap_server_run(struct server *, struct table *, const char *, ...)
	    __attribute__((format(printf, 3, 4)));
bool	__real_server_begin(struct server *, const char *);
bool	__wrap_server_begin(struct server *, const char *);
bool	__real_server_end(struct server *, int64_t);
bool	__wrap_server_end(struct server *, int64_t);
char	*__real_server_quote(struct server *, const char *);
char	*__wrap_server_quote(struct server *, const char *);
pid_t	__wrap_listener_at_path(const char *);
pid_t	__wrap_listener_at(const struct sockaddr *);
void	__real_server_pause(int64_t);
void	__wrap_server_pause(int64_t);

/* server.c's own, for a server that is not at its socket: it is found so. */
static bool	 direct;
static pid_t	 on_all_addresses, on_one_address;
static int	 searches;

bool
__wrap_server_open(struct server *s, struct failover *f,
    const struct place *at)
{
	static int	 connected;
	bool		 ok;

	if (direct)
		return __real_server_open(s, f, at);
	set_name(s, at);
	request(name_of(s), "open", "");
	if (record != NULL)
		return answer(s, __real_server_open(s, f, at));
	*s = (struct server){ .f = f };
	ok = answer(s, true);
	s->link = ok ? &connected : NULL;
	return ok;
}

void
__wrap_server_close(struct server *s)
{
	if (record != NULL)
		__real_server_close(s);
	s->link = NULL;
	s->pending = 0;
}

/* May it do all?  It may. */
static void
read_rights(struct table *t)
{
	*t = (struct table){ .rows = 1, .columns = 1,
	    .cells = calloc(2, sizeof(*t->cells)) };
	t->cells[0] = strdup("Grants");
	t->cells[1] = strdup("GRANT ALL PRIVILEGES ON *.* TO `us`@`here`");
}

bool
__wrap_server_run(struct server *s, struct table *t, const char *fmt, ...)
{
	struct table	 unwanted;
	char		*statement = NULL;
	va_list		 ap;
	bool		 ok = true;

	if (t == NULL)
		t = &unwanted;
	va_start(ap, fmt);
	assert_true(vasprintf(&statement, fmt, ap) != -1);
	va_end(ap);
	if (strcmp(statement, "SHOW GRANTS") == 0) {
		free(statement);
		read_rights(t);
		return true;
	}
	request(name_of(s), "run", statement);
	if (record != NULL) {
		ok = __real_server_run(s, t, "%s", statement);
		write_table(t);
	} else
		read_table(t);
	ok = answer(s, ok);
	if (!ok && record == NULL && s->error == SERVER_LOST)
		s->link = NULL;
	if (t == &unwanted)
		table_free(t);
	free(statement);
	return ok;
}

bool
__wrap_server_begin(struct server *s, const char *statement)
{
	request(name_of(s), "begin", statement);
	return answer(s, record == NULL || __real_server_begin(s, statement));
}

bool
__wrap_server_end(struct server *s, int64_t limit)
{
	request(name_of(s), "end", "");
	return answer(s, record == NULL || __real_server_end(s, limit));
}

char *
__wrap_server_quote(struct server *s, const char *text)
{
	char	*quoted, *to;

	if (record != NULL)
		return __real_server_quote(s, text);
	to = quoted = malloc(2 * strlen(text) + 3);
	*to++ = '\'';
	for (; *text != '\0'; text++) {
		if (strchr("'\"\\\n", *text) != NULL)
			*to++ = '\\';
		*to++ = *text == '\n' ? 'n' : *text;
	}
	strcpy(to, "'");
	return quoted;
}

static int64_t	left, pause_length;	/* of the call; of each pause */
static pid_t	ends_meanwhile;

/* A process that looks like a server. */
static pid_t
start_program(void)
{
	char	 c;
	int	 ends[2];
	pid_t	 pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "mariadbd");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static bool
is_alive(pid_t pid)
{
	siginfo_t	 info = { 0 };

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid == 0;
}

static void
end_program(pid_t *pid)
{
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	on_all_addresses = on_one_address = *pid = 0;
}

pid_t
__wrap_listener_at_path(const char *path)
{
	(void)path;
	searches++;
	return 0;
}

pid_t
__wrap_listener_at(const struct sockaddr *sa)
{
	const struct sockaddr_in	*in = (const void *)sa;

	return sa->sa_family == AF_INET &&
	    in->sin_addr.s_addr != htonl(INADDR_ANY) ? on_one_address :
	    on_all_addresses;
}

void
__wrap_server_pause(int64_t limit)
{
	left -= pause_length;
	if (ends_meanwhile != 0)
		end_program(&ends_meanwhile);
	if (record != NULL)
		__real_server_pause(limit);
}

/*
 * The call.
 */

static const char	*on_divergence, *password, *named_host, *named_file;
static char		 sentence[FAILOVER_SENTENCE];

static const char *
option(const struct failover *f, const char *name)
{
	(void)f;
	if (strcmp(name, "socket") == 0)
		return direct ? "/nowhere/mysqld.sock" :
		    record == NULL ? "/run/mysqld.sock" :
		    getenv("OWN_SOCKET");
	if (strcmp(name, "host") == 0)
		return named_host;
	if (strcmp(name, "defaults_file") == 0)
		return named_file;
	if (strcmp(name, "user") == 0)
		return "failover";
	if (strcmp(name, "replication_user") == 0)
		return "replication";
	if (strcmp(name, "databases") == 0)
		return "app";
	if (strcmp(name, "on_divergence") == 0)
		return on_divergence;
	return strstr(name, "password_file") != NULL ? "given" : NULL;
}

static bool	 allow_filters;

static int64_t
number(const struct failover *f, const char *name)
{
	(void)f;
	if (strcmp(name, "allow_filters") == 0)
		return allow_filters;
	if (strcmp(name, "kill_server") == 0)
		return direct;
	return strcmp(name, "max_lag") == 0 ? 60000 : 0;
}

static int64_t
time_left(const struct failover *f)
{
	(void)f;
	return left;
}

static enum failover_result __attribute__((format(printf, 3, 4)))
say(struct failover *f, enum failover_result result, const char *fmt, ...)
{
	va_list	 ap;

	(void)f;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return result;
}

static char	 logged[2048];		/* of one test, a line each */

static void __attribute__((format(printf, 3, 4)))
write_log(struct failover *f, enum failover_level level, const char *fmt, ...)
{
	size_t	 used = strlen(logged);
	va_list	 ap;

	(void)f;
	(void)level;
	va_start(ap, fmt);
	vsnprintf(logged + used, sizeof(logged) - used - 1, fmt, ap);
	va_end(ap);
	strcat(logged, "\n");
}

static enum failover_result
secret(struct failover *f, const char *name, char *text, size_t size)
{
	(void)f;
	(void)name;
	snprintf(text, size, "%s", password);
	return FAILOVER_DONE;
}

static char	 memory[FAILOVER_SENTENCE];

static enum failover_result
remember_it(struct failover *f, const char *text)
{
	snprintf(memory, sizeof(memory), "%s", text);
	f->memory = memory;
	return FAILOVER_DONE;
}

static struct failover	call;

static void
forget_call(void)
{
	on_divergence = "refuse";
	password = PASSWORD;
	left = 5000;
	pause_length = 0;
	allow_filters = false;
	named_host = named_file = NULL;
	logged[0] = '\0';
	call = (struct failover){
		.size = sizeof(call), .port = PORT, .service = "db",
		.node = "node-1", .reason = "", .master_host = "",
		.previous_host = "", .target = "", .memory = "",
		.remember = remember_it, .option = option,
		.number = number, .time_left = time_left, .say = say,
		.log = write_log, .secret = secret,
	};
}

/* Says these statements, up to NULL, to a server while we record.  One of a
 * flavour is left out for the other. */
static void
tell(struct server *s, const char *socket_of, const char *statement, va_list ap)
{
	struct place	 at = { .socket = getenv(socket_of), .user = "root",
			    .password = "" };
	const char	*flavour = getenv("FLAVOUR"), *colon;

	if (record == NULL)
		return;
	if (!__real_server_open(s, &call, &at))
		fail_msg("%s: %s", socket_of, s->text);
	for (; statement != NULL; statement = va_arg(ap, const char *)) {
		colon = statement + strcspn(statement, ": ");
		if (*colon == ':' && strncmp(statement, flavour,
		    (size_t)(colon - statement)) != 0)
			continue;
		if (!__real_server_run(s, NULL, "%s", *colon == ':' ?
		    colon + 1 : statement))
			fail_msg("%s: %s", statement, s->text);
	}
}

static void
own(const char *statement, ...)
{
	struct server	 s = { 0 };
	va_list		 ap;

	va_start(ap, statement);
	tell(&s, "OWN_SOCKET", statement, ap);
	va_end(ap);
	__real_server_close(&s);
}

static void
other(const char *statement, ...)
{
	struct server	 s = { 0 };
	va_list		 ap;

	va_start(ap, statement);
	tell(&s, "OTHER_SOCKET", statement, ap);
	va_end(ap);
	__real_server_close(&s);
}

/* The same, in a session that goes on until it is let go. */
static struct server	session;

static void
in_a_session(const char *statement, ...)
{
	va_list	 ap;

	va_start(ap, statement);
	tell(&session, "OWN_SOCKET", statement, ap);
	va_end(ap);
}

/* Until replication has come to a rest. */
static void
rest(void)
{
	if (record != NULL)
		sleep(1);
}

static void
said(const char *part)
{
	if (strstr(sentence, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, sentence);
}

static enum failover_result
slave_of(const char *host)
{
	call.master_host = host;
	call.master_port = PORT;
	return ensure_slave(&call, host);
}

/*
 * The scenarios: each begins where the one before has ended.
 */

#define READ_ONLY	"mysql:SET GLOBAL super_read_only = 1",	\
			"mariadb:SET GLOBAL read_only = 1"

static void
a_fresh_copy_is_healthy_and_is_demoted(void)
{
	assert_int_equal(health(&call), FAILOVER_DONE);
	said("neither master nor slave");
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
it_becomes_a_slave_and_is_left_alone_then(void)
{
	other("SET GLOBAL read_only = 0",
	    "INSERT INTO app.written VALUES ('1'), ('2')",
	    "INSERT INTO app.written VALUES ('3')", NULL);
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	rest();
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	call.role = FAILOVER_SLAVE;
	assert_int_equal(health(&call), FAILOVER_DONE);
	said("slave of " OTHER_HOST ":3371");
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
	said("a read-only slave");
}

static void
it_tells_how_far_it_has_got(void)
{
	char	 text[FAILOVER_POSITION];

	assert_int_equal(position(&call, text, sizeof(text)), FAILOVER_DONE);
	assert_string_not_equal(text, "none");
	assert_int_equal(has_position(&call, text), FAILOVER_DONE);
	assert_int_equal(behind(&call, text), 0);
	assert_int_equal(has_position(&call, "none"), FAILOVER_DONE);
	assert_int_equal(has_position(&call, "it's none"), FAILOVER_AGAIN);
	assert_int_equal(behind(&call, "it's none"), -1);
}

static void
what_it_has_not_is_counted(void)
{
	const char	*mariadb = "0-9-1000";
	const char	*mysql = "00000000-0000-0000-0000-000000000001:1-5:7";

	if (has_position(&call, mariadb) == FAILOVER_AGAIN) {
		assert_int_equal(has_position(&call, mysql), FAILOVER_FAILED);
		said("6 transactions are missing");
		assert_int_equal(behind(&call, mysql), 6);
	} else {
		said("transactions are missing: 0-9-1000");
		assert_in_range(behind(&call, mariadb), 990, 999);
	}
}

static void
it_does_not_become_a_slave_of_itself(void)
{
	assert_int_equal(slave_of(OWN_HOST), FAILOVER_FAILED);
	said("is this copy itself");
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
}

static void
what_it_can_not_apply_is_told_and_not_hidden_by_a_restart(void)
{
	own("SET sql_log_bin = 0", "SET GLOBAL read_only = 0",
	    "INSERT INTO app.written VALUES ('4')", READ_ONLY, NULL);
	other("INSERT INTO app.written VALUES ('4')", NULL);
	rest();
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_FAILED);
	said("can't apply what it received");
	call.role = FAILOVER_SLAVE;
	assert_int_equal(health(&call), FAILOVER_FAILED);
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	said("can't apply what it received");
	own("SET sql_log_bin = 0", "SET GLOBAL read_only = 0",
	    "DELETE FROM app.written WHERE id = '4'", READ_ONLY,
	    "START REPLICA SQL_THREAD", NULL);
	rest();
}

static void
nobody_is_promoted_beside_a_master_that_takes_writes(void)
{
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	said("still takes writes");
}

static void
what_the_old_master_has_is_applied_before_the_first_write(void)
{
	own("STOP REPLICA SQL_THREAD", NULL);
	other("INSERT INTO app.written VALUES ('5')", READ_ONLY, NULL);
	rest();
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	call.role = FAILOVER_MASTER;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_int_equal(health(&call), FAILOVER_DONE);
	said("master");
}

static void
it_is_demoted_although_a_session_locks_a_table(void)
{
	in_a_session("LOCK TABLES app.written WRITE", NULL);
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
	__real_server_close(&session);
	call.role = FAILOVER_MASTER;
	assert_int_equal(health(&call), FAILOVER_AGAIN);
	said("read-only");
}

static void
what_nobody_has_received_is_fetched_from_the_old_master(void)
{
	other("SET GLOBAL read_only = 0",
	    "INSERT INTO app.written VALUES ('late')", READ_ONLY, NULL);
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	own("STOP REPLICA IO_THREAD", NULL);
	other("SET GLOBAL read_only = 0",
	    "INSERT INTO app.written VALUES ('later')", READ_ONLY, NULL);
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	rest();
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
it_waits_while_the_new_master_is_none_yet(void)
{
	own("SET GLOBAL read_only = 0",
	    "INSERT INTO app.written VALUES ('own')", READ_ONLY, NULL);
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_AGAIN);
	said("is not the master yet");
}

static void
with_transactions_of_its_own_it_is_refused(void)
{
	other("SET GLOBAL read_only = 0", NULL);
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_FAILED);
	said("has transactions that " OTHER_HOST ":3371 lacks: ");
}

static void
unless_it_is_told_to_follow_all_the_same(void)
{
	on_divergence = "follow";
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
}

static void
it_is_promoted_without_a_master_that_is_gone(void)
{
	other("INSERT INTO app.written VALUES ('6')", NULL);
	rest();
	own("STOP REPLICA IO_THREAD", NULL);
	call.previous_host = "127.71.0.3";
	call.previous_port = PORT;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
what_can_not_be_fetched_is_asked_for_until_there_was_time_enough(void)
{
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	call.target = has_position(&call, "0-9-1000") == FAILOVER_AGAIN ?
	    "00000000-0000-0000-0000-000000000001:1-5" : "0-9-1000";
	password = "wrong";
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	said("can't ask " OTHER_HOST ":3371 as replication: Access denied");
	call.enough = 1;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	password = PASSWORD;
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
then_it_is_promoted_with_all_that_it_has_received(void)
{
	on_divergence = "follow";
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	own("STOP REPLICA SQL_THREAD", NULL);
	other("INSERT INTO app.written VALUES ('7')", NULL);
	rest();
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	call.enough = 1;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	said("still takes writes");
	other(READ_ONLY, NULL);
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
a_copy_that_leaves_out_data_is_named_and_no_master(void)
{
	on_divergence = "follow";
	other("SET GLOBAL read_only = 0", NULL);
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	own("STOP REPLICA SQL_THREAD", "mysql:CHANGE REPLICATION FILTER "
	    "REPLICATE_IGNORE_TABLE = (app.written)",
	    "mariadb:STOP REPLICA",
	    "mariadb:SET GLOBAL replicate_ignore_table = 'app.written'",
	    "START REPLICA", NULL);
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("= app.written leaves out some of the data");
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	said("= app.written leaves out some of the data");
	own("STOP REPLICA SQL_THREAD", "mysql:CHANGE REPLICATION FILTER "
	    "REPLICATE_IGNORE_TABLE = ()",
	    "mariadb:STOP REPLICA",
	    "mariadb:SET GLOBAL replicate_ignore_table = ''",
	    "START REPLICA", NULL);
	rest();
	assert_int_equal(health(&call), FAILOVER_DONE);
}

static void
what_its_master_has_refused_is_remembered(void)
{
	call.memory = "can't replicate from 127.71.0.2:3371: purged";
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("purged; make a new copy");
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	call.promote = call.enough = 1;
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_string_equal(call.memory, "");
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
what_its_master_has_purged_is_remembered(void)
{
	on_divergence = "follow";
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	own("STOP REPLICA IO_THREAD", NULL);
	other("INSERT INTO app.written VALUES ('8')", "FLUSH BINARY LOGS",
	    NULL);
	rest();
	other("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY", NULL);
	own("START REPLICA IO_THREAD", NULL);
	rest();
	call.master_host = "";
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("can't replicate from " OTHER_HOST ":3371: Got fatal error 1236");
	assert_string_equal(call.memory, sentence);
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	own("STOP REPLICA", "RESET REPLICA ALL", NULL);
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("; make a new copy; to make it master anyway");
}

static void
replication_by_a_channel_is_refused(void)
{
	own("mysql:CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1' "
	    "FOR CHANNEL 'c'",
	    "mariadb:CHANGE MASTER 'c' TO MASTER_HOST = '127.0.0.1'", NULL);
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("by the channel \"c\"");
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_FAILED);
}

/* These with late.txt alone: a handler that was killed had said SET GLOBAL
 * read_only = 0. */
static void
what_allows_writes_behind_the_demotion_is_taken_back(void)
{
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

static void
while_a_session_goes_on_nothing_is_demoted(void)
{
	pause_length = 4000;
	assert_int_equal(ensure_demoted(&call), FAILOVER_FAILED);
	said("can't end sessions: 1 of them continue");
}

/* As one was made for us before that was asked: on MariaDB it has not BINLOG
 * MONITOR. */
static void
an_account_that_may_not_see_the_log_costs_no_copy_its_fitness(void)
{
	const char	*grant = "GRANT BINLOG MONITOR ON *.* TO "
			    "'failover'@'localhost', and restart the agent\n";
	char		*line;

	call.role = FAILOVER_MASTER;
	assert_int_equal(health(&call), FAILOVER_DONE);
	line = strstr(logged, "can't see whether the binary log");
	assert_non_null(line);
	assert_non_null(strstr(line, grant));
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_null(strstr(line + 1, "can't see whether"));
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	call.role = FAILOVER_NO_ROLE;
	assert_int_equal(health(&call), FAILOVER_DONE);
	allow_filters = true;
	assert_int_equal(health(&call), FAILOVER_DONE);
}

static void
a_connected_master_is_not_failed_over_for_an_option_file(void)
{
	const char	*line;

	call.role = FAILOVER_MASTER;
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_null(strstr(logged, "defaults_file"));
	named_file = "/nowhere/my.cnf";
	assert_int_equal(health(&call), FAILOVER_DONE);
	line = strstr(logged, "option defaults_file can't be used");
	assert_non_null(line);
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_null(strstr(line + 1, "option defaults_file"));
	call.role = FAILOVER_SLAVE;
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("/nowhere/my.cnf: No such file");
	/* Nor is it sought anew by what nobody can read. */
	call.role = FAILOVER_MASTER;
	plugin_stop(&call);
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("/nowhere/my.cnf: No such file");
}

static void
what_arrives_between_two_looks_is_no_divergence(void)
{
	assert_int_equal(slave_of(OTHER_HOST), FAILOVER_DONE);
	assert_string_equal(call.memory, "");
}

/* The master before came back, and has purged what was written first. */
static void
what_can_not_be_fetched_makes_the_copy_no_less_fit(void)
{
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_int_equal(health(&call), FAILOVER_DONE);
	call.previous_host = OTHER_HOST;
	call.previous_port = PORT;
	call.target = "0-2-9";
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	call.previous_host = "";
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_string_equal(call.memory, "");
	call.previous_host = OTHER_HOST;
	call.enough = 1;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
}

/* This one with 5.6.24.txt alone. */
static void
a_server_that_is_too_old_is_refused(void)
{
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("MariaDB 10.5 or MySQL 5.7 is needed, this is 5.6.24-log");
}

/*
 * A server that is not where the options say.
 */

static enum failover_result
demote_as(enum failover_role role)
{
	call.role = role;
	left = 1000;
	pause_length = 20;
	searches = 0;
	return ensure_demoted(&call);
}

static int
forget_program(void **state)
{
	(void)state;
	plugin_stop(&call);
	direct = false;
	return 0;
}

static void
one_that_has_our_port_alone_is_killed_only_as_the_master(void **state)
{
	pid_t	 pid = on_all_addresses = start_program();

	(void)state;
	forget_call();
	direct = true;
	assert_int_equal(demote_as(FAILOVER_NO_ROLE), FAILOVER_FAILED);
	said("nothing listens at /nowhere/mysqld.sock, but a server listens on "
	    "port 3371: if it is this one, correct the options");
	assert_int_equal(demote_as(FAILOVER_SLAVE), FAILOVER_FAILED);
	assert_true(is_alive(pid));
	assert_int_equal(demote_as(FAILOVER_MASTER), FAILOVER_DONE);
	said("the server is killed");
	waitpid(pid, NULL, 0);
	on_all_addresses = 0;
}

static void
one_that_listens_at_the_host_that_was_named_is_not_down(void **state)
{
	pid_t	 pid = on_one_address = start_program();

	(void)state;
	forget_call();
	direct = true;
	named_host = "127.71.0.1";
	assert_int_equal(health(&call), FAILOVER_FAILED);
	said("but a server listens on port 3371");
	assert_int_equal(demote_as(FAILOVER_NO_ROLE), FAILOVER_FAILED);
	assert_true(is_alive(pid));
	/* Another one's, for all that we know. */
	named_host = NULL;
	assert_int_equal(demote_as(FAILOVER_MASTER), FAILOVER_DONE);
	said("the server is down");
	assert_true(is_alive(pid));
	end_program(&pid);
}

static void
one_elsewhere_is_sought_once_and_again_before_its_end(void **state)
{
	pid_t	 pid = on_all_addresses = start_program();

	(void)state;
	forget_call();
	direct = true;
	assert_int_equal(demote_as(FAILOVER_NO_ROLE), FAILOVER_FAILED);
	assert_int_equal(searches, 2);
	ends_meanwhile = pid;
	assert_int_equal(demote_as(FAILOVER_MASTER), FAILOVER_DONE);
	said("the server is down");
	assert_int_equal(left, 980);
}

/*
 * Sets of GTIDs.
 */

static struct gtid_list
list(const char *text)
{
	struct gtid_list	 l = { 0 };

	assert_true(gtid_add(&l, text));
	return l;
}

/* What of wanted is missing. */
static void
missing(const char *wanted, const char *known, const char *stream,
    const char *expected)
{
	struct gtid_list	 w = list(wanted), k = list(known);
	struct gtid_list	 s = list(stream);
	char			 text[256];

	assert_int_equal(gtid_missing(&w, &k, &s, text, sizeof(text)) == 0,
	    *expected == '\0');
	assert_string_equal(text, expected);
	gtid_free(&w);
	gtid_free(&k);
	gtid_free(&s);
}

static void
a_position_is_had_if_its_last_transactions_are_known(void **state)
{
	(void)state;
	missing("", "", "", "");
	missing("0-1-5", "0-1-5", "", "");
	missing("0-1-5", "0-1-4", "", "0-1-5 (after 4)");
	missing("0-1-5", "", "", "0-1-5 (after 0)");
	/* Further, but on another way. */
	missing("0-1-5", "0-1-4,0-2-9", "", "0-1-5 (after 4)");
	missing("0-2-9", "0-1-4,0-2-9", "", "");
	/* Each domain for itself. */
	missing("0-1-5,1-1-7", "0-1-5,1-1-6", "", "1-1-7 (after 6)");
	missing("0-1-5,1-1-7", "", "", "0-1-5 (after 0), 1-1-7 (after 0)");
	/* A stream that passes it has it, from the known ones on. */
	missing("0-1-5", "0-1-4", "0-2-9", "");
	missing("0-1-5", "0-1-4", "0-2-4", "0-1-5 (after 4)");
	missing("0-1-5", "0-2-6", "0-2-9", "0-1-5 (after 0)");
}

static void
the_last_common_transaction_is_of_a_server_that_both_know(void **state)
{
	static const char *const	 rows[][3] = {
		{ "0-1-105", "0-1-100,0-2-110", "0-1-100" },
		{ "0-1-105,0-3-106", "0-1-110,0-3-50", "0-1-105" },
		{ "0-1-5,1-1-9", "0-1-5,1-1-7", "0-1-5,1-1-7" },
		{ "", "0-1-5", "" },
		{ "0-1-5", "0-2-9", NULL },
	};
	struct gtid_list		 a, b;
	char				 text[256];
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = list(rows[i][0]);
		b = list(rows[i][1]);
		assert_int_equal(gtid_common(&a, &b, text, sizeof(text)),
		    rows[i][2] != NULL);
		if (rows[i][2] != NULL)
			assert_string_equal(text, rows[i][2]);
		gtid_free(&a);
		gtid_free(&b);
	}
}

static void
what_lies_between_two_positions_is_counted(void **state)
{
	struct gtid_list	 a = list("0-1-10,1-2-5"), b = list("0-2-7");
	struct gtid_list	 huge = list("0-1-18446744073709551615");

	(void)state;
	assert_int_equal(gtid_behind(&a, &b), 8);
	assert_int_equal(gtid_behind(&b, &a), 0);
	assert_true(gtid_behind(&huge, &b) == INT64_MAX);
	gtid_free(&a);
	gtid_free(&b);
	gtid_free(&huge);
}

static void
what_is_no_set_is_refused_and_nothing_of_it_kept(void **state)
{
	static const char *const	 bad[] = { "x", "1", "0-1", "0-1-",
		"0-1-5,", ",0-1-5", "0-1-5;0-2-6", "0-1--5", "4294967296-1-1",
		"0-1-18446744073709551616", "0-1-5 x" };
	struct gtid_list		 l = { 0 };
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(gtid_add(&l, bad[i]));
		assert_int_equal(l.count, 0);
	}
	assert_true(gtid_add(&l, "0-1-5,0-1-7,0-1-6"));
	assert_int_equal(l.count, 1);
	assert_int_equal(gtid_known(&l, 0, 1), 7);
	gtid_free(&l);
}

static void
a_list_that_does_not_fit_is_no_text(void **state)
{
	struct gtid_list	 l = list("0-1-5,1-1-6,0-2-4");
	char			 text[16];

	(void)state;
	assert_true(gtid_text(&l, text, sizeof(text)));
	assert_string_equal(text, "0-1-5,1-1-6");
	assert_false(gtid_text(&l, text, 11));
	gtid_free(&l);
}

static void
the_transactions_of_a_set_of_mysql_are_counted(void **state)
{
#define UUID	"3e11fa47-71ca-11e1-9e33-c80aa9429562"

	(void)state;
	assert_int_equal(gtid_count(""), 0);
	assert_int_equal(gtid_count(UUID ":1"), 1);
	assert_int_equal(gtid_count(UUID ":1-5:7"), 6);
	assert_int_equal(gtid_count(UUID ":1-5,\n" UUID ":11-12"), 7);
	assert_int_equal(gtid_count(UUID ":1-5:tag:1-3"), 8);
	assert_int_equal(gtid_count("0-1-5"), -1);
	assert_int_equal(gtid_count(UUID ":5-1"), -1);
	assert_int_equal(gtid_count(UUID ":1x"), -1);
	assert_int_equal(gtid_count(UUID ":0"), -1);
}

/*
 * All scenarios with each recording.
 */

struct scenario {
	const char	*name;
	void		(*run)(void);
};

#define SCENARIO(f)	{ #f, f }
static const struct scenario	scenarios[] = {
	SCENARIO(a_fresh_copy_is_healthy_and_is_demoted),
	SCENARIO(it_becomes_a_slave_and_is_left_alone_then),
	SCENARIO(it_tells_how_far_it_has_got),
	SCENARIO(what_it_has_not_is_counted),
	SCENARIO(it_does_not_become_a_slave_of_itself),
	SCENARIO(what_it_can_not_apply_is_told_and_not_hidden_by_a_restart),
	SCENARIO(nobody_is_promoted_beside_a_master_that_takes_writes),
	SCENARIO(what_the_old_master_has_is_applied_before_the_first_write),
	SCENARIO(it_is_demoted_although_a_session_locks_a_table),
	SCENARIO(what_nobody_has_received_is_fetched_from_the_old_master),
	SCENARIO(it_waits_while_the_new_master_is_none_yet),
	SCENARIO(with_transactions_of_its_own_it_is_refused),
	SCENARIO(unless_it_is_told_to_follow_all_the_same),
	SCENARIO(it_is_promoted_without_a_master_that_is_gone),
	SCENARIO(
	    what_can_not_be_fetched_is_asked_for_until_there_was_time_enough),
	SCENARIO(then_it_is_promoted_with_all_that_it_has_received),
	SCENARIO(a_copy_that_leaves_out_data_is_named_and_no_master),
	SCENARIO(what_its_master_has_refused_is_remembered),
	SCENARIO(what_its_master_has_purged_is_remembered),
	SCENARIO(replication_by_a_channel_is_refused),
};
#define SCENARIOS	(sizeof(scenarios) / sizeof(scenarios[0]))

static const char *const	recordings[] = { "10.11", "9.7.4", "5.7" };
#define RECORDINGS	(sizeof(recordings) / sizeof(recordings[0]))

static const struct scenario	too_old =
	SCENARIO(a_server_that_is_too_old_is_refused);
static const struct scenario	late[] = {
	SCENARIO(what_allows_writes_behind_the_demotion_is_taken_back),
	SCENARIO(while_a_session_goes_on_nothing_is_demoted),
	SCENARIO(an_account_that_may_not_see_the_log_costs_no_copy_its_fitness),
	SCENARIO(a_connected_master_is_not_failed_over_for_an_option_file),
	SCENARIO(what_arrives_between_two_looks_is_no_divergence),
	SCENARIO(what_can_not_be_fetched_makes_the_copy_no_less_fit),
};

#define LATE	(sizeof(late) / sizeof(late[0]))

struct replay {
	const struct scenario	*scenario;
	const char		*recording;
	char			 name[128];
};

/* The lines of that section. */
static void
read_section(const struct replay *r)
{
	char	 path[512], *line = NULL;
	size_t	 size = 0;
	bool	 inside = false;
	FILE	*file;

	snprintf(path, sizeof(path), "%s/%s.txt", DATA, r->recording);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s can't be read", path);
	while (getline(&line, &size, file) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "# ", 2) == 0)
			inside = strcmp(line + 2, r->scenario->name) == 0;
		else if (inside) {
			lines = realloc(lines, (line_count + 1) *
			    sizeof(*lines));
			lines[line_count++] = strdup(line);
		}
	}
	free(line);
	fclose(file);
	assert_true(line_count > 0);
}

static int
forget_section(void **state)
{
	(void)state;
	plugin_stop(&call);
	while (line_count > 0)
		free(lines[--line_count]);
	free(lines);
	lines = NULL;
	line_now = 0;
	return 0;
}

static void
begin(const struct scenario *s)
{
	memset(connections, 0, sizeof(connections));
	sentence[0] = '\0';
	forget_call();
	if (record != NULL)
		fprintf(record, "# %s\n", s->name);
}

static void
replay(void **state)
{
	const struct replay	*r = *state;

	begin(r->scenario);
	read_section(r);
	r->scenario->run();
	assert_string_equal(next_line(), "(the end)");
}

/* Against real servers. */
static void
record_all(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < SCENARIOS; i++) {
		begin(&scenarios[i]);
		scenarios[i].run();
		plugin_stop(&call);
		print_message("%s\n", scenarios[i].name);
	}
	fclose(record);
}

/* A test of its own for each scenario and recording. */
static struct CMUnitTest
test_of(const char *recording, const struct scenario *scenario)
{
	static struct replay	 replays[RECORDINGS * SCENARIOS + 1 +
				    LATE];
	static size_t		 count;
	struct replay		*r = &replays[count++];

	r->recording = recording;
	r->scenario = scenario;
	snprintf(r->name, sizeof(r->name), "%s: %s", recording, scenario->name);
	return (struct CMUnitTest){ .name = r->name, .test_func = replay,
	    .teardown_func = forget_section, .initial_state = r };
}

int
main(void)
{
	const struct CMUnitTest	 recorder[] = { cmocka_unit_test(record_all) };
	struct CMUnitTest	 tests[10 + LATE + RECORDINGS * SCENARIOS] = {
		cmocka_unit_test(
		    a_position_is_had_if_its_last_transactions_are_known),
		cmocka_unit_test(
		    the_last_common_transaction_is_of_a_server_that_both_know),
		cmocka_unit_test(what_lies_between_two_positions_is_counted),
		cmocka_unit_test(
		    what_is_no_set_is_refused_and_nothing_of_it_kept),
		cmocka_unit_test(a_list_that_does_not_fit_is_no_text),
		cmocka_unit_test(
		    the_transactions_of_a_set_of_mysql_are_counted),
		cmocka_unit_test_teardown(
		    one_that_has_our_port_alone_is_killed_only_as_the_master,
		    forget_program),
		cmocka_unit_test_teardown(
		    one_that_listens_at_the_host_that_was_named_is_not_down,
		    forget_program),
		cmocka_unit_test_teardown(
		    one_elsewhere_is_sought_once_and_again_before_its_end,
		    forget_program),
		test_of("5.6.24", &too_old),
	};
	size_t			 i;

	if (getenv("RECORD") != NULL) {
		record = fopen(getenv("RECORD"), "w");
		return record == NULL ? EXIT_FAILURE :
		    cmocka_run_group_tests(recorder, NULL, NULL);
	}
	for (i = 0; i < LATE; i++)
		tests[10 + i] = test_of("late", &late[i]);
	for (i = 0; i < RECORDINGS * SCENARIOS; i++)
		tests[10 + LATE + i] = test_of(recordings[i / SCENARIOS],
		    &scenarios[i % SCENARIOS]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

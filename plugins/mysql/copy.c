/*
 * copy.c - one copy of the database, in either dialect.
 */
#include "copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATIENCE	300	/* ms for the answer of a copy that may be gone */

bool
copy_open(struct copy *c, struct failover *f, const struct place *at)
{
	struct table	 t = { 0 };
	const char	*version;
	unsigned	 number;
	bool		 ok = false;

	if (!server_open(&c->server, f, at) ||
	    !server_run(&c->server, &t, "SELECT VERSION() AS version"))
		goto out;
	version = table_get(&t, 0, "version");
	snprintf(c->version, sizeof(c->version), "%s",
	    version == NULL ? "" : version);
	c->dialect = dialect_find(c->version, &number);
	ok = c->dialect != NULL || server_fail(&c->server, "MariaDB 10.5 or "
	    "MySQL 5.7 is needed, this is %s", c->version);
out:
	table_free(&t);
	if (!ok)
		server_close(&c->server);
	return ok;
}

void
copy_close(struct copy *c)
{
	server_close(&c->server);
	table_free(&c->variables);
	table_free(&c->status);
	table_free(&c->log);
	table_free(&c->rights);
}

static const char *
variable(const struct copy *c, const char *name)
{
	const char	*value = table_get(&c->variables, 0, name);

	return value == NULL ? "" : value;
}

const char *
copy_master(const struct copy *c, const char *column)
{
	char		 name[64];
	const char	*value;

	snprintf(name, sizeof(name), "%s_%s", c->dialect->master, column);
	value = table_get(&c->status, 0, name);
	return value == NULL ? "" : value;
}

const char *
copy_received(const struct copy *c)
{
	const char	*set = table_get(&c->status, 0, c->dialect->received);

	return set == NULL ? "" : set;
}

bool
copy_follows(const struct copy *c, const char *host, uint16_t port)
{
	return c->slave && strcmp(copy_master(c, "Host"), host) == 0 &&
	    atoi(copy_master(c, "Port")) == port;
}

bool
copy_look_at_variables(struct copy *c)
{
	const char	*value;

	table_free(&c->variables);
	if (!server_run(&c->server, &c->variables, "%s", c->dialect->look))
		return false;
	value = variable(c, "read_only");
	c->read_only = strcmp(value, "0") != 0 && strcmp(value, "OFF") != 0;
	return true;
}

static void
read_threads(struct copy *c)
{
	const char	*value;
	char		 name[64];

	snprintf(name, sizeof(name), "%s_IO_Running", c->dialect->slave);
	value = table_get(&c->status, 0, name);
	c->receiving = value == NULL || strcmp(value, "No") == 0 ?
	    RECEIVING_NO : strcmp(value, "Yes") == 0 ? RECEIVING_YES :
	    RECEIVING_CONNECTING;
	snprintf(name, sizeof(name), "%s_SQL_Running", c->dialect->slave);
	value = table_get(&c->status, 0, name);
	c->applying = value != NULL && strcmp(value, "Yes") == 0;
	snprintf(name, sizeof(name), "Seconds_Behind_%s", c->dialect->master);
	value = table_get(&c->status, 0, name);
	c->lag = value == NULL ? -1 : atoll(value);
	value = table_get(&c->status, 0, "SQL_Delay");
	c->delay = value == NULL ? 0 : atoll(value);
	value = table_get(&c->status, 0, "Last_IO_Errno");
	c->receive_error = value == NULL ? 0 : (unsigned)atoi(value);
	value = table_get(&c->status, 0, "Last_SQL_Errno");
	c->apply_error = value == NULL ? 0 : (unsigned)atoi(value);
}

bool
copy_look(struct copy *c)
{
	if (!copy_look_at_variables(c))
		return false;
	table_free(&c->status);
	if (!server_run(&c->server, &c->status, "%s", c->dialect->status))
		return false;
	c->slave = c->status.rows > 0;
	read_threads(c);
	return true;
}

/* Its variables can be seen by everybody who can log in. */
enum failover_result
copy_ask(struct failover *f, struct copy *other, const char *host,
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

bool
copy_look_at_log(struct copy *c)
{
	return c->log.cells != NULL ||
	    server_run(&c->server, &c->log, "%s", c->dialect->log);
}

bool
copy_look_at_rights(struct copy *c)
{
	return c->rights.cells != NULL ||
	    server_run(&c->server, &c->rights, "SHOW GRANTS");
}

/* The first column of that row whose name begins so, and that has a value. */
static const char *
find_column(const struct table *t, const char *begin, const char **value)
{
	size_t	 i;

	for (i = 0; i < t->columns && t->rows > 0; i++) {
		*value = t->cells[t->columns + i];
		if (strncasecmp(t->cells[i], begin, strlen(begin)) == 0 &&
		    *value != NULL && **value != '\0')
			return t->cells[i];
	}
	return NULL;
}

const char *
copy_filter(const struct copy *c, const char **value)
{
	const char	*name;
	size_t		 i;

	for (i = 0; (name = c->dialect->filters[i].name) != NULL; i++) {
		*value = variable(c, name);
		if (strcmp(*value, c->dialect->filters[i].harmless) != 0)
			return name;
	}
	/* Of its master, whether by my.cnf or by a statement. */
	if ((name = find_column(&c->status, "Replicate_", value)) != NULL ||
	    ((name = find_column(&c->status, "Skip_Counter", value)) != NULL &&
	    strcmp(*value, "0") != 0))
		return name;
	return find_column(&c->log, "Binlog_", value);
}

/*
 * Sets of MariaDB.
 */

/* All that has been applied here, of each server in each domain. */
static bool
add_known(struct gtid_list *l, const struct copy *c)
{
	return gtid_add(l, variable(c, "known")) &&
	    gtid_add(l, variable(c, "written")) &&
	    gtid_add(l, variable(c, "applied"));
}

static bool
add_stream(struct gtid_list *l, const struct copy *c, enum extent extent)
{
	return extent == APPLIED || gtid_add(l, copy_received(c));
}

static bool
mariadb_position(struct copy *c, enum extent extent, char *text, size_t size)
{
	struct gtid_list	 all = { 0 };
	bool			 ok;

	ok = add_known(&all, c) && add_stream(&all, c, extent) &&
	    gtid_text(&all, text, size);
	gtid_free(&all);
	return ok || server_fail(&c->server,
	    "can't read its own GTID position");
}

static bool
mariadb_lacks(struct copy *c, enum extent extent, const char *position,
    char *missing, size_t size, int64_t *behind)
{
	struct gtid_list	 wanted = { 0 }, known = { 0 }, stream = { 0 };
	bool			 ok, lacks;

	*behind = 0;
	ok = gtid_add(&wanted, position) && add_known(&known, c) &&
	    add_stream(&stream, c, extent);
	lacks = ok && gtid_missing(&wanted, &known, &stream, missing, size) > 0;
	if (lacks && (ok = add_stream(&known, c, extent)))
		*behind = gtid_behind(&wanted, &known);
	if (lacks && *behind == 0)
		*behind = 1;	/* as far, on another way */
	gtid_free(&wanted);
	gtid_free(&known);
	gtid_free(&stream);
	return ok || server_fail(&c->server,
	    "this is not a GTID position of MariaDB");
}

static bool
mariadb_errant(struct copy *c, const struct copy *other, char *errant,
    size_t size)
{
	struct gtid_list	 own = { 0 }, known = { 0 }, none = { 0 };
	bool			 ok;

	ok = add_known(&own, c) && add_stream(&own, c, RECEIVED) &&
	    add_known(&known, other);
	if (ok)
		gtid_missing(&own, &known, &none, errant, size);
	gtid_free(&own);
	gtid_free(&known);
	return ok || server_fail(&c->server, "can't compare its GTID position");
}

bool
copy_has_lost(struct copy *c, const struct copy *other, char *lost,
    size_t size)
{
	struct gtid_list	 own = { 0 }, known = { 0 };
	const struct gtid	*g, *last;
	uint32_t		 id;
	bool			 ok;

	*lost = '\0';
	if (!c->dialect->mariadb)
		return true;
	id = (uint32_t)strtoul(variable(c, "id"), NULL, 10);
	ok = add_known(&own, c) && add_known(&known, other);
	for (g = known.items; ok && g < known.items + known.count; g++) {
		last = gtid_last(&own, g->domain);
		if (g->server == id &&
		    (last == NULL || last->sequence < g->sequence))
			snprintf(lost, size, "%" PRIu32 "-%" PRIu32 "-%" PRIu64,
			    g->domain, g->server, g->sequence);
	}
	gtid_free(&own);
	gtid_free(&known);
	return ok || server_fail(&c->server, "can't compare GTID positions");
}

bool
copy_meet(struct copy *c, const struct copy *other, bool diverged)
{
	struct gtid_list	 own = { 0 }, known = { 0 };
	char			 text[FAILOVER_POSITION];
	bool			 ok;

	ok = add_known(&own, c) && add_known(&known, other) &&
	    gtid_common(&own, &known, text, sizeof(text));
	gtid_free(&own);
	gtid_free(&known);
	if (!ok)
		return server_fail(&c->server,
		    "the copies have no transaction in common");
	/* In strict mode, what it has written is in the way. */
	if (diverged && !server_run(&c->server, NULL, "RESET MASTER"))
		return false;
	return strcmp(text, variable(c, "applied")) == 0 ||
	    server_run(&c->server, NULL, "SET GLOBAL gtid_slave_pos = '%s'",
	    text);
}

/*
 * Sets of MySQL, which it computes with itself.
 */

/* MySQL begins a line for each server; a sentence ends with its first line. */
static void
copy_line(char *line, size_t size, const char *text)
{
	size_t	 used = 0;

	for (; *text != '\0' && used + 1 < size; text++)
		if (*text != '\n')
			line[used++] = *text;
	line[used] = '\0';
}

/* a without b, where more is added to b, and "" stands for the empty set. */
static bool
subtract(struct copy *c, const char *a, const char *b, const char *more,
    char *rest, size_t size, int64_t *count)
{
	char		*qa = server_quote(&c->server, a);
	char		*qb = server_quote(&c->server, b);
	char		*qm = server_quote(&c->server, more);
	struct table	 t = { 0 };
	const char	*value;
	bool		 ok;

	ok = qa != NULL && qb != NULL && qm != NULL &&
	    server_run(&c->server, &t,
	    "SELECT GTID_SUBTRACT(%s, CONCAT(%s, ',', %s)) AS rest", qa, qb,
	    qm);
	value = ok ? table_get(&t, 0, "rest") : NULL;
	if (value != NULL) {
		*count = gtid_count(value);
		copy_line(rest, size, value);
	} else if (ok)
		ok = server_fail(&c->server, "this is not a GTID set of MySQL");
	table_free(&t);
	free(qa);
	free(qb);
	free(qm);
	return ok;
}

static bool
mysql_position(struct copy *c, enum extent extent, char *text, size_t size)
{
	char	*all = NULL;
	int64_t	 count;
	bool	 ok;

	if (asprintf(&all, "%s,%s", variable(c, "applied"),
	    extent == RECEIVED ? copy_received(c) : "") == -1)
		return server_fail(&c->server, "no memory");
	ok = subtract(c, all, "", "", text, size, &count);
	free(all);
	if (ok && strlen(text) + 1 >= size)
		return server_fail(&c->server, "its GTID set is too long");
	return ok;
}

static bool
mysql_lacks(struct copy *c, enum extent extent, const char *position,
    char *missing, size_t size, int64_t *behind)
{
	return subtract(c, position, variable(c, "applied"),
	    extent == RECEIVED ? copy_received(c) : "", missing, size, behind);
}

static bool
mysql_errant(struct copy *c, const struct copy *other, char *errant,
    size_t size)
{
	char	 own[FAILOVER_POSITION];
	int64_t	 count;

	return mysql_position(c, RECEIVED, own, sizeof(own)) &&
	    subtract(c, own, variable(other, "applied"), "", errant, size,
	    &count);
}

/* The set of a database that nobody has ever written to: a position that is
 * empty would mean that it is not known. */
#define NOTHING	"none"

bool
copy_position(struct copy *c, enum extent extent, char *text, size_t size)
{
	if (!(c->dialect->mariadb ? mariadb_position : mysql_position)(c,
	    extent, text, size))
		return false;
	if (*text == '\0')
		snprintf(text, size, NOTHING);
	return true;
}

bool
copy_lacks(struct copy *c, enum extent extent, const char *position,
    char *missing, size_t size, int64_t *behind)
{
	if (strcmp(position, NOTHING) == 0)
		position = "";
	return (c->dialect->mariadb ? mariadb_lacks : mysql_lacks)(c, extent,
	    position, missing, size, behind);
}

/* What the threads that apply wait for; they may be several. */
static bool
find_lock(struct copy *c, char *lock, size_t size)
{
	struct table	 t = { 0 };
	const char	*user, *state;
	size_t		 row;

	*lock = '\0';
	if (!server_run(&c->server, &t, "SHOW PROCESSLIST"))
		return false;
	for (row = 0; row < t.rows; row++) {
		user = table_get(&t, row, "User");
		state = table_get(&t, row, "State");
		if (user != NULL && strcmp(user, "system user") == 0 &&
		    state != NULL && strncmp(state, "Waiting for ", 12) == 0 &&
		    strcmp(state + strlen(state) - 5, " lock") == 0)
			snprintf(lock, size, "%s", state);
	}
	table_free(&t);
	return true;
}

bool
copy_unapplied(struct copy *c, int64_t *count, char *lock, size_t size)
{
	char	 missing[FAILOVER_SENTENCE];

	*lock = '\0';
	*count = 0;
	if (!c->slave)
		return true;
	if (!copy_lacks(c, APPLIED, copy_received(c), missing, sizeof(missing),
	    count))
		return false;
	if (*count == 0)
		return true;
	if (!find_lock(c, lock, size))
		return false;
	/* Both stopped: see end_delay and start_applying. */
	if (*lock != '\0' || (!c->applying && c->delay == 0 &&
	    c->receiving == RECEIVING_NO))
		*count += COPY_HELD;
	else if (c->delay > 0 && *count < COPY_LATE)
		*count = COPY_LATE;
	return true;
}

bool
copy_errant(struct copy *c, const struct copy *other, char *errant,
    size_t size)
{
	return (c->dialect->mariadb ? mariadb_errant : mysql_errant)(c, other,
	    errant, size);
}

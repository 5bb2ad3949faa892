/*
 * slave.c - ensure_slave, which also ends the role of a master.
 */
#include "slave.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demote.h"
#include "failure.h"
#include "fit.h"
#include "own.h"
#include "settings.h"

/* The plugins of semi-synchronous replication are called master and slave, or
 * source and replica.  A slave that is no master must not wait for others. */
enum failover_result
slave_set_semi_sync(struct failover *f, bool master)
{
	struct table		 t = { 0 };
	enum failover_result	 r = FAILOVER_DONE;
	const char		*name, *value;
	bool			 on;
	size_t			 row;

	if (!f->number(f, "semi_sync"))
		return FAILOVER_DONE;
	if (!server_run(&own.server, &t,
	    "SHOW GLOBAL VARIABLES LIKE 'rpl_semi_sync_%%_enabled'"))
		r = own_sorry(f, "semi_sync", &own.server);
	else if (t.rows < 2)
		r = f->say(f, FAILOVER_FAILED, "semi_sync = yes, but the "
		    "server does not have both plugins for semi-synchronous "
		    "replication");
	for (row = 0; row < t.rows && r == FAILOVER_DONE; row++) {
		name = table_get(&t, row, "Variable_name");
		value = table_get(&t, row, "Value");
		on = master || strstr(name, "slave") != NULL ||
		    strstr(name, "replica") != NULL;
		if (strcmp(value, on ? "ON" : "OFF") != 0 &&
		    !server_run(&own.server, NULL, "SET GLOBAL %s = %s", name,
		    on ? "ON" : "OFF"))
			r = own_sorry(f, "semi_sync", &own.server);
	}
	table_free(&t);
	return r;
}

/* At most ms. */
int64_t
slave_time_within(const struct failover *f, int64_t ms)
{
	int64_t	 left = f->time_left(f) - 200;

	return left < ms ? left : ms;
}

/* Makes our copy a slave of a master that has all that we have.  A dead master
 * shall be noticed soon: a heartbeat a second, and another try a second
 * later. */
static enum failover_result
point_at(struct failover *f, const char *host, uint16_t port)
{
	struct server		*s = &own.server;
	const struct dialect	*d = own.dialect;
	const char		*ca = f->option(f, "replication_ca");
	char			 password[256];
	char			*q_host, *q_user, *q_password, *q_ca;
	enum failover_result	 r = f->secret(f, "replication_password_file",
				    password, sizeof(password));

	if (r != FAILOVER_DONE)
		return r;
	q_host = server_quote(s, host);
	q_user = server_quote(s, f->option(f, "replication_user"));
	q_password = server_quote(s, password);
	q_ca = server_quote(s, ca == NULL ? "" : ca);
	if (q_host == NULL || q_user == NULL || q_password == NULL ||
	    q_ca == NULL)
		r = f->say(f, FAILOVER_FAILED, "%s", strerror(ENOMEM));
	else if (!server_run(s, NULL, "%1$s %2$s_HOST=%3$s, %2$s_PORT=%4$u, "
	    "%2$s_USER=%5$s, %2$s_PASSWORD=%6$s, %2$s_CONNECT_RETRY=1, "
	    "%2$s_HEARTBEAT_PERIOD=1, %2$s_SSL=%7$d, %2$s_SSL_CA=%8$s, "
	    "%2$s_SSL_VERIFY_SERVER_CERT=%7$d, %9$s", d->follow, d->capitals,
	    q_host, (unsigned)port, q_user, q_password, ca != NULL, q_ca,
	    d->by_gtid) || !server_run(s, NULL, "%s", d->start))
		r = f->say(f, FAILOVER_FAILED, "can't make it a slave of "
		    "%s:%u: %s", host, port, s->text);
	explicit_bzero(password, sizeof(password));
	if (q_password != NULL)
		explicit_bzero(q_password, strlen(q_password));
	free(q_host);
	free(q_user);
	free(q_password);
	free(q_ca);
	return r;
}

/* What our copy has and its new master has not is never thrown away, or hidden
 * below what the master writes next, without being told to. */
static enum failover_result
check_divergence(struct failover *f, struct copy *master, const char *host,
    uint16_t port)
{
	const char	*id = table_get(&own.variables, 0, "id");
	const char	*its = table_get(&master->variables, 0, "id");
	bool		 follow = strcmp(f->option(f, "on_divergence"),
			    "follow") == 0;
	char		 errant[FAILOVER_SENTENCE / 2], lost[64];

	if (own.dialect->mariadb != master->dialect->mariadb)
		return f->say(f, FAILOVER_FAILED, "%s:%u is %s, and this is %s",
		    host, port, master->version, own.version);
	if (id != NULL && its != NULL && strcmp(id, its) == 0)
		return f->say(f, FAILOVER_FAILED, "%s:%u is this copy itself, "
		    "or both have the same %s", host, port,
		    own.dialect->mariadb ? "server_id" : "auto.cnf");
	if (!copy_errant(&own, master, errant, sizeof(errant)) ||
	    !copy_has_lost(&own, master, lost, sizeof(lost)))
		return own_sorry(f, "GTIDs", &own.server);
	if (*lost != '\0' && !f->number(f, "semi_sync"))
		return f->say(f, FAILOVER_FAILED, "has lost transactions that "
		    "it wrote itself, up to %s, and would skip them as a slave "
		    "of %s:%u: make a new copy from a backup, or an empty one "
		    "with another server_id", lost, host, port);
	/* It may be catching up still, with us. */
	if (*errant != '\0' && master->read_only)
		return f->say(f, FAILOVER_AGAIN, "%s:%u is not the master yet",
		    host, port);
	/* What the master has more is not here, and is not to be lost when that
	 * is gone.  ensure_master only fetches what it can get. */
	if (*errant != '\0' && !follow && *f->master_host != '\0' &&
	    fit_remember(f, "has transactions that %s:%u lacks: %s", host,
	    port, errant) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	if (*errant != '\0' && !follow)
		return f->say(f, FAILOVER_FAILED, "has transactions that %s:%u "
		    "lacks: %s; save what you need of them and make a new "
		    "copy, or set on_divergence = follow", host, port, errant);
	if (*errant != '\0')
		f->log(f, FAILOVER_WARNING, "follows %s:%u, which lacks %s",
		    host, port, errant);
	/* Applied meanwhile: more than the last look has shown. */
	if (!server_run(&own.server, NULL, "%s", own.dialect->stop) ||
	    !copy_look_at_variables(&own) || (own.dialect->mariadb &&
	    !copy_meet(&own, master, *errant != '\0')))
		return own_sorry(f, "can't prepare replication", &own.server);
	return FAILOVER_DONE;
}

/* Until its threads run, or say why not. */
static enum failover_result
wait_for_threads(struct failover *f)
{
	enum failover_result	 r;
	int64_t			 until = f->time_left(f) -
				    slave_time_within(f, CATCH_UP);

	for (;;) {
		r = own_look_again(f);
		if (r != FAILOVER_DONE)
			return r;
		if ((!own.applying && own.apply_error != 0) ||
		    (own.receiving != RECEIVING_YES &&
		    failure_is_for_good(own.receive_error)))
			return fit_say_stopped(f);
		if (own.applying && own.receiving == RECEIVING_YES)
			return f->say(f, FAILOVER_DONE, "slave of %s:%s",
			    copy_master(&own, "Host"),
			    copy_master(&own, "Port"));
		if (f->time_left(f) <= until)
			break;
		server_pause(SETTLE);
	}
	return f->say(f, FAILOVER_AGAIN, "connects to %s:%s",
	    copy_master(&own, "Host"), copy_master(&own, "Port"));
}

enum failover_result
slave_stop_receiving(struct failover *f)
{
	if (!server_run(&own.server, NULL, "%s", own.dialect->stop_receiving))
		return own_sorry(f, "can't stop receiving", &own.server);
	return own_look_again(f);
}

enum failover_result
slave_follow(struct failover *f, const char *host, uint16_t port)
{
	struct copy		 master;
	enum failover_result	 r = copy_ask(f, &master, host, port);

	/* One that is not there is asked again; one that refuses us is not. */
	if (r != FAILOVER_DONE && master.server.error != 0 &&
	    !failure_is_for_good(master.server.error))
		r = f->say(f, FAILOVER_AGAIN, "can't ask %s:%u: %s", host, port,
		    master.server.text);
	else if (r != FAILOVER_DONE && failure_is_denied(master.server.error))
		fit_remember_shut_out(f, host, port, master.server.text);
	if (r == FAILOVER_DONE && own.slave)
		r = slave_stop_receiving(f);
	/* What has arrived meanwhile is the master's. */
	if (r == FAILOVER_DONE && own.slave && !copy_look_at_variables(&master))
		r = f->say(f, FAILOVER_AGAIN, "can't ask %s:%u: %s", host, port,
		    master.server.text);
	if (r == FAILOVER_DONE)
		r = check_divergence(f, &master, host, port);
	copy_close(&master);
	if (r == FAILOVER_DONE)
		r = point_at(f, host, port);
	if (r == FAILOVER_DONE) {
		f->log(f, FAILOVER_INFO, "follows %s:%u", host, port);
		r = wait_for_threads(f);
	}
	return r;
}

#define FAIR	500	/* ms: with less, nobody can be demoted in time */

/* The time that was given is used up.  Two masters are worse than none, and
 * InnoDB survives it; but not for a right that is missing, nor for an option
 * that is wrong when the agent starts. */
static enum failover_result
end_server(struct failover *f, enum failover_result failed, int64_t given)
{
	struct server	*s = &own.server;
	struct place	 at;
	char		 why[sizeof(s->text)], password[256];

	if (!f->number(f, "kill_server") || f->role == FAILOVER_SLAVE ||
	    (s->by_port && f->role != FAILOVER_MASTER) || given < FAIR ||
	    (!s->cut_off && f->time_left(f) > (s->elsewhere ? given / 2 :
	    given / 4)))
		return failed;
	snprintf(why, sizeof(why), "%s", s->text);
	own_place(f, &at, password, sizeof(password));
	explicit_bzero(password, sizeof(password));
	if (!server_kill(s, &at))
		return f->say(f, FAILOVER_FAILED, "can't be demoted: %.150s; "
		    "%.150s", why, s->text);
	f->log(f, FAILOVER_ERROR, "the server is killed, because it can't be "
	    "demoted in time: %s", why);
	copy_close(&own);
	return f->say(f, FAILOVER_DONE, "the server is killed: %s", why);
}

static enum failover_result
demote_own(struct failover *f)
{
	struct place		 at;
	char			 password[256];
	enum failover_result	 r = own_place(f, &at, password,
				    sizeof(password));

	if (r == FAILOVER_DONE)
		r = demote(f, &own, &at);
	explicit_bzero(password, sizeof(password));
	return r;
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	enum failover_result	 r = own_look(f);

	if (r == FAILOVER_DONE && !own.read_only &&
	    (r = demote_own(f)) == FAILOVER_DONE)
		r = own_look_again(f);
	if (r != FAILOVER_DONE || (r = settings_check(f)) != FAILOVER_DONE ||
	    (r = slave_set_semi_sync(f, false)) != FAILOVER_DONE)
		return r;
	if (copy_follows(&own, master_host, f->master_port)) {
		/* What can't be applied is for people: another start would
		 * only hide it. */
		if (!own.applying && own.apply_error != 0)
			return fit_say_stopped(f);
		if (own.applying && own.receiving != RECEIVING_NO)
			return wait_for_threads(f);
	}
	return slave_follow(f, master_host, f->master_port);
}

/* It runs, and may hear us a moment later: a full one, one that starts, or one
 * that has refused the handshake.  One that starts does so soon, and the search
 * for who listens takes its time. */
static bool
may_hear_us(const struct server *s)
{
	return s->elsewhere || server_is_full(s) || (s->error != 0 &&
	    !s->cut_off && !server_is_down(s) &&
	    !failure_is_for_good(s->error));
}

static enum failover_result
demote_in_time(struct failover *f, int64_t given)
{
	enum failover_result	 r;

	own.server.elsewhere = false;	/* of a call before */
	r = own_look(f);
	while (r != FAILOVER_DONE && may_hear_us(&own.server) &&
	    f->time_left(f) > (own.server.elsewhere ? given / 2 : given / 4)) {
		server_pause(SETTLE);
		r = own_look(f);
	}
	/* Before it is killed: it may have closed its sockets, and end. */
	if (r != FAILOVER_DONE && own.server.elsewhere) {
		own.server.elsewhere = false;
		r = own_look(f);
	}
	if (r != FAILOVER_DONE && own.server.link == NULL &&
	    server_is_down(&own.server))
		return f->say(f, FAILOVER_DONE, "the server is down");
	if (r == FAILOVER_DONE && own.read_only && own.slave)
		return f->say(f, FAILOVER_DONE, "a read-only slave");
	if (r == FAILOVER_DONE)
		r = demote_own(f);
	return r == FAILOVER_DONE ? r : end_server(f, r, given);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	enum failover_result	 r;

	demoting = true;
	r = demote_in_time(f, f->time_left(f));
	demoting = false;
	return r;
}

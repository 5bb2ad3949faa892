/* slave.c - ensure_slave, for a master that has this copy's data. */
#include "own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "demote.h"
#include "fit.h"
#include "master.h"
#include "remember.h"

#define CONNECT	200	/* ms of waiting for the link to the master */

/* Redis itself would follow anybody: itself, a slave that follows it, or one
 * that was restarted and has lost everything. */
static enum failover_result
check_master(struct failover *f, const struct state *st)
{
	struct state	 m;
	enum answer	 a = server_state(&master, own_patience(f), &m);

	server_close(&master);
	if (a == ANSWER_DENIED)
		fit_refused(f, &master);
	if (a == ANSWER_REFUSED || a == ANSWER_DENIED)
		return f->say(f, FAILOVER_FAILED, "the master %s", master.why);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_AGAIN, "the master %s", master.why);
	if (strcmp(m.run_id, st->run_id) == 0)
		return f->say(f, FAILOVER_FAILED, "the master %s:%u is this "
		    "copy itself", master.host, master.port);
	if (!m.master)
		return f->say(f, FAILOVER_AGAIN, "%s:%u is not a master, but a "
		    "slave of %s:%" PRId64, master.host, master.port,
		    m.master_host, m.master_port);
	if (m.loading)
		return f->say(f, FAILOVER_AGAIN, "the master %s:%u is loading "
		    "its data from disk", master.host, master.port);
	if (m.history.keys == 0 && st->history.keys > 0 &&
	    history_common(&m.history, &st->history) == -1 &&
	    !f->number(f, "follow_empty_master"))
		return f->say(f, FAILOVER_FAILED, "the master %s:%u has no "
		    "keys, and never had the %" PRId64 " keys of this copy: it "
		    "would wipe them. Stop it to have another master elected, "
		    "or set follow_empty_master = yes", master.host,
		    master.port, st->history.keys);
	fit_compare(f, st, &master, &m);
	return FAILOVER_DONE;
}

/* A config file that tells whom to follow would have the server do so before
 * check_master has looked at him. */
static enum answer
follow(struct failover *f, const struct state *st)
{
	enum answer	 a = ANSWER_OK;

	if (config_must_rewrite(f, st))
		a = server_ask(&local, own_patience(f), NULL,
		    "REPLICAOF " NOBODY " 0");
	if (a == ANSWER_OK)
		config_rewrite(f, st);
	if (a == ANSWER_OK && master.username[0] != '\0')
		a = server_ask(&local, own_patience(f), NULL,
		    "CONFIG SET masteruser %s", master.username);
	if (a == ANSWER_OK && master.password[0] != '\0')
		a = server_ask(&local, own_patience(f), NULL,
		    "CONFIG SET masterauth %s", master.password);
	if (a == ANSWER_OK)
		a = server_ask(&local, own_patience(f), NULL, "REPLICAOF %s %d",
		    master.host, master.port);
	return a;
}

/* What a copy that loads or is sent everything waits for: nobody may read of it
 * before it has that. */
static enum failover_result
say_copying(struct failover *f, const struct state *st)
{
	if (!st->syncing)
		return f->say(f, FAILOVER_AGAIN, "Redis is loading its data "
		    "from disk");
	if (st->loading)
		return f->say(f, FAILOVER_AGAIN, "is loading the data that %s:%"
		    PRId64 " has sent", st->master_host, st->master_port);
	if (st->copied < 1)
		return f->say(f, FAILOVER_AGAIN, "waits for %s:%" PRId64 " to "
		    "send everything; if that lasts, see the log of Redis",
		    st->master_host, st->master_port);
	return f->say(f, FAILOVER_AGAIN, "copies everything from %s:%" PRId64
	    ": %" PRId64 " %s", st->master_host, st->master_port,
	    st->left > 0 ? st->left : st->copied,
	    st->left > 0 ? "bytes to go" : "bytes so far");
}

/* It connects at once where it goes on where it is; else we are asked again. */
static enum failover_result
wait_for_link(struct failover *f, struct state *st)
{
	int64_t	 until = deadline_now() + CONNECT;

	for (;;) {
		if (server_state(&local, own_patience(f), st) != ANSWER_OK)
			return f->say(f, FAILOVER_FAILED, "%s", local.why);
		if (own_follows(f, st) && st->read_only) {
			remember_nothing(f);
			return f->say(f, FAILOVER_DONE, "slave of %s:%u",
			    master.host, master.port);
		}
		if (deadline_now() >= until || own_patience(f) <= MARGIN)
			break;
		usleep(2000);
	}
	if (st->syncing)
		return say_copying(f, st);
	return f->say(f, FAILOVER_AGAIN, "connects to %s:%u; if that lasts, "
	    "see the log of Redis", master.host, master.port);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	struct state		 st;
	enum failover_result	 r = own_look(f, &st);
	bool			 linked;

	master_begin();
	lacks = 0;
	if (r != FAILOVER_DONE)
		return r;
	if (strlen(master_host) >= sizeof(master.host))
		return f->say(f, FAILOVER_FAILED, "the master's name is too "
		    "long: %.100s", master_host);
	strcpy(master.host, master_host);
	master.port = f->master_port;
	r = demote_stop_writes(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	linked = own_follows(f, &st) && st.read_only;
	if (linked)
		remember_nothing(f);
	/* One that nobody has written NOBODY into the config of is told anew. */
	if (linked && !config_must_rewrite(f, &st))
		return f->say(f, FAILOVER_DONE, "slave of %s:%u", master.host,
		    master.port);
	if (st.loading)		/* it takes no REPLICAOF until it has all */
		return say_copying(f, &st);
	r = check_master(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	/* What it has got so far would be thrown away. */
	if (st.syncing && own_points_at_master(f, &st))
		return say_copying(f, &st);
	if (follow(f, &st) != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	return wait_for_link(f, &st);
}

/*
 * master.c - ensure_master, once everything that the previous master has
 * written is applied.
 */
#include "own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "position.h"
#include "settings.h"
#include "slave.h"

/* With what holds it up: a lock of somebody's backup, say. */
static enum failover_result
say_waits(struct failover *f, int64_t count, const char *missing)
{
	char	 lock[128] = "";
	int64_t	 unapplied;

	if (!copy_unapplied(&own, &unapplied, lock, sizeof(lock)))
		return own_sorry(f, "can't see what is applied", &own.server);
	return f->say(f, FAILOVER_AGAIN, "waits for %lld transactions: %s%s%s",
	    (long long)count, missing, *lock == '\0' ? "" :
	    "; applying them is blocked: ", lock);
}

/* Until all of the position is applied. */
static enum failover_result
wait_for_position(struct failover *f, const char *position)
{
	char			*quoted, missing[FAILOVER_SENTENCE / 2];
	int64_t			 count;
	enum failover_result	 r;
	bool			 ok;

	if (!copy_lacks(&own, APPLIED, position, missing, sizeof(missing),
	    &count))
		return own_sorry(f, position, &own.server);
	if (count == 0)
		return FAILOVER_DONE;
	quoted = server_quote(&own.server, position);
	ok = quoted != NULL && server_run(&own.server, NULL,
	    "SELECT %s(%s, 1)", own.dialect->wait, quoted);
	free(quoted);
	if (!ok)
		return own_sorry(f, "can't wait for transactions", &own.server);
	if ((r = own_look_again(f)) != FAILOVER_DONE)
		return r;
	if (!copy_lacks(&own, APPLIED, position, missing, sizeof(missing),
	    &count))
		return own_sorry(f, position, &own.server);
	if (count == 0)
		return FAILOVER_DONE;
	if (own.slave && !own.applying && own.apply_error != 0)
		return fit_say_stopped(f);
	return say_waits(f, count, missing);
}

/* What the master before has, if it can be asked; "" otherwise.  It may have
 * come back, read-only, with what nobody has received yet.  When there has been
 * time enough for that, it only must not take writes. */
static enum failover_result
ask_previous(struct failover *f, char *position, size_t size, bool *ends)
{
	struct copy		 previous;
	const char		*id, *its;
	enum failover_result	 r = copy_ask(f, &previous, f->previous_host,
				    f->previous_port);

	*position = '\0';
	*ends = r != FAILOVER_DONE && server_is_down(&previous.server);
	/* The password file. */
	if (r != FAILOVER_DONE && previous.server.error == 0)
		return f->enough ? FAILOVER_DONE : FAILOVER_AGAIN;
	if (r != FAILOVER_DONE && server_is_full(&previous.server) && !f->enough) {
		copy_close(&previous);
		return f->say(f, FAILOVER_AGAIN, "the previous master, %s:%u, "
		    "runs, but has no free connection to ask whether it takes "
		    "writes", f->previous_host, f->previous_port);
	}
	if (r != FAILOVER_DONE) {
		if (!*ends)
			f->log(f, FAILOVER_WARNING, "the previous master: "
			    "%s:%u: %s", f->previous_host, f->previous_port,
			    previous.server.text);
		copy_close(&previous);
		return FAILOVER_DONE;
	}
	id = table_get(&own.variables, 0, "id");
	its = table_get(&previous.variables, 0, "id");
	if (id != NULL && its != NULL && strcmp(id, its) == 0)
		r = FAILOVER_DONE;
	else if (!previous.read_only)
		r = f->say(f, FAILOVER_AGAIN, "the previous master, %s:%u, "
		    "still takes writes", f->previous_host, f->previous_port);
	else if (!f->enough &&
	    !copy_position(&previous, APPLIED, position, size))
		r = f->say(f, FAILOVER_AGAIN, "the previous master: %s",
		    previous.server.text);
	copy_close(&previous);
	return r;
}

/* While it is connected, the last transactions of a server that goes down in
 * good order may be under way.  One whose host is gone stays connected, but takes
 * no connection and refuses none, so it is waited for in this call only. */
static enum failover_result
wait_for_end_of_stream(struct failover *f, bool ends)
{
	enum failover_result	 r = FAILOVER_DONE;
	int64_t			 until = f->time_left(f) -
				    slave_time_within(f, CATCH_UP);

	while (r == FAILOVER_DONE && own.receiving == RECEIVING_YES &&
	    f->time_left(f) > until) {
		server_pause(SETTLE);
		r = own_look_again(f);
	}
	if (r == FAILOVER_DONE && ends && own.receiving == RECEIVING_YES &&
	    copy_follows(&own, f->previous_host, f->previous_port))
		return f->say(f, FAILOVER_AGAIN, "the previous master, %s:%u, "
		    "is shutting down, and still sends", f->previous_host,
		    f->previous_port);
	return r;
}

/* Nothing that was received is thrown away: RESET does that, and so does a
 * start of MariaDB's threads when both are stopped. */
static enum failover_result
apply_received(struct failover *f)
{
	char			*received;
	enum failover_result	 r = slave_stop_receiving(f);

	if (r != FAILOVER_DONE)
		return r;
	received = strdup(copy_received(&own));	/* the next look frees it */
	if (received == NULL)
		return f->say(f, FAILOVER_FAILED, "%s", strerror(errno));
	r = wait_for_position(f, received);
	free(received);
	return r;
}

/* What was received is applied at once from now on.  MariaDB changes that only
 * where both threads are stopped, and throws away then what was received, unless
 * it is told where in it to go on; it does not go by GTIDs after that, which is
 * of no matter for what has them.  MySQL keeps it while one thread runs. */
static enum failover_result
end_delay(struct failover *f)
{
	struct server		*s = &own.server;
	const struct dialect	*d = own.dialect;
	enum failover_result	 r = FAILOVER_DONE;
	char			*file;
	bool			 ok;

	f->log(f, FAILOVER_WARNING, "ends the delay of %lld s, to apply what "
	    "was received", (long long)own.delay);
	if (!d->mariadb && own.receiving == RECEIVING_NO &&
	    !server_run(s, NULL, "%s", d->start_receiving))
		return own_sorry(f, "can't end the delay", s);
	if (!server_run(s, NULL, "%s", d->stop_applying))
		return own_sorry(f, "can't end the delay", s);
	if ((r = own_look_again(f)) != FAILOVER_DONE)
		return r;
	/* Its master may have refused it once more. */
	if (!d->mariadb && own.receiving == RECEIVING_NO)
		return f->say(f, FAILOVER_FAILED, "can't end the delay: both "
		    "threads are stopped, so what was received would be "
		    "discarded with it");
	file = server_quote(s, table_text(&own.status, "Relay_Log_File"));
	if (!d->mariadb)
		ok = server_run(s, NULL, "%s %s_DELAY=0", d->follow,
		    d->capitals);
	else
		ok = file != NULL && server_run(s, NULL, "%s %s_DELAY=0, "
		    "RELAY_LOG_FILE=%s, RELAY_LOG_POS=%s", d->follow,
		    d->capitals, file, table_text(&own.status,
		    "Relay_Log_Pos"));
	free(file);
	if (!ok || !server_run(s, NULL, "%s", d->start_applying))
		return own_sorry(f, "can't end the delay", s);
	return own_look_again(f);
}

/* When both threads are stopped, the start of one throws away what was received
 * and not applied; unless it does not go by GTIDs, see end_delay. */
static enum failover_result
start_applying(struct failover *f)
{
	char	 missing[FAILOVER_SENTENCE / 2];
	int64_t	 count = 0;

	if (own.applying)
		return FAILOVER_DONE;
	if (own.receiving == RECEIVING_NO && (!copy_lacks(&own, APPLIED,
	    copy_received(&own), missing, sizeof(missing), &count)))
		return own_sorry(f, "GTIDs", &own.server);
	if (own.receiving == RECEIVING_NO && count > 0 &&
	    strcmp(table_text(&own.status, "Using_Gtid"), "No") != 0)
		return f->say(f, FAILOVER_FAILED, "has received but not "
		    "applied %s, and both threads are stopped: a start would "
		    "discard that", missing);
	if ((own.receiving != RECEIVING_NO || count > 0) && !server_run(&own.server, NULL,
	    "%s", own.dialect->start_applying))
		return own_sorry(f, "can't apply what was received",
		    &own.server);
	return FAILOVER_DONE;
}

static enum failover_result
end_replication(struct failover *f)
{
	if (!server_run(&own.server, NULL, "%s", own.dialect->stop) ||
	    !server_run(&own.server, NULL, "%s", own.dialect->forget))
		return own_sorry(f, "can't end replication", &own.server);
	return FAILOVER_DONE;
}

/* Before the end of a delay ends the stream. */
static enum failover_result
receive_all(struct failover *f, const char *wanted, bool ends)
{
	char	 missing[FAILOVER_SENTENCE / 2];
	int64_t	 count;

	if (*wanted == '\0')
		return f->enough ? FAILOVER_DONE : wait_for_end_of_stream(f,
		    ends);
	if (!copy_lacks(&own, RECEIVED, wanted, missing, sizeof(missing),
	    &count))
		return own_sorry(f, wanted, &own.server);
	return count == 0 ? FAILOVER_DONE : say_waits(f, count, missing);
}

/* Everything of the old master's is here, and replication is over. */
static enum failover_result
finish_replication(struct failover *f, const char *wanted, bool ends)
{
	enum failover_result	 r;

	/* By promote, without what it can't apply. */
	if (f->promote && !own.applying &&
	    (own.apply_error != 0 || own.receiving == RECEIVING_NO))
		return end_replication(f);
	if (own.delay > 0 && ((r = receive_all(f, wanted, ends)) !=
	    FAILOVER_DONE || (r = end_delay(f)) != FAILOVER_DONE))
		return r;
	if ((r = start_applying(f)) != FAILOVER_DONE)
		return r;
	if (*wanted != '\0')
		r = wait_for_position(f, wanted);
	else if (!f->enough)
		r = wait_for_end_of_stream(f, ends);
	if (r != FAILOVER_DONE || (r = apply_received(f)) != FAILOVER_DONE)
		return r;
	return end_replication(f);
}

/* It lacks something, and does not get it from where that is. */
static bool
must_fetch(struct failover *f, const char *wanted)
{
	char	 missing[FAILOVER_SENTENCE];
	int64_t	 count;

	return *wanted != '\0' && *f->previous_host != '\0' &&
	    (own.receiving == RECEIVING_NO ||
	    !copy_follows(&own, f->previous_host, f->previous_port)) &&
	    copy_lacks(&own, RECEIVED, wanted, missing, sizeof(missing),
	    &count) && count > 0;
}

/* By replication from the master before; but what was received from another one
 * is applied first, in case that this one goes away, too.  A failure is asked
 * again until there has been time enough: it is not this copy's. */
static enum failover_result
fetch(struct failover *f)
{
	if (own.slave && own.delay > 0 && end_delay(f) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!own.slave || !own.applying || apply_received(f) == FAILOVER_DONE)
		slave_follow(f, f->previous_host, f->previous_port);
	return FAILOVER_AGAIN;
}

static enum failover_result
open_writes(struct failover *f)
{
	enum failover_result	 r = slave_set_semi_sync(f, true);

	if (r != FAILOVER_DONE)
		return r;
	if (!server_run(&own.server, NULL, "%s", own.dialect->unblock))
		return own_sorry(f, "can't allow writes", &own.server);
	if (f->number(f, "events") && !server_run(&own.server, NULL,
	    "SET GLOBAL event_scheduler = ON"))
		return own_sorry(f, "can't start the event scheduler",
		    &own.server);
	if (*f->memory != '\0' && f->remember(f, "") != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "the master by promote, but can't "
		    "clear the record: %s", f->memory);
	return f->say(f, FAILOVER_DONE, "master");
}

enum failover_result
ensure_master(struct failover *f)
{
	char			 previous[FAILOVER_POSITION] = "";
	int64_t			 unapplied;
	const char		*wanted = f->enough ? "" :
				    position_split(f->target, &unapplied);
	enum failover_result	 r;
	bool			 ends = false;

	if ((r = own_look(f)) != FAILOVER_DONE ||
	    (r = settings_check(f)) != FAILOVER_DONE ||
	    (r = settings_check_filters(f)) != FAILOVER_DONE)
		return r;
	if (!own.slave && !own.read_only)
		return open_writes(f);
	if (*f->memory != '\0' && !f->promote)
		return fit_say_refused(f);
	if (fit_is_stuck(f) && !f->promote)
		return fit_say_stopped(f);
	if (*wanted == '\0' && *f->previous_host != '\0') {
		r = ask_previous(f, previous, sizeof(previous), &ends);
		if (r != FAILOVER_DONE)
			return r;
		wanted = previous;
	}
	if (must_fetch(f, wanted))
		return fetch(f);
	if (own.slave)
		r = finish_replication(f, wanted, ends);
	else if (*wanted != '\0')
		r = wait_for_position(f, wanted);
	return r == FAILOVER_DONE ? open_writes(f) : r;
}

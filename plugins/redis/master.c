/* master.c - ensure_master, once the copy has the last bytes of the previous
 * master. */
#include "master.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fit.h"
#include "own.h"
#include "remember.h"

#define CATCH_UP	500	/* ms of waiting for bytes in one call */

char	made[HISTORY_ID + 1];
int64_t	lacks;
bool	told;
bool	doubtful;

void
master_begin(void)
{
	made[0] = '\0';
	told = true;
	doubtful = false;
}

enum failover_result
master_health(struct failover *f, const struct state *st)
{
	bool	 same = strcmp(made, st->run_id) == 0;

	/* The other handler, or the guard, has just demoted it. */
	if (!st->master && same && strcmp(st->master_host, NOBODY) == 0 &&
	    st->master_port == 0)
		return f->say(f, FAILOVER_DONE, "demoted");
	if (!st->master)
		return f->say(f, FAILOVER_FAILED, "it is no longer the master "
		    "but a slave of %s:%" PRId64 ": it was restarted, or got a "
		    "REPLICAOF", st->master_host, st->master_port);
	/* What it reads from disk may be old or nothing: another copy may have
	 * more, until its slaves have followed it. */
	if (made[0] != '\0' && !same)
		return f->say(f, FAILOVER_FAILED, "Redis was restarted while "
		    "it was the master, and has %" PRId64 " keys now: the copy "
		    "that has most should be the master", st->history.keys);
	if (st->loading)
		return f->say(f, FAILOVER_AGAIN, "Redis is loading its data "
		    "from disk");
	strcpy(made, st->run_id);
	return f->say(f, FAILOVER_DONE, "master with %" PRId64 " slaves and %"
	    PRId64 " keys", st->slaves, st->history.keys);
}

/* Who was demoted serves only the slaves that it had then.  While he lives, and
 * still has what is missing here, there is time to get him back. */
static enum failover_result
do_without(struct failover *f, const struct history *target)
{
	struct state	 before;
	enum answer	 a;

	snprintf(master.host, sizeof(master.host), "%s", f->previous_host);
	master.port = f->previous_port;
	a = server_state(&master, own_patience(f), &before);
	server_close(&master);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_AGAIN, "this copy lacks the last "
		    "bytes of the previous master: %s", master.why);
	if (history_has(&before.history, target) == HISTORY_YES)
		return f->say(f, FAILOVER_AGAIN, "this copy lacks the last "
		    "bytes of the previous master, %s:%u, and has no link to "
		    "it: stop the agent here to make that one master again; "
		    "after [election] catch_up it continues without them",
		    master.host, master.port);
	f->log(f, FAILOVER_WARNING, "the previous master, %s:%u, was "
	    "restarted: it is unknown whether this copy has all of its data",
	    master.host, master.port);
	return FAILOVER_DONE;
}

static enum failover_result
catch_up(struct failover *f, struct state *st)
{
	int64_t		 until = deadline_now() + CATCH_UP;
	struct history	 target;

	if (f->enough && lacks != 0)
		f->log(f, FAILOVER_WARNING, "it is made master without the "
		    "last bytes of the previous master, %s:%u: %" PRId64 " "
		    "(-1: unknown)", f->previous_host, f->previous_port, lacks);
	if (f->enough || f->target[0] == '\0')
		return FAILOVER_DONE;
	if (!history_parse(&target, f->target))
		return f->say(f, FAILOVER_AGAIN, "the previous master left a "
		    "position that is not from Redis: %.100s", f->target);
	while ((lacks = history_lacks(&st->history, &target)) != 0) {
		if (!st->link_up && !st->syncing)
			return do_without(f, &target);
		if (deadline_now() >= until || own_patience(f) <= MARGIN)
			return f->say(f, FAILOVER_AGAIN, "waits for the last "
			    "bytes of the previous master, %s:%u: has %" PRId64
			    " of %" PRId64, f->previous_host, f->previous_port,
			    st->history.offset, target.offset);
		usleep(1000);
		if (server_state(&local, own_patience(f), st) != ANSWER_OK)
			return f->say(f, FAILOVER_FAILED, "%s", local.why);
	}
	return FAILOVER_DONE;
}

enum failover_result
ensure_master(struct failover *f)
{
	struct state		 st;
	enum failover_result	 r = own_look(f, &st);

	if (f->role != FAILOVER_MASTER)
		master_begin();
	if (r != FAILOVER_DONE)
		return r;
	if (f->role != FAILOVER_MASTER && st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis is loading its data "
		    "from disk");
	if (f->role != FAILOVER_MASTER && own_lost_all(&st.history) &&
	    !f->number(f, "follow_empty_master"))
		return f->say(f, FAILOVER_FAILED, "this copy has lost its "
		    "data: it had %" PRId64 " keys and has none now, and as "
		    "the master would wipe its slaves. Let another copy be "
		    "elected, or set follow_empty_master = yes", seen.keys);
	if (f->role != FAILOVER_MASTER && (fit_lacks(f) != FAILOVER_DONE ||
	    (!st.master && fit_differs(f, &st, own_ignores_maxmemory(f, &st)) !=
	    FAILOVER_DONE)))
		return FAILOVER_FAILED;
	r = f->role == FAILOVER_MASTER ? master_health(f, &st) :
	    catch_up(f, &st);
	if (r != FAILOVER_DONE)
		return r;
	if (!st.master && server_ask(&local, own_patience(f), NULL,
	    "REPLICAOF NO ONE") != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	if (st.master && f->role != FAILOVER_MASTER &&
	    !config_close_next_start(f, &st))
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	strcpy(made, st.run_id);
	lacks = 0;
	remember_nothing(f);
	return f->say(f, FAILOVER_DONE, "master with %" PRId64 " keys, epoch "
	    "%" PRIu64, st.history.keys, f->epoch);
}

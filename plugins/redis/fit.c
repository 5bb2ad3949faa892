/* fit.c - known problems of a copy's data. */
#include "fit.h"

#include <inttypes.h>
#include <string.h>

#include "remember.h"

/* Can it go on where it is?  Else it is given all data anew. */
static bool
can_go_on(const struct history *h, const struct state *m)
{
	return m->backlog > 0 && h->offset + 1 >= m->backlog &&
	    history_common(h, &m->history) == h->offset;
}

void
fit_compare(struct failover *f, const struct state *st,
    const struct server *master, const struct state *m)
{
	/* How long the link is down to the master that it follows already. */
	bool	 same = st->master_port == master->port &&
		    strcmp(st->master_host, master->host) == 0;
	int64_t	 down = same && !st->link_up ? st->silence : 0;

	if (history_has(&st->history, &m->history) != HISTORY_NO)
		return;
	if (!can_go_on(&st->history, m))
		remember_that(f, "this copy, with %" PRId64 " keys, lacks data "
		    "of the master %.100s:%u, which must send it everything "
		    "again", st->history.keys, master->host, master->port);
	else if (down * 1000 > f->number(f, "max_silence"))
		remember_that(f, "this copy has had no link to the master "
		    "%.100s:%u for %" PRId64 " s, and lacks %" PRId64 " bytes "
		    "of it", master->host, master->port, down,
		    history_lacks(&st->history, &m->history));
}

void
fit_refused(struct failover *f, const struct server *master)
{
	remember_that(f, "its master refuses this copy: %s", master->why);
}

enum failover_result
fit_lacks(struct failover *f)
{
	if (f->memory[0] == '\0' || f->promote)
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_FAILED, "%.300s: let it fetch them, or make "
	    "a new copy; to make it master anyway: consul-failover promote",
	    f->memory);
}

/* Redis counts errors of its master's commands, of its own slaves while it is a
 * master, and of its AOF at the start, in one number, and never begins anew:
 * what tells is by how much it grows from one look at a slave to the next. */
static int64_t		failed;		/* since all data came from a master */

void
fit_note(const struct state *st)
{
	static struct state	 before;
	bool			 same = strcmp(before.run_id, st->run_id) == 0;

	if (!same || before.loading || st->master || st->syncing ||
	    st->errors < before.errors ||
	    history_common(&before.history, &st->history) == -1)
		failed = 0;
	else if (!before.master)
		failed += st->errors - before.errors;
	before = *st;
}

enum failover_result
fit_differs(struct failover *f, const struct state *st, bool ignores_maxmemory)
{
	if (f->promote || f->number(f, "allow_other_data"))
		return FAILOVER_DONE;
	if (failed > 0)
		return f->say(f, FAILOVER_FAILED, "unexpected_error_replies "
		    "has grown by %" PRId64 " since it became a slave: "
		    "commands of its master fail here, so its data differs at "
		    "the same offset; stop Redis, remove its data files and "
		    "start it; if the errors have another cause, CONFIG "
		    "RESETSTAT; or set allow_other_data = yes", failed);
	if (st->evicts && !ignores_maxmemory)
		return f->say(f, FAILOVER_FAILED, "replica-ignore-maxmemory is "
		    "no: at maxmemory this copy drops keys that its master "
		    "has, at the same offset; set it to yes, or set "
		    "allow_other_data = yes");
	return FAILOVER_DONE;
}

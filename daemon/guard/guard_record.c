/* guard_record.c - what one guard writes for the next. */
#include "guard_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "guard_state.h"

/* Padded to one size: see runfile_save. */
void
guard_record_print(const struct guard *g, char text[GUARD_RECORD])
{
	int	n;

	n = snprintf(text, GUARD_RECORD, "%" PRId64 " %" PRId64 " %" PRId64
	    " %" PRIu64 " %d %s %" PRId64, g->lease.until, g->lease.by,
	    g->clean_at_ms, g->epoch, g->doing == FAILED,
	    g->session[0] != '\0' ? g->session : "-",
	    g->doing == DEMOTING || g->doing == LEAVING ? g->deadline_ms : 0);
	memset(text + n, ' ', GUARD_RECORD - (size_t)n);
	text[GUARD_RECORD - 1] = '\n';
}

void
guard_record_inherit(struct guard *g, const char *text)
{
	char		session[64];
	int64_t		until, by, clean_at;
	uint64_t	epoch;
	int		failed;

	if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64
	    " %d %63s", &until, &by, &clean_at, &epoch, &failed, session) != 6 ||
	    until <= 0 || until > NEVER || by > NEVER)
		return;
	g->clean_at_ms = clean_at;
	g->epoch = epoch;
	if (strcmp(session, "-") != 0)
		memcpy(g->session, session, sizeof session);
	lease_hold(&g->lease, until, by);
	if (failed == 0)
		return;
	/* What could be done has been done: the agent tries now. */
	g->lease.fired = g->heard = g->fenced = true;
	g->doing = FAILED;
	g->deadline_ms = clock_ms() + TRY_PAUSE;
}

int64_t
guard_record_wait_ms(const char *text, int64_t until_ms)
{
	int64_t	busy;

	if (sscanf(text, "%*d %*d %*d %*u %*d %*s %" SCNd64, &busy) != 1 ||
	    busy + GUARD_HAND_OVER < until_ms)
		return until_ms;
	return busy + GUARD_HAND_OVER;
}

int64_t
guard_record_limit_ms(const struct guard *g)
{
	return g->lease.demote_deadline_ms + LEASE_SLACK_MS + LEAVE_LIMIT;
}

/* position.c - our copy's position, as the election compares it. */
#include "position.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

/* Of two copies that have received the same, the one that could serve much later
 * stands back: how much it must apply before stands in front of its position, as
 * "unapplied=1000 0-1-100". */
#define UNAPPLIED	"unapplied="

const char *
position_split(const char *text, int64_t *unapplied)
{
	const char	*gtids = strchr(text, ' ');

	*unapplied = 0;
	if (strncmp(text, UNAPPLIED, strlen(UNAPPLIED)) != 0 || gtids == NULL)
		return text;
	*unapplied = strtoll(text + strlen(UNAPPLIED), NULL, 10);
	return gtids + 1;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	char			 gtids[FAILOVER_POSITION - 64], lock[128];
	int64_t			 unapplied;
	enum failover_result	 r = own_look(f);

	if (r != FAILOVER_DONE)
		return r;
	if (!copy_position(&own, own.slave ? RECEIVED : APPLIED, gtids,
	    sizeof(gtids)) ||
	    !copy_unapplied(&own, &unapplied, lock, sizeof(lock)))
		return f->say(f, FAILOVER_FAILED, "%s", own.server.text);
	if (unapplied < COPY_LATE)
		snprintf(text, size, "%s", gtids);
	else
		snprintf(text, size, UNAPPLIED "%lld %s", (long long)unapplied,
		    gtids);
	return FAILOVER_DONE;
}

/* We have all that it names; and it names all that we have, and is sooner. */
static enum failover_result
is_as_soon(struct failover *f, const char *gtids, int64_t its)
{
	char	 ours[FAILOVER_POSITION], lock[128];
	int64_t	 unapplied;

	if (!copy_unapplied(&own, &unapplied, lock, sizeof(lock)) ||
	    (unapplied >= COPY_LATE && !copy_position(&own, RECEIVED, ours,
	    sizeof(ours))))
		return f->say(f, FAILOVER_AGAIN, "%s", own.server.text);
	if (unapplied < COPY_LATE || its > unapplied / 2 ||
	    strcmp(ours, gtids) != 0)
		return f->say(f, FAILOVER_DONE, "nothing is missing");
	return f->say(f, FAILOVER_FAILED, "nothing is missing, but %lld "
	    "transactions are to be applied first%s%s", (long long)
	    (unapplied % COPY_HELD), *lock == '\0' ? "" : ": ", lock);
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	char		 missing[FAILOVER_SENTENCE];
	int64_t		 behind, its;
	const char	*gtids = position_split(text, &its);

	if (own_look(f) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!copy_lacks(&own, own.slave ? RECEIVED : APPLIED, gtids, missing,
	    sizeof(missing), &behind))
		return f->say(f, FAILOVER_AGAIN, "%s", own.server.text);
	if (behind == 0)
		return is_as_soon(f, gtids, its);
	return f->say(f, FAILOVER_FAILED, "%lld transactions are missing: %s",
	    (long long)behind, missing);
}

int64_t
behind(struct failover *f, const char *text)
{
	char	 missing[FAILOVER_SENTENCE];
	int64_t	 count, its;

	if (own_look(f) != FAILOVER_DONE || !copy_lacks(&own, own.slave ?
	    RECEIVED : APPLIED, position_split(text, &its), missing,
	    sizeof(missing), &count))
		return -1;
	return count;
}

/*
 * fit.c - known problems of this copy, which remain when its master is gone:
 * "core NAME was empty, and lacks generation N of the master URL".
 */
#include "fit.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "fetch.h"
#include "remember.h"
#include "restart.h"

#define STALE_LIMIT	30000	/* ms without getting what the master has */

#define LACKS		", and lacks generation "
#define DIVERGED_WORDS	"has diverged"
#define REFUSED_WORDS	"has refused this copy"

/* Since when a core has not got further than this, although its master has. */
static struct stale {
	struct place	 at;
	int64_t		 since;		/* ms; 0: it is not */
	struct place	 noted;		/* ours, when it was noted */
	unsigned long long	 lacks;	/* generation; 0: nothing is */
} stale[CORES];

/* Has our core fetched since what it lacked?  A fetch that was under way goes on
 * when the master is gone.  One that has diverged has generations of its own. */
static bool
has_fetched(struct failover *f)
{
	const char	*lacked = strstr(f->memory, LACKS);
	bool		 noted, reached = false;
	size_t		 n, length;

	if (lacked == NULL || strstr(f->memory, DIVERGED_WORDS) != NULL)
		return false;
	for (n = 0; cores[n] != NULL; n++) {
		struct replication	r;

		if (!replication_ask(f, http_here(), cores[n], &r) ||
		    r.place.version == 0)
			return false;
		length = strlen(cores[n]);
		noted = strncmp(f->memory + strlen("core "), cores[n],
		    length) == 0 && f->memory[strlen("core ") + length] == ' ';
		reached = reached || (noted && r.place.generation >=
		    strtoull(lacked + strlen(LACKS), NULL, 10));
	}
	return reached;
}

bool
fit_lacks(struct failover *f)
{
	if (f->memory[0] == '\0' || f->promote)
		return false;
	if (has_fetched(f)) {
		remember_nothing(f);
		return false;
	}
	f->say(f, FAILOVER_FAILED, "%.300s: let it fetch that, or make a new "
	    "copy; to make it master anyway: consul-failover promote",
	    f->memory);
	return true;
}

/* Of what this handler has had remembered. */
static bool
some_core_lacks(const struct failover *f)
{
	bool	 any = false;
	size_t	 n;

	for (n = 0; n < CORES; n++) {
		if (f->memory[0] == '\0')
			stale[n].lacks = 0;
		any = any || stale[n].lacks != 0;
	}
	return any;
}

void
fit_note_lacking(struct failover *f, size_t n, const char *base,
    struct place ours, struct place theirs, const char *why)
{
	stale[n].noted = ours;
	stale[n].lacks = theirs.generation;
	remember_that(f, "core %s %s" LACKS "%llu of the master "
	    "%.200s", cores[n], ours.version == 0 ? "was empty" :
	    place_compare(ours, theirs) == DIVERGED ? DIVERGED_WORDS : why,
	    (unsigned long long)theirs.generation, base);
}

/* Any slave is a bit behind.  One that was empty, that has diverged, or that has
 * stood still for long lacks what its master has.  A fetch may take its time:
 * whether it stood still is told when none runs. */
void
fit_note_stale(struct failover *f, size_t n, const char *base,
    const struct replication *r, struct place theirs,
    enum failover_result result)
{
	struct stale	*s = &stale[n];
	struct place	 ours = r->place;
	bool		 diverged = place_compare(ours, theirs) == DIVERGED;
	bool		 any;

	if (s->since == 0 || !place_lacks(ours, theirs) ||
	    place_compare(s->at, ours) != SAME) {
		s->at = ours;
		s->since = place_lacks(ours, theirs) ? deadline_now() : 0;
	}
	if (!place_lacks(ours, theirs) || (diverged && fetch_may_discard(f)) ||
	    (ours.version != 0 && !(diverged && result == FAILOVER_FAILED) &&
	    (r->fetching || deadline_now() - s->since < STALE_LIMIT)))
		return;
	/* The first that was noted is what it has to reach; what an earlier
	 * handler has noted stands until it has all. */
	any = some_core_lacks(f);
	if (f->memory[0] == '\0' || (any && s->lacks == 0))
		fit_note_lacking(f, n, base, ours, theirs,
		    "could not be fetched for a long time");
}

void
fit_note_fresh(size_t n)
{
	stale[n].since = 0;
}

/* A master that does not let us in could have anything by now.  With the method
 * restart Solr polls it as another user. */
void
fit_note_refused(struct failover *f, const char *base, long status)
{
	struct replication	 ours;
	size_t			 n;

	if ((status != 401 && status != 403) || restart_is_method(f) ||
	    f->memory[0] != '\0')
		return;
	for (n = 0; cores[n] != NULL; n++)
		if (replication_ask(f, http_here(), cores[n], &ours) &&
		    ours.fetching)
			return;
	remember_that(f, "the master %.150s " REFUSED_WORDS " (HTTP %ld), which "
	    "may lack what was written since", base, status);
}

bool
fit_was_refused(const struct failover *f)
{
	return strstr(f->memory, REFUSED_WORDS) != NULL;
}

/* A master that is written to is never reached: that generation is enough. */
void
fit_forget_reached(struct failover *f, size_t n, struct place ours,
    struct place theirs)
{
	struct stale	*s = &stale[n];

	if (!some_core_lacks(f) || s->lacks == 0 ||
	    place_compare(s->noted, ours) == SAME ||
	    ours.generation < s->lacks ||
	    place_compare(ours, theirs) == DIVERGED)
		return;
	s->lacks = 0;
	if (!some_core_lacks(f))
		remember_nothing(f);
}

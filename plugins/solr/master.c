/*
 * master.c - ensure_master: the fence of the copy is opened.
 */
#include "master.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fence.h"
#include "fetch.h"
#include "fit.h"
#include "remember.h"
#include "restart.h"

#define FETCH_LIMIT	10	/* s after which a promotion waits no more */

/* How is the fence of the master before?  One that is up and closed has all
 * that it ever acknowledged, and keeps it.  One that does not answer is open:
 * nothing is to be had from it. */
static enum fence
fence_before(struct failover *f, const char *core, char base[static URL_SIZE])
{
	struct answer	 a;
	bool		 up;

	if (*f->previous_host == '\0' ||
	    !http_there(base, f->previous_host, f->previous_port) ||
	    strcmp(base, http_here()) == 0)
		return FENCE_OPEN;
	up = http_get(f, &a, PATIENCE, base, "/%s/config/params?", core);
	answer_free(&a);
	return up ? fence_ask(f, base, core) : FENCE_OPEN;
}

/* Brings the core to what the master before can be asked for.  What goes wrong
 * is tried again: without it acknowledged updates are lost. */
static enum failover_result
fetch_rest(struct failover *f, const char *core)
{
	char			 base[URL_SIZE];
	struct replication	 ours, theirs;
	enum fence		 before = fence_before(f, core, base);

	if (before == FENCE_OPEN)
		return FAILOVER_DONE;
	if (before == FENCE_UNKNOWN || !fetch_commit(f, core, base) ||
	    !replication_ask(f, base, core, &theirs) ||
	    !replication_ask(f, http_here(), core, &ours))
		return FAILOVER_AGAIN;
	if (!place_lacks(ours.place, theirs.place))
		return FAILOVER_DONE;
	if (place_compare(ours.place, theirs.place) == DIVERGED &&
	    !fetch_may_discard(f))
		return f->say(f, FAILOVER_AGAIN, "core %s has generation %llu, "
		    "and the previous master, %s, %llu: they have diverged; "
		    "with on_divergence = follow this copy would be replaced",
		    core, (unsigned long long)ours.place.generation, base,
		    (unsigned long long)theirs.place.generation);
	return fetch(f, core, base) == FAILOVER_DONE ? FAILOVER_DONE :
	    FAILOVER_AGAIN;
}

/* Brings the core to what the master before left, and to what it has. */
static enum failover_result
catch_up(struct failover *f, const char *core)
{
	struct replication	 ours;
	struct place		 target;

	if (f->enough)
		return FAILOVER_DONE;
	if (fetch_rest(f, core) != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!replication_ask(f, http_here(), core, &ours))
		return FAILOVER_FAILED;
	if (place_find(f->target, core, &target) &&
	    place_lacks(ours.place, target))
		return f->say(f, FAILOVER_AGAIN, "core %s has generation %llu, "
		    "and lacks what the previous master left with %llu%s%s",
		    core,
		    (unsigned long long)ours.place.generation,
		    (unsigned long long)target.generation,
		    *f->previous_host != '\0' ? "; waits for " : "",
		    f->previous_host);
	return FAILOVER_DONE;
}

/* Is it our own fetch from the master before? */
static bool
fetches_rest(struct failover *f, const char *core, const struct replication *r)
{
	char	 base[URL_SIZE], url[URL_SIZE + 256];

	if (*f->previous_host == '\0' ||
	    !http_there(base, f->previous_host, f->previous_port))
		return false;
	snprintf(url, sizeof(url), "%s/%s", base, core);
	return strcmp(r->url, url) == 0;
}

/* No fetch may run, or start, when the first write comes: it would undo it. */
static enum failover_result
stop_fetching(struct failover *f, const char *core, struct replication *r)
{
	if (!replication_ask(f, http_here(), core, r))
		return FAILOVER_FAILED;
	if (r->follower && !r->poll_off &&
	    (!replication_do(f, core, "disablepoll") ||
	    !replication_ask(f, http_here(), core, r)))
		return FAILOVER_FAILED;
	if (r->fetching && (f->enough || (r->seconds >= FETCH_LIMIT &&
	    !fetches_rest(f, core, r))) &&
	    !replication_do(f, core, "abortfetch"))
		return FAILOVER_FAILED;
	if (r->fetching)
		return f->say(f, FAILOVER_AGAIN, "core %s still fetches from "
		    "%s", core, r->url);
	if (r->leader && !r->serving &&
	    !replication_do(f, core, "enablereplication"))
		return FAILOVER_FAILED;
	return FAILOVER_DONE;
}

static enum failover_result
promote(struct failover *f, const char *core)
{
	struct replication	 r;
	enum failover_result	 result = stop_fetching(f, core, &r);
	struct place		 target;
	enum fence		 fence;

	if (result != FAILOVER_DONE)
		return result;
	fence = fence_ask(f, http_here(), core);
	if (fence == FENCE_UNKNOWN)
		return FAILOVER_FAILED;
	if (fence == FENCE_OPEN && (!place_find(f->target, core, &target) ||
	    !place_is_older(r.place, target)))
		return FAILOVER_DONE;	/* it has been the master's */
	if (!fence_set(f, core, FENCE_CLOSED))
		return FAILOVER_FAILED;
	return catch_up(f, core);
}

pid_t	 masters[CORES];	/* who had them open when it was done */

/* Before Solr is asked: who ends before it answers is nobody any more, while one
 * that is started after it has answered would be taken for it. */
static void
find_users(struct failover *f, pid_t users[static CORES])
{
	char	 where[PATH_MAX];
	size_t	 n;

	for (n = 0; cores[n] != NULL; n++)
		users[n] = fence_index_user(f->option(f, "home"), cores[n],
		    where);
}

enum failover_result
ensure_master(struct failover *f)
{
	enum failover_result	 result;
	pid_t			 users[CORES] = { 0 };
	size_t			 n;

	find_users(f, users);
	result = restart_server_fit(f);
	if (result == FAILOVER_DONE && f->role != FAILOVER_MASTER &&
	    fit_lacks(f))
		return FAILOVER_FAILED;
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		result = promote(f, cores[n]);
	if (result == FAILOVER_DONE && restart_is_method(f))
		result = restart_as(f, true, "");
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		if (!fence_set(f, cores[n], FENCE_OPEN))
			result = FAILOVER_FAILED;
	if (result != FAILOVER_DONE)
		return result;
	memcpy(masters, users, sizeof(masters));
	remember_nothing(f);
	return f->say(f, FAILOVER_DONE, "master, epoch %llu",
	    (unsigned long long)f->epoch);
}

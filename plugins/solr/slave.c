/*
 * slave.c - ensure_slave: the copy fetches its master's data.
 */
#include "server.h"

#include <string.h>

#include "fence.h"
#include "fetch.h"
#include "fit.h"
#include "remember.h"
#include "restart.h"

/* A copy that would follow itself has loaded its cores at the same moment. */
static bool
is_ourselves(const struct answer *here, const struct answer *there,
    const char *core)
{
	static const char	*const same[] = { "startTime", "dataDir" };
	yajl_val		 a = server_core(here, core);
	yajl_val		 b = server_core(there, core);

	return a != NULL && b != NULL &&
	    strcmp(json_text(json_at(a, same[0], NULL)),
	    json_text(json_at(b, same[0], NULL))) == 0 &&
	    strcmp(json_text(json_at(a, same[1], NULL)),
	    json_text(json_at(b, same[1], NULL))) == 0;
}

static enum failover_result
check_master(struct failover *f, const struct answer *here, const char *base)
{
	struct answer		 there;
	enum failover_result	 result = FAILOVER_DONE;
	size_t			 n;

	if (!server_status(f, &there, base)) {
		fit_note_refused(f, base, there.status);
		result = FAILOVER_FAILED;
	}
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		if (server_core(here, cores[n]) == NULL)
			result = f->say(f, FAILOVER_FAILED, "%s has no core %s",
			    http_here(), cores[n]);
		else if (server_core(&there, cores[n]) == NULL)
			result = f->say(f, FAILOVER_FAILED, "the master %s has "
			    "no core %s", base, cores[n]);
		else if (is_ourselves(here, &there, cores[n]))
			result = f->say(f, FAILOVER_FAILED, "%s is this copy "
			    "itself: it can't be its own slave", base);
	answer_free(&there);
	return result;
}

/* Following is throwing away what we have, where the master has not got it. */
static enum failover_result
check_places(struct failover *f, const char *core, const char *base,
    struct place ours, const struct replication *master)
{
	struct place	 theirs = master->place;

	if (ours.version != 0 && (theirs.version == 0 || !master->serving))
		return f->say(f, FAILOVER_FAILED, "core %s of the master %s "
		    "%s: following it would empty this copy, of generation "
		    "%llu", core, base, theirs.version == 0 ? "is empty" :
		    "does not allow replication",
		    (unsigned long long)ours.generation);
	if (ours.generation < theirs.generation ||
	    place_compare(ours, theirs) == SAME || ours.version == 0 ||
	    fetch_may_discard(f))
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_FAILED, "core %s has generation %llu of "
	    "version %llu, its master %s has %llu of %llu: it has diverged, "
	    "and following would discard its data; on_divergence = follow "
	    "allows it", core, (unsigned long long)ours.generation,
	    (unsigned long long)ours.version, base,
	    (unsigned long long)theirs.generation,
	    (unsigned long long)theirs.version);
}

/* What all cores of a slave have to get. */
struct round {
	bool	 refused;	/* the master did not let us in before */
	bool	 differs;	/* some core has not got all yet */
	bool	 lacking;	/* and was empty, or is known to lack that */
};

/* One core of a slave; fetching is what keeps it up to date. */
static enum failover_result
follow(struct failover *f, size_t n, const char *base, struct round *all)
{
	struct replication	 ours, theirs;
	enum failover_result	 result;
	const char		*core = cores[n];
	bool			 poll, differs;

	if (!replication_ask(f, http_here(), core, &ours))
		return FAILOVER_FAILED;
	if (!replication_ask(f, base, core, &theirs)) {
		fit_note_refused(f, base, theirs.status);
		return FAILOVER_FAILED;
	}
	if (all->refused && place_lacks(ours.place, theirs.place))
		fit_note_lacking(f, n, base, ours.place, theirs.place,
		    "was refused by its master");
	result = check_places(f, core, base, ours.place, &theirs);
	/* Solr asks nobody before it follows an empty leader. */
	poll = result == FAILOVER_DONE && restart_is_method(f);
	if (ours.follower && ours.poll_off == poll &&
	    !replication_do(f, core, poll ? "enablepoll" : "disablepoll"))
		return FAILOVER_FAILED;
	differs = place_compare(ours.place, theirs.place) != SAME;
	if (result == FAILOVER_DONE && differs && !ours.fetching &&
	    !restart_is_method(f)) {
		result = fetch(f, core, base);
		differs = result != FAILOVER_DONE;
	}
	fit_forget_reached(f, n, ours.place, theirs.place);
	if (result == FAILOVER_FAILED || (differs && !restart_is_method(f)))
		fit_note_stale(f, n, base, &ours, theirs.place, result);
	else
		fit_note_fresh(n);
	all->differs = all->differs || differs;
	all->lacking = all->lacking || (differs &&
	    place_lacks(ours.place, theirs.place) &&
	    (ours.place.version == 0 || f->memory[0] != '\0'));
	/* It goes on. */
	return result == FAILOVER_AGAIN ? FAILOVER_DONE : result;
}

/* It follows, whether it has already got everything or not: one that lags a bit
 * always will.  But one that lacks what it never had is no slave until it has. */
static enum failover_result
follow_all(struct failover *f, const char *base)
{
	struct round		 all = { .refused = fit_was_refused(f) };
	enum failover_result	 result = FAILOVER_DONE;
	size_t			 n;

	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		result = follow(f, n, base, &all);
	if (result == FAILOVER_DONE && restart_is_method(f))
		result = restart_as(f, false, base);
	if (result != FAILOVER_DONE)
		return result;
	if (!all.differs)
		remember_nothing(f);
	if (all.lacking)
		return f->say(f, FAILOVER_AGAIN, "fetches what it lacks from "
		    "%s, and then becomes its slave", base);
	return f->say(f, FAILOVER_DONE, "slave of %s%s", base,
	    all.differs ? ", fetching new data" : ", up to date");
}

/* Whatever is wrong with the master: this copy takes no writes. */
static bool
close_loaded(struct failover *f, struct answer *status)
{
	bool	 ok = server_status(f, status, http_here());
	size_t	 n;

	for (n = 0; ok && cores[n] != NULL; n++)
		ok = server_core(status, cores[n]) == NULL ||
		    fence_set(f, cores[n], FENCE_CLOSED);
	return ok;
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char			 base[URL_SIZE];
	struct answer		 here;
	enum failover_result	 result = restart_server_fit(f);

	if (result != FAILOVER_DONE)
		return result;
	if (!http_there(base, master_host, f->master_port))
		return f->say(f, FAILOVER_FAILED, "%s:%u does not form a valid "
		    "URL of the master", master_host, f->master_port);
	result = close_loaded(f, &here) ? check_master(f, &here, base) :
	    FAILOVER_FAILED;
	answer_free(&here);
	return result == FAILOVER_DONE ? follow_all(f, base) : result;
}

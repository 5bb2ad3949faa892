/*
 * role.c - master, slave, demoted.
 *
 * A master is a copy whose fence is open.  All others are closed, whether they
 * follow somebody or not, so there is one way to lose the right to write.
 */
#include "solr.h"

#include "file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GLANCE		500	/* ms for a master that may be gone */
#define FETCH_WAIT	2000	/* ms in one call; it goes on without us */
#define FETCH_LIMIT	10	/* s after which a promotion waits no more */
#define STALE_LIMIT	30000	/* ms without getting what the master has */

/* Can it be made something?  Not while it restarts, but soon. */
static enum failover_result
server_fit(struct failover *f)
{
	enum server	 is = server_ask(f, PATIENCE);

	if ((is == SERVER_DOWN || is == SERVER_SILENT) && restart_is_young(f))
		return f->say(f, FAILOVER_AGAIN, "Solr restarts");
	return is == SERVER_FIT ? FAILOVER_DONE : FAILOVER_FAILED;
}

/*
 * Fetching.
 */

/* Has theirs what ours has not?  Two that have diverged both have. */
static bool
lacks(struct place ours, struct place theirs)
{
	enum relation	 r = place_compare(ours, theirs);

	return r == BEHIND || r == DIVERGED;
}

/* The same of a master that goes on: by a clock that was set back its commits
 * look as if they had diverged. */
static bool
is_older(struct place ours, struct place theirs)
{
	return lacks(ours, theirs) && theirs.generation >= ours.generation;
}

/* What this copy has, and the one that it follows has not? */
static bool
may_discard(struct failover *f)
{
	return strcmp(f->option(f, "on_divergence"), "follow") == 0;
}

/* What a fetch says; the password is in the form, so it is not shown. */
static enum failover_result
fetched(struct failover *f, const char *core, const char *base,
    const struct answer *a)
{
	const char	*said = json_text(json_at(a->json, "message", NULL));

	if (a->status == 0)
		return f->say(f, FAILOVER_AGAIN, "core %s is being fetched from "
		    "%s", core, base);
	if (*a->wrong != '\0')
		return f->say(f, FAILOVER_FAILED, "core %s: %s", core, a->wrong);
	if (strcmp(json_text(json_at(a->json, "status", NULL)), "OK") == 0)
		return FAILOVER_DONE;
	/* Another fetch has the lock, or there was a new commit meanwhile. */
	if (strstr(said, "lock") != NULL || strstr(said, "deleted") != NULL)
		return f->say(f, FAILOVER_AGAIN, "core %s is being fetched: %s",
		    core, said);
	return f->say(f, FAILOVER_FAILED, "core %s can't be fetched from %s: "
	    "%s; Solr's log says why: is that URL in allowUrls of solr.xml?",
	    core, base, said);
}

/* Replaces our index by base's, where it differs. */
static enum failover_result
fetch(struct failover *f, const char *core, const char *base)
{
	char			 form[2400], credentials[1200];
	struct answer		 a = { 0 };
	enum failover_result	 result;

	if (!http_credentials(credentials, sizeof(credentials)))
		return f->say(f, FAILOVER_FAILED, "the password is too long");
	/* Solr before 8.7 knows only the second name of the URL. */
	snprintf(form, sizeof(form), "command=fetchindex&wait=true"
	    "&leaderUrl=%s/%s&masterUrl=%s/%s%s", base, core, base, core,
	    credentials);
	http_post(f, &a, FETCH_WAIT, form, http_here(), "/%s/replication?",
	    core);
	result = fetched(f, core, base, &a);
	explicit_bzero(form, sizeof(form));
	explicit_bzero(credentials, sizeof(credentials));
	answer_free(&a);
	return result;
}

static bool	 uncommitted[CORES];	/* since the demotion */

static bool
commit(struct failover *f, const char *core, const char *base)
{
	struct answer	 a;
	bool		 ok;

	ok = http_get(f, &a, PATIENCE, base,
	    "/%s/update?commit=true&waitSearcher=false", core);
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: commit: %s", core,
		    a.wrong);
	answer_free(&a);
	return ok;
}

/*
 * What is known against this copy, and outlives its master: "core NAME was empty,
 * and lacks generation N of the master URL".
 */

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

static int64_t
now_ms(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
forget(struct failover *f)
{
	if (f->memory[0] != '\0' && f->remember(f, "") != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "it can't be forgotten (is [agent] "
		    "state_dir writable?) that %s", f->memory);
}

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
is_known_to_lack(struct failover *f)
{
	if (f->memory[0] == '\0' || f->promote)
		return false;
	if (has_fetched(f)) {
		forget(f);
		return false;
	}
	f->say(f, FAILOVER_FAILED, "%.300s: let it fetch that, or make a new "
	    "copy of it; to make it master all the same: consul-failover "
	    "promote", f->memory);
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

static void
keep_in_mind(struct failover *f, const char *text)
{
	if (f->remember(f, text) != FAILOVER_DONE)
		f->log(f, FAILOVER_WARNING, "it can't be kept in mind (is "
		    "[agent] state_dir writable?) that %s", text);
}

static void
note_lacking(struct failover *f, size_t n, const char *base,
    struct place ours, struct place theirs, const char *why)
{
	char	 text[FAILOVER_SENTENCE];

	stale[n].noted = ours;
	stale[n].lacks = theirs.generation;
	snprintf(text, sizeof(text), "core %s %s" LACKS "%llu of the master "
	    "%.200s", cores[n], ours.version == 0 ? "was empty" :
	    place_compare(ours, theirs) == DIVERGED ? DIVERGED_WORDS : why,
	    (unsigned long long)theirs.generation, base);
	keep_in_mind(f, text);
}

/* Any slave is a bit behind.  One that was empty, that has diverged, or that has
 * stood still for long lacks what its master has.  A fetch may take its time:
 * whether it stood still is told when none runs. */
static void
note_stale(struct failover *f, size_t n, const char *base,
    const struct replication *r, struct place theirs,
    enum failover_result result)
{
	struct stale	*s = &stale[n];
	struct place	 ours = r->place;
	bool		 diverged = place_compare(ours, theirs) == DIVERGED;
	bool		 any;

	if (s->since == 0 || !lacks(ours, theirs) ||
	    place_compare(s->at, ours) != SAME) {
		s->at = ours;
		s->since = lacks(ours, theirs) ? now_ms() : 0;
	}
	if (!lacks(ours, theirs) || (diverged && may_discard(f)) ||
	    (ours.version != 0 && !(diverged && result == FAILOVER_FAILED) &&
	    (r->fetching || now_ms() - s->since < STALE_LIMIT)))
		return;
	/* The first that was noted is what it has to reach; what an earlier
	 * handler has noted stands until it has all. */
	any = some_core_lacks(f);
	if (f->memory[0] == '\0' || (any && s->lacks == 0))
		note_lacking(f, n, base, ours, theirs,
		    "could not be fetched for long");
}

/* A master that does not let us in could have anything by now.  With the method
 * restart Solr polls it as another user. */
static void
note_refused(struct failover *f, const char *base, long status)
{
	struct replication	 ours;
	char			 text[FAILOVER_SENTENCE];
	size_t			 n;

	if ((status != 401 && status != 403) || by_restart(f) ||
	    f->memory[0] != '\0')
		return;
	for (n = 0; cores[n] != NULL; n++)
		if (replication_ask(f, http_here(), cores[n], &ours) &&
		    ours.fetching)
			return;
	snprintf(text, sizeof(text), "the master %.150s " REFUSED_WORDS " (HTTP "
	    "%ld), which may lack what was written since", base, status);
	keep_in_mind(f, text);
}

/* Until it lets us in again, and tells what that is. */
static bool
was_refused(const struct failover *f)
{
	return strstr(f->memory, REFUSED_WORDS) != NULL;
}

/* A master that is written to is never reached: that generation is enough. */
static void
forget_reached(struct failover *f, size_t n, struct place ours,
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
		forget(f);
}

/*
 * ensure_master
 */

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
	if (before == FENCE_UNKNOWN || !commit(f, core, base) ||
	    !replication_ask(f, base, core, &theirs) ||
	    !replication_ask(f, http_here(), core, &ours))
		return FAILOVER_AGAIN;
	if (!lacks(ours.place, theirs.place))
		return FAILOVER_DONE;
	if (place_compare(ours.place, theirs.place) == DIVERGED &&
	    !may_discard(f))
		return f->say(f, FAILOVER_AGAIN, "core %s has generation %llu, "
		    "and the master before, %s, %llu: they have diverged; with "
		    "on_divergence = follow this copy would be replaced", core,
		    (unsigned long long)ours.place.generation, base,
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
	if (place_find(f->target, core, &target) && lacks(ours.place, target))
		return f->say(f, FAILOVER_AGAIN, "core %s has generation %llu, "
		    "and lacks what the master before left with %llu%s%s", core,
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
	    !is_older(r.place, target)))
		return FAILOVER_DONE;	/* it has been the master's */
	if (!fence_set(f, core, FENCE_CLOSED))
		return FAILOVER_FAILED;
	return catch_up(f, core);
}

static pid_t	 masters[CORES];	/* who had them open when it was done */

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
	result = server_fit(f);
	if (result == FAILOVER_DONE && f->role != FAILOVER_MASTER &&
	    is_known_to_lack(f))
		return FAILOVER_FAILED;
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		result = promote(f, cores[n]);
	if (result == FAILOVER_DONE && by_restart(f))
		result = restart_as(f, true, "");
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		if (!fence_set(f, cores[n], FENCE_OPEN))
			result = FAILOVER_FAILED;
	if (result != FAILOVER_DONE)
		return result;
	memcpy(masters, users, sizeof(masters));
	forget(f);
	return f->say(f, FAILOVER_DONE, "master, epoch %llu",
	    (unsigned long long)f->epoch);
}

/*
 * ensure_slave
 */

/* A copy that would follow itself has loaded its cores at the same moment. */
static bool
is_ourselves(const struct answer *here, const struct answer *there,
    const char *core)
{
	static const char	*const same[] = { "startTime", "dataDir" };
	yajl_val		 a = status_of(here, core);
	yajl_val		 b = status_of(there, core);

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

	if (!status_ask(f, &there, base)) {
		note_refused(f, base, there.status);
		result = FAILOVER_FAILED;
	}
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		if (status_of(here, cores[n]) == NULL)
			result = f->say(f, FAILOVER_FAILED, "%s has no core %s",
			    http_here(), cores[n]);
		else if (status_of(&there, cores[n]) == NULL)
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
		    "does not let itself be replicated",
		    (unsigned long long)ours.generation);
	if (ours.generation < theirs.generation ||
	    place_compare(ours, theirs) == SAME || ours.version == 0 ||
	    may_discard(f))
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_FAILED, "core %s has generation %llu of "
	    "version %llu, its master %s has %llu of %llu: it has diverged, "
	    "and following would throw that away; on_divergence = follow "
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
		note_refused(f, base, theirs.status);
		return FAILOVER_FAILED;
	}
	if (all->refused && lacks(ours.place, theirs.place))
		note_lacking(f, n, base, ours.place, theirs.place,
		    "was refused by its master");
	result = check_places(f, core, base, ours.place, &theirs);
	/* Solr asks nobody before it follows an empty leader. */
	poll = result == FAILOVER_DONE && by_restart(f);
	if (ours.follower && ours.poll_off == poll &&
	    !replication_do(f, core, poll ? "enablepoll" : "disablepoll"))
		return FAILOVER_FAILED;
	differs = place_compare(ours.place, theirs.place) != SAME;
	if (result == FAILOVER_DONE && differs && !ours.fetching &&
	    !by_restart(f)) {
		result = fetch(f, core, base);
		differs = result != FAILOVER_DONE;
	}
	forget_reached(f, n, ours.place, theirs.place);
	if (result == FAILOVER_FAILED || (differs && !by_restart(f)))
		note_stale(f, n, base, &ours, theirs.place, result);
	else
		stale[n].since = 0;
	all->differs = all->differs || differs;
	all->lacking = all->lacking || (differs &&
	    lacks(ours.place, theirs.place) &&
	    (ours.place.version == 0 || f->memory[0] != '\0'));
	/* It goes on. */
	return result == FAILOVER_AGAIN ? FAILOVER_DONE : result;
}

/* It follows, whether it has already got everything or not: one that lags a bit
 * always will.  But one that lacks what it never had is no slave until it has. */
static enum failover_result
follow_all(struct failover *f, const char *base)
{
	struct round		 all = { .refused = was_refused(f) };
	enum failover_result	 result = FAILOVER_DONE;
	size_t			 n;

	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		result = follow(f, n, base, &all);
	if (result == FAILOVER_DONE && by_restart(f))
		result = restart_as(f, false, base);
	if (result != FAILOVER_DONE)
		return result;
	if (!all.differs)
		forget(f);
	if (all.lacking)
		return f->say(f, FAILOVER_AGAIN, "fetches what it lacks from "
		    "%s, and is its slave when it has that", base);
	return f->say(f, FAILOVER_DONE, "slave of %s%s", base,
	    all.differs ? ", and fetches what is new" : ", up to date");
}

/* Whatever is wrong with the master: this copy takes no writes. */
static bool
close_loaded(struct failover *f, struct answer *status)
{
	bool	 ok = status_ask(f, status, http_here());
	size_t	 n;

	for (n = 0; ok && cores[n] != NULL; n++)
		ok = status_of(status, cores[n]) == NULL ||
		    fence_set(f, cores[n], FENCE_CLOSED);
	return ok;
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char			 base[URL_SIZE];
	struct answer		 here;
	enum failover_result	 result = server_fit(f);

	if (result != FAILOVER_DONE)
		return result;
	if (!http_there(base, master_host, f->master_port))
		return f->say(f, FAILOVER_FAILED, "%s:%u gives no URL of the "
		    "master", master_host, f->master_port);
	result = close_loaded(f, &here) ? check_master(f, &here, base) :
	    FAILOVER_FAILED;
	answer_free(&here);
	return result == FAILOVER_DONE ? follow_all(f, base) : result;
}

/*
 * ensure_demoted
 */

static enum failover_result
close_files(struct failover *f)
{
	size_t	 n;

	for (n = 0; cores[n] != NULL; n++)
		if (!fence_close_file(f, f->option(f, "home"), cores[n]))
			return FAILOVER_FAILED;
	return f->say(f, FAILOVER_DONE, "Solr does not run, and will refuse "
	    "writes when it does");
}

/* A process that has the index open may have read the file before it was
 * closed: it starts, or answers elsewhere, or ends, as the one that is named
 * does. */
static enum failover_result
check_closed(struct failover *f, const char *core, pid_t ends,
    int64_t reserve)
{
	const char	*home = f->option(f, "home");
	bool		 counts = f->role != FAILOVER_NO_ROLE;
	char		 where[PATH_MAX], who[32] = "a process out of sight";
	pid_t		 pid;

	while ((pid = fence_index_user(home, core, where)) != 0 &&
	    pid != INDEX_UNKNOWN && (pid != ends || pid < 0) && counts &&
	    f->time_left(f) > reserve)
		usleep(20000);
	if (pid == 0 || (pid == ends && pid > 0))
		return FAILOVER_DONE;
	if (pid == INDEX_UNKNOWN && !counts)	/* it may never have had one */
		return FAILOVER_DONE;
	if (pid == INDEX_UNKNOWN)
		return f->say(f, FAILOVER_FAILED, "core %s is not to be had at "
		    "%s, and whether another process has its index open can't "
		    "be told, as no index*/write.lock can be read in %.200s: "
		    "%s; see dataDir in consul-failover-solr(7)", core,
		    http_here(), where, file_wrong());
	if (pid > 0)
		snprintf(who, sizeof(who), "process %d", (int)pid);
	return f->say(f, counts ? FAILOVER_FAILED : FAILOVER_AGAIN, "core %s is "
	    "not to be had at %s, but %s has its index in %.200s open: it "
	    "starts or ends, or the option url is wrong", core, http_here(),
	    who, where);
}

/* Nobody listens there.  Who had the index open when Solr was the master there
 * ends; another one is a Solr that was started since, at whatever port. */
static enum failover_result
close_stopped(struct failover *f, int64_t reserve)
{
	enum failover_result	 result = FAILOVER_DONE;
	size_t			 n;

	if (close_files(f) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++)
		result = check_closed(f, cores[n], masters[n], reserve);
	return result;
}

/* What came before the fence may still be written.  False, with the sentence
 * set, where it is with so many milliseconds left. */
static bool
drained(struct failover *f, const char *core, int64_t reserve)
{
	int64_t	 writing;

	while (fence_writing(f, core, &writing)) {
		if (writing == 0)
			return true;
		if (f->time_left(f) < reserve) {
			f->say(f, FAILOVER_FAILED, "core %s: %lld updates that "
			    "came before do not end", core, (long long)writing);
			return false;
		}
		usleep(5000);
	}
	return false;
}

static enum failover_result
close_cores(struct failover *f, int64_t reserve)
{
	struct answer	 a;
	bool		 ok = status_ask(f, &a, http_here());
	size_t		 n;

	/* A core that is not loaded takes no writes; one that is being loaded
	 * will. */
	for (n = 0; ok && cores[n] != NULL; n++)
		ok = status_of(&a, cores[n]) != NULL ?
		    fence_close(f, cores[n]) :
		    fence_close_file(f, f->option(f, "home"), cores[n]) &&
		    (f->role != FAILOVER_MASTER ||
		    check_closed(f, cores[n], 0, reserve) == FAILOVER_DONE);
	for (n = 0; ok && cores[n] != NULL; n++)
		if (status_of(&a, cores[n]) != NULL)
			ok = drained(f, cores[n], reserve);
	if (ok)
		f->say(f, FAILOVER_DONE, "refuses writes");
	/* So that it can be fetched.  No write is accepted even if that takes
	 * longer; the next master commits once more. */
	for (n = 0; ok && cores[n] != NULL; n++) {
		uncommitted[n] = status_of(&a, cores[n]) != NULL &&
		    !commit(f, cores[n], http_here());
		if (uncommitted[n])
			f->say(f, FAILOVER_DONE, "refuses writes; the commit of "
			    "%s is not done yet", cores[n]);
	}
	answer_free(&a);
	return ok ? FAILOVER_DONE : FAILOVER_FAILED;
}

bool
commit_rest(struct failover *f)
{
	size_t	 n;

	for (n = 0; cores[n] != NULL; n++) {
		if (uncommitted[n] && !commit(f, cores[n], http_here()))
			return false;
		uncommitted[n] = false;
	}
	return true;
}

/* Its supervisor may start it again at once, so its files come first.  What is
 * killed takes a moment to go. */
static enum failover_result
kill_server(struct failover *f, const char *command)
{
	enum server	 is;
	pid_t		 pid = 0;

	f->log(f, FAILOVER_WARNING, "Solr can't be demoted, so it is ended: %s",
	    command);
	close_files(f);
	command_run(f, command, &pid);
	while ((is = server_ask(f, GLANCE)) == SERVER_SILENT &&
	    f->time_left(f) > 300)
		usleep(20000);
	if (is == SERVER_FIT)
		return close_cores(f, 300);
	return is == SERVER_DOWN ? close_stopped(f, 300) : FAILOVER_FAILED;
}

enum failover_result
ensure_demoted(struct failover *f)
{
	const char		*command = f->option(f, "kill");
	int64_t			 limit = f->time_left(f);
	enum failover_result	 result = FAILOVER_FAILED;
	enum server		 is;

	memset(uncommitted, 0, sizeof(uncommitted));
	/* One that hangs, or is somewhere else, leaves time for the command. */
	is = server_ask(f, command != NULL ? limit / 3 : limit);
	if (is == SERVER_DOWN)
		result = close_stopped(f, command != NULL ? limit / 3 : 300);
	if (is == SERVER_FIT)
		result = close_cores(f, command != NULL ? limit / 3 : 300);
	if (result != FAILOVER_FAILED || is == SERVER_FOREIGN ||
	    command == NULL)
		return result;
	return kill_server(f, command);
}

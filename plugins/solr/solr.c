/*
 * solr.c - Solr without SolrCloud: one leader, followers that copy its index.
 *
 *	solr.c		options, health, position
 *	master.c	ensure_master
 *	slave.c		ensure_slave
 *	demote.c	ensure_demoted
 *	fence.c		what refuses writes
 *	restart.c	roles by core.properties and a restart
 *
 * A master is a copy whose fence is open.  All others are closed, whether they
 * follow a master or not, so there is only one way to lose the right to write.
 */
#include "server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demote.h"
#include "fence.h"
#include "file.h"
#include "fit.h"
#include "restart.h"

static const struct failover_option options[] = {
	{ "cores", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "names of the cores that change their role together: a,b" },
	{ "url", FAILOVER_STRING, NULL,
	    "this copy; default http://127.0.0.1:<[service] port>/solr" },
	{ "home", FAILOVER_STRING, "/var/solr/data",
	    "folder of this copy's cores: home/<core>/core.properties" },
	{ "user", FAILOVER_STRING, NULL, "for basic authentication" },
	{ "password_file", FAILOVER_STRING, NULL,
	    "file with the user's password, readable by us alone" },
	{ "ca_file", FAILOVER_STRING, NULL,
	    "certificates that an https URL is checked with" },
	{ "method", FAILOVER_STRING, "replication",
	    "replication: we fetch; restart: core.properties says the role" },
	{ "on_divergence", FAILOVER_STRING, "refuse",
	    "a slave with data that its master lacks: refuse, or follow" },
	{ "ping", FAILOVER_BOOLEAN, "yes", "ask each core's /admin/ping" },
	{ "restart", FAILOVER_STRING, NULL,
	    "method restart: command; default: the cores are reloaded" },
	{ "restart_limit", FAILOVER_DURATION, "1m",
	    "method restart: how long Solr may be down and count as busy" },
	{ "leader_key", FAILOVER_STRING, "enable.leader",
	    "method restart: key of core.properties; enable.master" },
	{ "follower_key", FAILOVER_STRING, "enable.follower",
	    "method restart: key of core.properties; enable.slave" },
	{ "url_key", FAILOVER_STRING, NULL,
	    "method restart: key for the leader's URL; none: it is fixed" },
	{ "kill", FAILOVER_STRING, NULL,
	    "command that ends a Solr which can't be demoted otherwise" },
	{ 0 }
};

FAILOVER_PLUGIN("solr", "1.0", "Apache Solr, leader and followers", options);

static char	*core_names;

static bool
is_one_of(struct failover *f, const char *option, const char *one,
    const char *other)
{
	const char	*text = f->option(f, option);

	if (strcmp(text, one) == 0 || strcmp(text, other) == 0)
		return true;
	f->say(f, FAILOVER_FAILED, "option %s: %s is neither %s nor %s",
	    option, text, one, other);
	return false;
}

enum failover_result
plugin_start(struct failover *f)
{
	static const char	 ok[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-.";
	char			*name, *rest;
	size_t			 count = 0;

	if (!is_one_of(f, "method", "replication", "restart") ||
	    !is_one_of(f, "on_divergence", "refuse", "follow"))
		return FAILOVER_FAILED;
	free(core_names);
	core_names = rest = strdup(f->option(f, "cores"));
	while (rest != NULL && (name = strsep(&rest, ", ")) != NULL) {
		if (*name == '\0')
			continue;
		if (name[strspn(name, ok)] != '\0' || *name == '-' ||
		    *name == '.' || count == CORES || strlen(name) > CORE_NAME)
			return f->say(f, FAILOVER_FAILED,
			    "option cores: %.200s is not the name of a core, "
			    "is longer than %d bytes, or is one too many", name,
			    CORE_NAME);
		cores[count++] = name;
	}
	cores[count] = NULL;
	if (count == 0)
		return f->say(f, FAILOVER_FAILED, "option cores names none");
	return http_start(f) ? FAILOVER_DONE : FAILOVER_FAILED;
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	http_stop();
	free(core_names);
	core_names = NULL;
}

/*
 * health
 */

/* The first line of why a core could not be loaded. */
static enum failover_result
say_failed_core(struct failover *f, const struct answer *a, const char *core)
{
	yajl_val	 why = json_at(a->json, "initFailures", core, NULL);
	yajl_val	 all = json_at(a->json, "status", NULL);
	char		 names[200] = "";
	size_t		 n, at = 0;

	if (why != NULL)
		return f->say(f, FAILOVER_FAILED, "core %s could not be loaded:"
		    " %s", core, json_text(why));
	for (n = 0; YAJL_IS_OBJECT(all) && n < YAJL_GET_OBJECT(all)->len &&
	    at < sizeof(names); n++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
		    n == 0 ? "" : ", ", YAJL_GET_OBJECT(all)->keys[n]);
	return f->say(f, FAILOVER_FAILED, "%s has no core %s; it has: %s",
	    http_here(), core, *names != '\0' ? names : "none");
}

/* What a Solr that does not run is told is in the files of that folder. */
static bool
check_home(struct failover *f, const char *core, yajl_val status)
{
	const char	*folder = json_text(json_at(status, "instanceDir",
			    NULL));
	char		 path[PATH_MAX], ours[PATH_MAX] = "", its[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->option(f, "home"), core);
	if (realpath(path, ours) != NULL && realpath(folder, its) != NULL &&
	    strcmp(ours, its) == 0)
		return true;
	f->say(f, FAILOVER_FAILED, "core %s is in %s, and not in %s: check the "
	    "option home, and that we may read there", core, folder, path);
	return false;
}

static bool
ping(struct failover *f, const char *core)
{
	struct answer	 a;
	bool		 ok;

	ok = http_get(f, &a, PATIENCE, http_here(), "/%s/admin/ping?", core) ||
	    a.status == 404;	/* this core has no such handler */
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: ping: %s", core, a.wrong);
	answer_free(&a);
	return ok;
}

/* Is it what it was made?  What is a follower no more may have been promoted
 * since we were asked, by the other handler. */
static enum failover_result
check_role(struct failover *f, const char *core, const struct replication *r)
{
	if (!restart_is_method(f) || f->role == FAILOVER_NO_ROLE ||
	    r->leader == (f->role == FAILOVER_MASTER))
		return FAILOVER_DONE;
	return f->say(f, r->leader ? FAILOVER_AGAIN : FAILOVER_FAILED,
	    "core %s was made a %s, but is a %s", core,
	    f->role == FAILOVER_MASTER ? "leader" : "follower",
	    r->leader ? "leader" : "follower");
}

/* Adds how a core is to the sentence. */
static void
describe(struct failover *f, char text[static FAILOVER_SENTENCE],
    const char *core, const struct replication *r)
{
	size_t	 at = strlen(text);

	snprintf(text + at, FAILOVER_SENTENCE - at,
	    "%s%s at generation %llu%s%.200s%s", at == 0 ? "" : ", ", core,
	    (unsigned long long)r->place.generation,
	    r->fetching ? ", fetches from " : "", r->fetching ? r->url : "",
	    restart_is_method(f) && f->role == FAILOVER_SLAVE && r->poll_off ?
	    ", does not poll" : "");
}

static enum failover_result
check_cores(struct failover *f, const struct answer *status)
{
	char			 text[FAILOVER_SENTENCE] = "";
	struct replication	 r;
	enum failover_result	 role;
	size_t			 n;

	for (n = 0; cores[n] != NULL; n++) {
		if (server_core(status, cores[n]) == NULL)
			return say_failed_core(f, status, cores[n]);
		if (!check_home(f, cores[n], server_core(status, cores[n])) ||
		    (f->number(f, "ping") && !ping(f, cores[n])) ||
		    !replication_ask(f, http_here(), cores[n], &r))
			return FAILOVER_FAILED;
		role = check_role(f, cores[n], &r);
		if (role != FAILOVER_DONE)
			return role;
		describe(f, text, cores[n], &r);
	}
	return f->say(f, FAILOVER_DONE, "%s", text);
}

/* Said once, by the handler that asks for health: a demotion is late for it. */
static void
warn_if_it_can_not_be_demoted(struct failover *f)
{
	static bool	 warned;
	char		 where[PATH_MAX];
	size_t		 n;

	if (warned)
		return;
	warned = true;
	if (f->option(f, "kill") == NULL)
		f->log(f, FAILOVER_WARNING, "if Solr hung or had no free "
		    "threads, it could not be demoted: give a command that "
		    "ends it; see kill in consul-failover-solr(7)");
	for (n = 0; cores[n] != NULL; n++)
		if (fence_index_user(f->option(f, "home"), cores[n], where) ==
		    INDEX_UNKNOWN)
			f->log(f, FAILOVER_WARNING, "core %s: if Solr were "
			    "down, the core could not be demoted, because no "
			    "index*/write.lock can be read in %s: %s; see "
			    "dataDir in consul-failover-solr(7)", cores[n],
			    where, file_wrong());
}

enum failover_result
health(struct failover *f)
{
	struct answer		 a;
	enum failover_result	 result;
	enum server		 is;

	http_watched();
	is = server_ask(f, PATIENCE);
	if ((is == SERVER_DOWN || is == SERVER_SILENT) && restart_is_young(f))
		return f->say(f, FAILOVER_AGAIN, "Solr restarts in its new "
		    "role");
	if (is != SERVER_FIT)
		return FAILOVER_FAILED;
	if (f->role != FAILOVER_MASTER && fit_lacks(f))
		return FAILOVER_FAILED;
	result = server_status(f, &a, http_here()) ? check_cores(f, &a) :
	    FAILOVER_FAILED;
	restart_note(f, &a);
	answer_free(&a);
	if (result == FAILOVER_DONE)
		warn_if_it_can_not_be_demoted(f);
	return result;
}

int
watch_fd(struct failover *f)
{
	(void)f;
	return http_watch();
}

/*
 * Positions: "a=version:generation,b=version:generation"
 */

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	struct replication	 r;
	size_t			 n, at = 0;

	if (!http_login(f))
		return FAILOVER_FAILED;
	if (!demote_commit_rest(f))
		return FAILOVER_AGAIN;
	for (n = 0; cores[n] != NULL; n++) {
		if (!replication_ask(f, http_here(), cores[n], &r))
			return FAILOVER_FAILED;
		at += (size_t)snprintf(text + at, size - at, "%s%s=%llu:%llu",
		    n == 0 ? "" : ",", cores[n],
		    (unsigned long long)r.place.version,
		    (unsigned long long)r.place.generation);
		if (at >= size)
			return f->say(f, FAILOVER_FAILED, "the position of all "
			    "cores is longer than %zu bytes", size);
	}
	return FAILOVER_DONE;
}

/* How each core stands to another copy's position: the generations that it
 * lacks in all, or DIVERGED where that can't be told, with the sentence. */
static enum relation
compare(struct failover *f, const char *text, int64_t *lacks)
{
	struct replication	 r;
	struct place		 theirs;
	enum relation		 is;
	size_t			 n;

	*lacks = 0;
	if (!http_login(f))
		return DIVERGED;
	for (n = 0; cores[n] != NULL; n++) {
		if (!replication_ask(f, http_here(), cores[n], &r))
			return DIVERGED;
		is = place_find(text, cores[n], &theirs) ?
		    place_compare(r.place, theirs) : DIVERGED;
		if (is == DIVERGED) {
			f->say(f, FAILOVER_FAILED, "core %s, at generation "
			    "%llu of version %llu, has another history than "
			    "%.200s", cores[n],
			    (unsigned long long)r.place.generation,
			    (unsigned long long)r.place.version, text);
			return DIVERGED;
		}
		if (is == BEHIND)
			*lacks += (int64_t)(theirs.generation -
			    r.place.generation);
	}
	return *lacks == 0 ? SAME : BEHIND;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	int64_t	 lacks;

	switch (compare(f, text, &lacks)) {
	case DIVERGED:
		return FAILOVER_AGAIN;
	case BEHIND:
		return f->say(f, FAILOVER_FAILED, "%lld generations behind "
		    "%.300s", (long long)lacks, text);
	case SAME:
	case AHEAD:
		break;
	}
	return FAILOVER_DONE;
}

int64_t
behind(struct failover *f, const char *text)
{
	int64_t	 lacks;

	return compare(f, text, &lacks) == DIVERGED ? -1 : lacks;
}

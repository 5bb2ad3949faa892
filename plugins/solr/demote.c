/*
 * demote.c - stops all writes of a Solr that runs, hangs or is down.
 */
#include "demote.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fence.h"
#include "fetch.h"
#include "file.h"
#include "master.h"
#include "restart.h"
#include "server.h"
#include "shell.h"

#define GLANCE		500	/* ms for a master that may be gone */
#define KILL_LIMIT	60000	/* ms for the command: one that hangs is killed */

static bool		 uncommitted[CORES];	/* since the demotion */
static struct shell	 ending;	/* the command, while it runs */

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
	char		 where[PATH_MAX];
	char		 who[32] = "a process that we can't see";
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
		return f->say(f, FAILOVER_FAILED, "core %s is not available at "
		    "%s, and another process may have its index open: can't "
		    "read index*/write.lock in %.200s: %s; see dataDir in "
		    "consul-failover-solr(7)", core, http_here(), where,
		    file_wrong());
	if (pid > 0)
		snprintf(who, sizeof(who), "process %d", (int)pid);
	return f->say(f, counts ? FAILOVER_FAILED : FAILOVER_AGAIN, "core %s "
	    "is not available at %s, but %s has its index in %.200s open: it "
	    "is starting or stopping, or the option url is wrong", core,
	    http_here(), who, where);
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
			f->say(f, FAILOVER_FAILED, "core %s: %lld earlier "
			    "updates do not end", core, (long long)writing);
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
	bool		 ok = server_status(f, &a, http_here());
	size_t		 n;

	/* A core that is not loaded takes no writes; one that is being loaded
	 * will. */
	for (n = 0; ok && cores[n] != NULL; n++)
		ok = server_core(&a, cores[n]) != NULL ?
		    fence_close(f, cores[n]) :
		    fence_close_file(f, f->option(f, "home"), cores[n]) &&
		    (f->role != FAILOVER_MASTER ||
		    check_closed(f, cores[n], 0, reserve) == FAILOVER_DONE);
	for (n = 0; ok && cores[n] != NULL; n++)
		if (server_core(&a, cores[n]) != NULL)
			ok = drained(f, cores[n], reserve);
	if (ok)
		f->say(f, FAILOVER_DONE, "refuses writes");
	/* So that it can be fetched.  No write is accepted even if that takes
	 * longer; the next master commits once more. */
	for (n = 0; ok && cores[n] != NULL; n++) {
		uncommitted[n] = server_core(&a, cores[n]) != NULL &&
		    !fetch_commit(f, cores[n], http_here());
		if (uncommitted[n])
			f->say(f, FAILOVER_DONE, "refuses writes; the commit of "
			    "%s is not done yet", cores[n]);
	}
	answer_free(&a);
	return ok ? FAILOVER_DONE : FAILOVER_FAILED;
}

bool
demote_commit_rest(struct failover *f)
{
	size_t	 n;

	for (n = 0; cores[n] != NULL; n++) {
		if (uncommitted[n] && !fetch_commit(f, cores[n], http_here()))
			return false;
		uncommitted[n] = false;
	}
	return true;
}

/* Its supervisor may start it again at once, so its files come first.  What is
 * killed takes a moment to go.  A command that needs longer than the call, say
 * because it first asks Solr to stop, continues, and the next call waits for it:
 * one that was killed and begun again would never reach its end. */
static enum failover_result
kill_server(struct failover *f, const char *command)
{
	enum server	 is;

	f->log(f, FAILOVER_WARNING, "Solr can't be demoted, so it is ended: %s",
	    command);
	close_files(f);
	shell_run(f, &ending, command, KILL_LIMIT);
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
	/* One of an earlier call that has ended is not this call's.  How a
	 * restart has ended does not matter for a demotion. */
	shell_look(f, &ending);
	restart_look(f);
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

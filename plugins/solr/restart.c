/*
 * restart.c - roles by core.properties and a restart.
 *
 * solrconfig.xml takes the role from properties of the core,
 *
 *	<str name="enable">${enable.leader:false}</str>
 *
 * which are read when the core is loaded.  The file has the intended role, and
 * Solr reports the current one; a core that was loaded before the file was
 * written must be loaded again.  So nothing is remembered, and nothing restarts
 * twice.
 */
#include "restart.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "file.h"
#include "properties.h"
#include "shell.h"

#define RESTART_TIME	600000	/* ms for the command: one that hangs is killed */

static struct shell	 restarting;	/* the command, while it runs */
static int64_t		 loaded[CORES];	/* the file that was written then */

bool
restart_is_method(struct failover *f)
{
	return strcmp(f->option(f, "method"), "restart") == 0;
}

static void
file_of(struct failover *f, const char *core, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s/core.properties",
	    f->option(f, "home"), core);
}

static int64_t
in_ms(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When the file was written, in milliseconds of the wall clock; -1: there is
 * none. */
static int64_t
written_at(struct failover *f, const char *core)
{
	char		 path[PATH_MAX];
	struct stat	 st;

	file_of(f, core, path);
	return stat(path, &st) == -1 ? -1 : in_ms(st.st_mtim);
}

/* Milliseconds since then; -1: there is no file. */
static int64_t
age_of(int64_t written)
{
	struct timespec	 now;

	clock_gettime(CLOCK_REALTIME, &now);
	return written == -1 ? -1 : in_ms(now) - written;
}

static int64_t
uptime(const struct answer *status, const char *core)
{
	return (int64_t)json_number(json_at(server_core(status, core), "uptime",
	    NULL));
}

void
restart_note(struct failover *f, const struct answer *status)
{
	int64_t	 written;
	size_t	 n;

	for (n = 0; restart_is_method(f) && cores[n] != NULL; n++) {
		written = written_at(f, cores[n]);
		if (server_core(status, cores[n]) != NULL &&
		    uptime(status, cores[n]) < age_of(written))
			loaded[n] = written;
	}
}

bool
restart_is_young(struct failover *f)
{
	int64_t	 written, age, limit = f->number(f, "restart_limit");
	size_t	 n;

	/* Solr stays up while its cores are reloaded. */
	if (!restart_is_method(f) || f->option(f, "restart") == NULL)
		return false;
	for (n = 0; cores[n] != NULL; n++) {
		written = written_at(f, cores[n]);
		age = age_of(written);
		if (age >= 0 && age < limit && written != loaded[n])
			return true;
	}
	return false;
}

bool
restart_look(struct failover *f)
{
	return shell_look(f, &restarting) != FAILOVER_FAILED;
}

enum failover_result
restart_server_fit(struct failover *f)
{
	enum server	 is;

	/* First: while Solr is down nobody gets as far as restart_as. */
	if (!restart_look(f))
		return FAILOVER_FAILED;
	is = server_ask(f, PATIENCE);
	if ((is == SERVER_DOWN || is == SERVER_SILENT) && restart_is_young(f))
		return f->say(f, FAILOVER_AGAIN, "Solr restarts");
	return is == SERVER_FIT ? FAILOVER_DONE : FAILOVER_FAILED;
}

/*
 * What is to be.
 */

/* Takes text, gives it with the key changed. */
static char *
with(char *text, const char *key, const char *value)
{
	char	*new = text == NULL ? NULL : properties_set(text, key, value);

	free(text);
	return new;
}

static bool
write_role(struct failover *f, const char *core, bool master,
    const char *leader)
{
	const char	*url_key = f->option(f, "url_key");
	char		 path[PATH_MAX], url[URL_SIZE + 256];
	char		*was, *text = NULL;
	bool		 ok = false;

	file_of(f, core, path);
	was = file_read(path);
	if (was != NULL) {
		text = with(strdup(was), f->option(f, "leader_key"),
		    master ? "true" : "false");
		text = with(text, f->option(f, "follower_key"),
		    master ? "false" : "true");
		snprintf(url, sizeof(url), "%s/%s", leader, core);
		if (url_key != NULL && !master)
			text = with(text, url_key, url);
	}
	if (text != NULL)
		ok = strcmp(text, was) == 0 || file_replace(path, text);
	if (!ok)
		f->say(f, FAILOVER_FAILED, "%s: %s: is the option home right, "
		    "and may we write there?", path, file_wrong());
	free(text);
	free(was);
	return ok;
}

/*
 * What is.
 */

static bool
has_role(struct failover *f, const char *core, bool master,
    const char *leader, bool *yes)
{
	struct replication	 r;
	char			 url[URL_SIZE + 256];

	if (!replication_ask(f, http_here(), core, &r))
		return false;
	snprintf(url, sizeof(url), "%s/%s", leader, core);
	*yes = r.leader == master && r.follower == !master &&
	    (master || f->option(f, "url_key") == NULL ||
	    strcmp(r.url, url) == 0);
	return true;
}

/* A core that was loaded after the file was written, and has another role all
 * the same, would be restarted for ever. */
static enum failover_result
check_loaded(struct failover *f, const char *core, bool master)
{
	struct answer	 a;
	int64_t		 up = -1;

	if (server_status(f, &a, http_here()))
		up = uptime(&a, core);
	answer_free(&a);
	if (up == -1)
		return FAILOVER_FAILED;
	if (up < age_of(written_at(f, core)))
		return f->say(f, FAILOVER_FAILED, "core %s was loaded after its "
		    "core.properties had been written, and is not the %s: does "
		    "its solrconfig.xml say \"${%s:false}\"?", core,
		    master ? "leader" : "follower", f->option(f,
		    master ? "leader_key" : "follower_key"));
	return FAILOVER_DONE;
}

static bool
reload(struct failover *f, const char *core)
{
	struct answer	 a;
	bool		 ok;

	ok = http_get(f, &a, INT_MAX, http_here(),
	    "/admin/cores?action=RELOAD&core=%s", core);
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: reload: %s", core,
		    a.wrong);
	answer_free(&a);
	return ok;
}

enum failover_result
restart_as(struct failover *f, bool master, const char *leader)
{
	const char		*command = f->option(f, "restart");
	enum failover_result	 result = FAILOVER_DONE;
	bool			 yes, all = true;
	size_t			 n;

	for (n = 0; cores[n] != NULL; n++)
		if (!write_role(f, cores[n], master, leader))
			return FAILOVER_FAILED;
	for (n = 0; cores[n] != NULL && result == FAILOVER_DONE; n++) {
		if (!has_role(f, cores[n], master, leader, &yes))
			return FAILOVER_FAILED;
		all = all && yes;
		if (!yes)
			result = check_loaded(f, cores[n], master);
		if (!yes && result == FAILOVER_DONE && command == NULL &&
		    !reload(f, cores[n]))
			return FAILOVER_FAILED;
	}
	if (all || result != FAILOVER_DONE)
		return result;
	if (command != NULL)
		result = shell_run(f, &restarting, command, RESTART_TIME);
	return result == FAILOVER_FAILED ? result :
	    f->say(f, FAILOVER_AGAIN, "Solr restarts as %s",
	    master ? "leader" : "follower");
}

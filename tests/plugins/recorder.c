/*
 * recorder.c - the plugin of the tests that has no application: it records its
 * calls, and misbehaves when it is told to.  Beside the options of script.h:
 *
 * app		a file, "the application": what it was made last: "master
 *		EPOCH", "slave HOST:PORT" or "demoted".
 * at		the number that position tells, and has_position compares.
 * at_file	the same, in a file that can change.
 */
#include "script.h"

#include <libgen.h>
#include <sys/inotify.h>

static const struct failover_option options[] = {
	SCRIPT_OPTIONS,
	{ "app", FAILOVER_STRING, NULL, "file that shows the role" },
	{ "at", FAILOVER_INTEGER, "0", "our position" },
	{ "at_file", FAILOVER_STRING, NULL, "our position, in a file" },
	{ "pause", FAILOVER_DURATION, "0ms", "every ensure_ takes this long" },
	{ 0 }
};

FAILOVER_PLUGIN("recorder", "1.0", "records its calls, for tests", options);

static int	flag_watch = -1;

/* The application becomes something; a reader never sees half of it. */
static enum failover_result
become(struct failover *f, const char *text)
{
	const char	*file = f->option(f, "app");
	char		 fresh[PATH_MAX];
	FILE		*out;

	if (file == NULL)
		return FAILOVER_DONE;
	snprintf(fresh, sizeof(fresh), "%s.%ld", file, (long)getpid());
	out = fopen(fresh, "we");
	if (out == NULL || fprintf(out, "%s\n", text) < 0 || fclose(out) != 0 ||
	    rename(fresh, file) != 0)
		f->log(f, FAILOVER_ERROR, "%s: %s", file, strerror(errno));
	return FAILOVER_DONE;
}

enum failover_result
plugin_start(struct failover *f)
{
	return script_run(f, "plugin_start", NULL, NULL);
}

void
plugin_stop(struct failover *f)
{
	script_run(f, "plugin_stop", NULL, NULL);
	script_record(f, "end", "plugin_stop", "done", "-");
}

/* As a plugin does whose copy was refused by its master for good. */
static enum failover_result
fit(struct failover *f, const char *arg)
{
	if (f->memory[0] != '\0' && !f->promote)
		return f->say(f, FAILOVER_FAILED, "%s", f->memory);
	return script_flag(f, arg);
}

static enum failover_result
become_master(struct failover *f, const char *text)
{
	if (f->memory[0] != '\0' && !f->promote)
		return f->say(f, FAILOVER_FAILED, "%s", f->memory);
	become(f, text);
	return f->remember(f, "");
}

enum failover_result
health(struct failover *f)
{
	char	 events[4096];

	while (flag_watch != -1 &&
	    read(flag_watch, events, sizeof(events)) > 0)
		continue;
	return script_call(f, "health", "-", fit, NULL);
}

enum failover_result
ensure_master(struct failover *f)
{
	char	 becomes[64], told[400];

	snprintf(becomes, sizeof(becomes), "master %" PRIu64, f->epoch);
	snprintf(told, sizeof(told), "%s:%u@%s", f->previous_host,
	    f->previous_port, f->target);
	return script_call(f, "ensure_master", f->target[0] == '\0' ? "-" :
	    told, become_master, becomes);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char	 master[300], becomes[320];

	snprintf(master, sizeof(master), "%s:%u", master_host, f->master_port);
	snprintf(becomes, sizeof(becomes), "slave %s", master);
	return script_call(f, "ensure_slave", master, become, becomes);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return script_call(f, "ensure_demoted", "-", become, "demoted");
}

/* Where this copy is: 4711, or two numbers like 3.7 that are compared each by
 * itself, so that neither of 3.7 and 4.6 has all of the other. */
struct place {
	int64_t	 first, second;
};

static bool
read_place(const char *text, struct place *p)
{
	char	*end;

	p->first = strtoll(text, &end, 10);
	p->second = 0;
	if (end != text && *end == '.')
		p->second = strtoll(end + 1, &end, 10);
	return end != text && *end == '\0';
}

static enum failover_result
our_place(struct failover *f, char *text, size_t size)
{
	if (f->option(f, "at_file") != NULL)
		return f->secret(f, "at_file", text, size);
	snprintf(text, size, "%lld", (long long)f->number(f, "at"));
	return FAILOVER_DONE;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	enum failover_result	 result = our_place(f, text, size);

	return result != FAILOVER_DONE ? result :
	    (enum failover_result)script_run(f, "position", NULL, NULL);
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	struct place	 ours, theirs;
	char		 own[64];

	if (our_place(f, own, sizeof(own)) != FAILOVER_DONE ||
	    !read_place(own, &ours) || !read_place(text, &theirs))
		return f->say(f, FAILOVER_AGAIN, "\"%s\" is no position", text);
	return ours.first >= theirs.first && ours.second >= theirs.second ?
	    FAILOVER_DONE : FAILOVER_FAILED;
}

int64_t
behind(struct failover *f, const char *text)
{
	struct place	 ours, theirs;
	char		 own[64];

	if (our_place(f, own, sizeof(own)) != FAILOVER_DONE ||
	    !read_place(own, &ours) || !read_place(text, &theirs))
		return -1;
	return theirs.first > ours.first ? theirs.first - ours.first : 0;
}

int
watch_fd(struct failover *f)
{
	const char	*flag = f->option(f, "flag");
	char		 folder[PATH_MAX];

	if (flag == NULL || flag_watch != -1)
		return flag_watch;
	snprintf(folder, sizeof(folder), "%s", flag);
	flag_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	inotify_add_watch(flag_watch, dirname(folder),
	    IN_CREATE | IN_DELETE | IN_MOVE);
	return flag_watch;
}

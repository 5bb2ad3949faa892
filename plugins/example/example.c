/*
 * example.c - an application that is a file: healthy while the file exists.
 *
 * It has no roles, so the calls only report the requested one.
 */
#include <consul-failover/plugin.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static const struct failover_option options[] = {
	{ "flag", FAILOVER_STRING, "/var/tmp/in_service",
	    "the application is healthy while this file exists" },
	{ 0 }
};

FAILOVER_PLUGIN("example", "1.0", "a file is the application", options);

static int	flag_watch = -1;

/* Reads away what made us ask.  A folder that has gone is watched anew, once
 * there is one again. */
static void
flag_drain(void)
{
	_Alignas(struct inotify_event) char	 bytes[4096];
	const struct inotify_event		*e;
	ssize_t					 n, at;
	bool					 gone = false;

	while (flag_watch != -1 &&
	    (n = read(flag_watch, bytes, sizeof(bytes))) > 0)
		for (at = 0; at < n; at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const struct inotify_event *)(bytes + at);
			gone = gone || (e->mask & (IN_DELETE_SELF |
			    IN_MOVE_SELF | IN_IGNORED)) != 0;
		}
	if (gone) {
		close(flag_watch);
		flag_watch = -1;
	}
}

enum failover_result
health(struct failover *f)
{
	const char	*flag = f->option(f, "flag");

	/* First: what happens from here on makes it readable again. */
	flag_drain();
	if (access(flag, F_OK) == 0)
		return f->say(f, FAILOVER_DONE, "Service flag %s exists", flag);
	if (errno == ENOENT)
		return f->say(f, FAILOVER_FAILED,
		    "Service flag %s does not exist", flag);
	return f->say(f, FAILOVER_FAILED, "Service flag %s: %s", flag,
	    strerror(errno));
}

/* The file comes and goes, so what is watched is its folder. */
int
watch_fd(struct failover *f)
{
	const uint32_t	 events = IN_CREATE | IN_DELETE | IN_MOVE |
			    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
	char		 folder[PATH_MAX], *slash;

	if (flag_watch != -1)
		return flag_watch;
	snprintf(folder, sizeof(folder), "%s", f->option(f, "flag"));
	slash = strrchr(folder, '/');
	if (slash == folder)
		slash++;
	if (slash == NULL)
		strcpy(folder, ".");
	else
		*slash = '\0';

	flag_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (flag_watch != -1 &&
	    inotify_add_watch(flag_watch, folder, events) == -1) {
		close(flag_watch);
		flag_watch = -1;
	}
	return flag_watch;
}

enum failover_result
ensure_master(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "master, epoch %llu",
	    (unsigned long long)f->epoch);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	return f->say(f, FAILOVER_DONE, "slave of %s:%d", master_host,
	    f->master_port);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "not master");
}

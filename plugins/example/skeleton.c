/*
 * skeleton.c - a plugin for consul-failover to start from.
 *
 * It builds (make), keeps all promises (make test), and its application is a
 * file that holds the role.  Replace read_role and write_role by code for your
 * application; consul-failover-plugin(7) describes the rest.
 *
 * Whatever a call does, it can be killed half-way, and the next one comes from
 * another process: so ask the application for its role each time.
 */
#include <consul-failover/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Keys of [options] in the config, which are checked against this.  A file of a
 * password would be a FAILOVER_SECRET, for f->secret. */
static const struct failover_option options[] = {
	{ "role_file", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "the application: a file that holds its role" },
	{ 0 }
};

FAILOVER_PLUGIN("skeleton", "0.1", "the application is a file", options);

/*
 * The application.
 */

/* What it is, "" where it is nothing yet; false, with the reason said, where it
 * does not tell.  Give each question a time-out below f->time_left(f). */
static int
read_role(struct failover *f, char *role, int size)
{
	const char	*path = f->option(f, "role_file");
	FILE		*file = fopen(path, "re");

	role[0] = '\0';
	if (file == NULL && errno == ENOENT)
		return 1;
	if (file == NULL || (fgets(role, size, file) == NULL && ferror(file))) {
		f->say(f, FAILOVER_FAILED, "%s: %s", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return 0;
	}
	fclose(file);
	return 1;
}

static enum failover_result
write_role(struct failover *f, const char *role)
{
	const char	*path = f->option(f, "role_file");
	FILE		*file = fopen(path, "we");
	int		 bad;

	bad = file == NULL || fputs(role, file) < 0;
	if (file != NULL && fclose(file) != 0)
		bad = 1;
	if (bad)
		return f->say(f, FAILOVER_FAILED, "%s: %s", path,
		    strerror(errno));
	/* Log what changed; what is so, say. */
	f->log(f, FAILOVER_INFO, "the role is now: %s", role);
	return f->say(f, FAILOVER_DONE, "%s", role);
}

/* Nothing is to be done where it is so: this is called again and again. */
static enum failover_result
ensure(struct failover *f, const char *role)
{
	char	 is[512];

	if (!read_role(f, is, sizeof(is)))
		return FAILOVER_FAILED;
	if (strcmp(is, role) == 0)
		return f->say(f, FAILOVER_DONE, "%s", role);
	return write_role(f, role);
}

/*
 * The calls.
 */

/* Is the copy on this host fit to serve?  Reads only.  A good slave is fit even
 * if its master is away, or nobody could take over. */
enum failover_result
health(struct failover *f)
{
	char	 is[512];

	if (!read_role(f, is, sizeof(is)))
		return FAILOVER_FAILED;
	return f->say(f, FAILOVER_DONE, "%s", is[0] != '\0' ? is : "no role yet");
}

/* Done means that it takes writes, not that it was told to.  What takes long is
 * FAILOVER_AGAIN: the agent asks again. */
enum failover_result
ensure_master(struct failover *f)
{
	return ensure(f, "master");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char	 role[512];

	snprintf(role, sizeof(role), "slave of %s:%u", master_host,
	    (unsigned)f->master_port);
	return ensure(f, role);
}

/* Stop taking writes at once, although no new master is known; done promises it.
 * Here nothing may be waited for that can hang: plan the last resort, such as
 * SIGKILL to the application, within f->time_left(f). */
enum failover_result
ensure_demoted(struct failover *f)
{
	return ensure(f, "demoted");
}

/*
 * Add position and has_position where the copies' data can be compared: then the
 * copy that has most becomes the master, and a hand-over loses nothing.  watch_fd
 * lets health be asked as soon as the application dies.
 */

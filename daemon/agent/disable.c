/* disable.c - the file that takes a copy out of the service. */
#include "disable.h"

#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* The Python program's, which others on a host may make. */
#define DISABLE_BEFORE	"/var/tmp/consul_failover_disable"

static bool
disable_any_user_may_write(const char *folder)
{
	struct stat	st;

	return stat(folder, &st) != 0 || (st.st_mode & S_IWOTH) != 0;
}

/* Of what stands in a folder of everybody only root's and our own counts, and a
 * link nowhere: it may name a file that is always there. */
static bool
disable_counts(const char *path, char *why, size_t size)
{
	char		folder[PATH_MAX];
	struct stat	st;

	if (lstat(path, &st) != 0)
		return false;
	snprintf(folder, sizeof folder, "%s", path);
	if (!S_ISREG(st.st_mode))
		snprintf(why, size, "%s does not disable this copy, because it "
		    "is not a regular file: remove it, and touch it", path);
	else if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    disable_any_user_may_write(dirname(folder)))
		snprintf(why, size, "%s does not disable this copy, because it "
		    "is a file of user %d, and any user may write there: "
		    "remove it, and touch it as root or as the agent's user",
		    path, (int)st.st_uid);
	else
		return true;
	return false;
}

const char *
disable_file(const struct config *c, char *why, size_t size)
{
	why[0] = '\0';
	if (disable_counts(c->disable_file, why, size))
		return c->disable_file;
	if (c->disable_by_default && disable_counts(DISABLE_BEFORE, why, size))
		return DISABLE_BEFORE;
	return NULL;
}

/*
 * turn.c - one action at a time: a file is locked once, and is free again when
 * the process that has locked it dies.  It belongs to us alone, so no other
 * user can block us.
 */
#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_PAUSE	20	/* ms between two looks whether it is our turn */

static char		lock[PATH_MAX];	/* of who has the turn */

/* A folder where another user may put a file would do him the same service. */
bool
turn_check(struct failover *f)
{
	const char	*folder = f->option(f, "lock_dir");
	const char	*instance = getenv("OCF_RESOURCE_INSTANCE"), *wrong = NULL;
	const char	*ours = getenv("RUNTIME_DIRECTORY");
	struct stat	 st;

	/* The unit's folder, where its user may not write into the one above. */
	if (strcmp(folder, LOCK_DIR) == 0 && ours != NULL && *ours == '/' &&
	    access(folder, W_OK) != 0)
		folder = ours;

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		wrong = strerror(errno);
	else if (stat(folder, &st) != 0)
		wrong = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		wrong = "is not a folder";
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		wrong = "belongs to another user";
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		wrong = "others may write to it";
	else if (access(folder, W_OK) != 0)
		wrong = strerror(errno);
	else if (strchr(instance, '/') != NULL)
		wrong = "the name of the instance has a slash";
	else if (snprintf(lock, sizeof(lock), "%s/ocf-%s.lock", folder,
	    instance) >= (int)sizeof(lock))
		wrong = "its path is too long";
	if (wrong != NULL)
		f->say(f, FAILOVER_FAILED, "option lock_dir: %.200s: %s; give "
		    "a folder that belongs to the agent's user, like its "
		    "[agent] run_dir", folder, wrong);
	return wrong == NULL;
}

/* -1 with EWOULDBLOCK: somebody else has it. */
static int
take_turn(struct failover *f, int64_t limit)
{
	int64_t	 until = f->time_left(f) - limit;
	int	 fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600), error;

	while (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = errno;
		if (f->time_left(f) <= until) {
			close(fd);
			errno = error;
			return -1;
		}
		usleep(TURN_PAUSE * 1000);
	}
	return fd;
}

enum failover_result
turn_run(struct failover *f, int64_t limit, bool must,
    enum failover_result (*work)(struct failover *))
{
	enum failover_result	 result;
	int			 turn = take_turn(f, limit);

	if (turn == -1 && !must && errno != EWOULDBLOCK)
		return f->say(f, FAILOVER_FAILED, "%.300s: %s", lock,
		    strerror(errno));
	if (turn == -1 && !must)
		return f->say(f, FAILOVER_AGAIN,
		    "another action of the resource agent is under way");
	result = work(f);
	if (turn != -1)
		close(turn);
	return result;
}

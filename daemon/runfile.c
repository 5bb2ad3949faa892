/* runfile.c - one agent a service id, and what the next one must know. */

#include "runfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct runfile {
	int		 fd;
	char		 path[4096];
	char		 session[64];
	uint64_t	 epoch;
};

/* "PID SESSION EPOCH", the session as "-" where there is none. */
static void
runfile_read(struct runfile *r, long *pid)
{
	char		text[256];
	char		session[64];
	uint64_t	epoch;
	ssize_t		n = pread(r->fd, text, sizeof text - 1, 0);

	*pid = 0;
	r->session[0] = '\0';
	r->epoch = 0;
	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%ld %63s %" SCNu64, pid, session, &epoch) != 3 ||
	    strcmp(session, "-") == 0)
		return;
	memcpy(r->session, session, sizeof r->session);
	r->epoch = epoch;
}

void
runfile_load(struct runfile *r)
{
	long	pid;

	runfile_read(r, &pid);
}

static bool
runfile_lock(struct runfile *r, const struct config *c, bool lock,
    struct error *err)
{
	long	pid;

	r->fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r->fd < 0)
		return error_set(err, "can't open %s: %s (run as a user who may "
		    "write there, or set [agent] run_dir in %s)", r->path,
		    strerror(errno), c->file);
	if (!lock)
		return true;
	if (flock(r->fd, LOCK_EX | LOCK_NB) == 0) {
		runfile_read(r, &pid);
		return runfile_save(r, r->session, r->epoch, err);
	}
	if (errno != EWOULDBLOCK)
		return error_set(err, "can't lock %s: %s", r->path,
		    strerror(errno));
	runfile_read(r, &pid);
	return error_set(err, "another consul-failover (pid %ld) runs service "
	    "id \"%s\" on this host: stop it first, or give this one another "
	    "[service] id in %s (%s is locked)", pid, c->service_id, c->file,
	    r->path);
}

bool
runfile_open(struct runfile **out, const struct config *c, bool lock,
    struct error *err)
{
	struct runfile	*r = calloc(1, sizeof *r);

	*out = NULL;
	if (r == NULL)
		return error_set(err, "out of memory");
	r->fd = -1;
	snprintf(r->path, sizeof r->path, "%s/%s.run", c->run_dir,
	    c->service_id);
	if (mkdir(c->run_dir, 0755) != 0 && errno != EEXIST)
		error_set(err, "can't make the folder %s: %s (set [agent] "
		    "run_dir in %s)", c->run_dir, strerror(errno), c->file);
	else if (runfile_lock(r, c, lock, err)) {
		*out = r;
		return true;
	}
	runfile_close(r);
	return false;
}

void
runfile_close(struct runfile *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

const char *
runfile_session(const struct runfile *r)
{
	return r->session;
}

uint64_t
runfile_epoch(const struct runfile *r)
{
	return r->epoch;
}

/* Padded to one size, so that a write in place needs no new block: it can't
 * fail half-way on a full disk, and what an old one left is never read. */
bool
runfile_save(struct runfile *r, const char *session, uint64_t epoch,
    struct error *err)
{
	char	text[160];
	int	n;

	n = snprintf(text, sizeof text, "%ld %s %" PRIu64, (long)getpid(),
	    session[0] != '\0' ? session : "-", epoch);
	memset(text + n, ' ', sizeof text - (size_t)n);
	text[sizeof text - 1] = '\n';
	errno = ENOSPC;		/* what a short write means */
	if (pwrite(r->fd, text, sizeof text, 0) != (ssize_t)sizeof text)
		return error_set(err, "can't write %s: %s", r->path,
		    strerror(errno));
	if (session != r->session)
		snprintf(r->session, sizeof r->session, "%s", session);
	r->epoch = epoch;
	return true;
}

void
runfile_promote_file(const struct config *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.promote", c->run_dir, c->service_id);
}

bool
runfile_is_held(const struct config *c)
{
	char	path[PATH_MAX];
	bool	held;
	int	fd;

	snprintf(path, sizeof path, "%s/%s.run", c->run_dir, c->service_id);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

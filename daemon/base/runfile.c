/* runfile.c - allows one agent for each service id, and keeps what the next one
 * must know. */

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

#include "log.h"
#include "must.h"

#define WORD	64		/* an id, with its NUL */
#define MACHINE	"/etc/machine-id"
#define BOOT	"/proc/sys/kernel/random/boot_id"

struct runfile {
	int		 fd;
	char		 path[PATH_MAX];
	char		 session[WORD];
	uint64_t	 epoch;
	bool		 foreign;	/* written elsewhere, or before a boot */
};

/* Where and since when: what a file that was copied, in a cloned machine or an
 * image, does not say of the place that it has come to. */
struct place {
	char	 machine[WORD], boot[WORD];
};

/*
 * The place.
 */

/* "-" where the system has none. */
static void
read_word(const char *file, char word[WORD])
{
	FILE	*f = fopen(file, "re");

	if (f == NULL || fscanf(f, "%63s", word) != 1)
		snprintf(word, WORD, "-");
	if (f != NULL)
		fclose(f);
}

static struct place
place_here(void)
{
	struct place	p;

	read_word(MACHINE, p.machine);
	read_word(BOOT, p.boot);
	return p;
}

static bool
place_is_here(const struct place *p)
{
	struct place	here = place_here();

	return strcmp(p->machine, here.machine) == 0 &&
	    strcmp(p->boot, here.boot) == 0;
}

/*
 * The run file.
 */

/* "PID SESSION EPOCH MACHINE BOOT", the session as "-" where there is none.  An
 * older version wrote no place: what is believed then is for Consul to say.  A
 * file that has just been created says nothing against those beside it: with the
 * lease in the guard's the copy is demoted at once, if that is over. */
static void
runfile_read(struct runfile *r, long *pid)
{
	char		text[512], session[WORD] = "-";
	struct place	place;
	uint64_t	epoch;
	ssize_t		n = pread(r->fd, text, sizeof text - 1, 0);
	int		words;

	*pid = 0;
	r->session[0] = '\0';
	r->epoch = 0;
	text[n > 0 ? n : 0] = '\0';
	words = sscanf(text, "%ld %63s %" SCNu64 " %63s %63s", pid, session,
	    &epoch, place.machine, place.boot);
	r->foreign = n != 0 && words != 3 &&
	    (words != 5 || !place_is_here(&place));
	if (words < 3 || strcmp(session, "-") == 0)
		return;
	memcpy(r->session, session, sizeof r->session);
	r->epoch = epoch;
}

void
runfile_mark(const struct config *c, char *word, size_t size)
{
	struct place	here = place_here();
	struct stat	st = { 0 };
	char		path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s.run", c->run_dir, c->service_id);
	stat(path, &st);
	snprintf(word, size, "%.36s-%jx-%jx", here.boot, (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
}

/* What stands beside it is of the same place.  A guard's file that is locked is
 * of this one. */
static void
runfile_drop_others(const struct runfile *r, const struct config *c)
{
	char	path[PATH_MAX];

	if (r->session[0] != '\0')
		log_warning("%s was written on another machine or before the "
		    "last boot: it is ignored, and the copy is demoted first",
		    r->path);
	runfile_end_promote(c);
	snprintf(path, sizeof path, "%s/%s.guard", c->run_dir, c->service_id);
	if (runfile_guard(c) == 0)
		unlink(path);
}

void
runfile_load(struct runfile *r)
{
	long	pid;

	runfile_read(r, &pid);
}

static CHECKED bool
runfile_lock(struct runfile *r, const struct config *c, bool lock,
    struct error *err)
{
	struct stat	st;
	long		pid;

	/* Who may read it may lock it, and so keep the agent from starting. */
	r->fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		return error_set(err, "can't open %s: %s (run as a user who may "
		    "write there, or set [agent] run_dir in %s)", r->path,
		    strerror(errno), c->file);
	if (fstat(r->fd, &st) != 0 || st.st_uid != geteuid() ||
	    fchmod(r->fd, 0600) != 0)
		return error_set(err, "%s does not belong to user %d, who runs "
		    "this agent: another user could lock it; remove it, or set "
		    "[agent] run_dir in %s", r->path, (int)geteuid(), c->file);
	if (!lock)
		return true;
	if (flock(r->fd, LOCK_EX | LOCK_NB) == 0) {
		runfile_read(r, &pid);
		if (r->foreign)
			runfile_drop_others(r, c);
		return runfile_save(r, runfile_session(r), runfile_epoch(r),
		    err);
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
	struct runfile	*r = must_zeroed(1, sizeof *r);

	*out = NULL;
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
	return r->foreign ? "" : r->session;
}

uint64_t
runfile_epoch(const struct runfile *r)
{
	return r->foreign ? 0 : r->epoch;
}

/* Padded to one size, so that a write in place needs no new block: it can't
 * fail half-way on a full disk, and what an old one left is never read. */
bool
runfile_save(struct runfile *r, const char *session, uint64_t epoch,
    struct error *err)
{
	struct place	here = place_here();
	char		text[320];
	int		n;

	n = snprintf(text, sizeof text, "%ld %s %" PRIu64 " %s %s",
	    (long)getpid(), session[0] != '\0' ? session : "-", epoch,
	    here.machine, here.boot);
	memset(text + n, ' ', sizeof text - (size_t)n);
	text[sizeof text - 1] = '\n';
	errno = ENOSPC;		/* what a short write means */
	if (pwrite(r->fd, text, sizeof text, 0) != (ssize_t)sizeof text)
		return error_set(err, "can't write %s: %s", r->path,
		    strerror(errno));
	if (session != r->session)
		snprintf(r->session, sizeof r->session, "%s", session);
	r->epoch = epoch;
	r->foreign = false;
	return true;
}

void
runfile_promote_file(const struct config *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.promote", c->run_dir, c->service_id);
}

bool
runfile_promote(const struct config *c, struct error *err)
{
	struct place	here = place_here();
	char		path[PATH_MAX];
	int		fd;
	bool		ok;

	runfile_promote_file(c, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	/* The agent may run as another user than the one who promotes. */
	ok = fd >= 0 && fchmod(fd, 0644) == 0 &&
	    dprintf(fd, "%s %s\n", here.machine, here.boot) > 0;
	if (!ok)
		error_set(err, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
runfile_is_promoted(const struct config *c)
{
	char		path[PATH_MAX];
	struct place	place;
	FILE		*f;
	bool		yes;

	runfile_promote_file(c, path);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	yes = fscanf(f, "%63s %63s", place.machine, place.boot) == 2 &&
	    place_is_here(&place);
	fclose(f);
	return yes;
}

bool
runfile_end_promote(const struct config *c)
{
	char	path[PATH_MAX];

	runfile_promote_file(c, path);
	return unlink(path) == 0;
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
		return errno == EACCES;	/* another user's: it is for him to say */
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

pid_t
runfile_guard(const struct config *c)
{
	struct flock	l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char		path[PATH_MAX];
	int		fd;

	snprintf(path, sizeof path, "%s/%s.guard", c->run_dir, c->service_id);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &l) != 0)
		l.l_type = F_UNLCK;
	close(fd);
	/* One in another PID namespace has no number here, but lives. */
	return l.l_type == F_UNLCK ? 0 : l.l_pid > 0 ? l.l_pid : 1;
}

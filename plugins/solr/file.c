/*
 * file.c - a file, read whole, and replaced at once.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_LIMIT	(1 << 20)

/* Where a path leads to: a folder that is held open, and the name in it.  As root
 * we must not be led astray: what lies in a folder of another user, he may
 * replace by a link to what he may not write, between any two of our steps.  So
 * each step is held while the next one is made, and from such a folder on
 * neither a link of his leads out of it, nor "..". */
struct spot {
	int	 folder;
	char	 name[NAME_MAX + 1];
	bool	 foreign;	/* another user has a say in it */
	int	 links;		/* that were followed */
};

#define LINKS	20

static bool
is_foreign(const struct stat *st)
{
	return geteuid() == 0 && (st->st_uid != 0 || (S_ISDIR(st->st_mode) &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) != 0));
}

static bool
fail(int error)
{
	errno = error;
	return false;
}

/* Goes into a folder; fd is its. */
static bool
enter(struct spot *s, int fd)
{
	struct stat	 st;
	int		 error;

	if (fd == -1 || fstat(fd, &st) == -1) {
		error = errno;
		if (fd != -1)
			close(fd);
		return fail(error);
	}
	if (s->folder != -1)
		close(s->folder);
	s->folder = fd;
	s->foreign = s->foreign || is_foreign(&st);
	return true;
}

static bool	go(struct spot *, const char *path);

/* fd is the link's. */
static bool
go_by_link(struct spot *s, int fd, const struct stat *st)
{
	char		 target[PATH_MAX];
	ssize_t		 n = readlinkat(fd, "", target, sizeof(target) - 1);
	bool		 trusted = !s->foreign || !is_foreign(st);

	if (n == -1)
		return false;
	target[n] = '\0';
	if (s->links++ == LINKS || (!trusted && *target == '/'))
		return fail(ELOOP);
	if (*target == '/')
		s->foreign = false;
	return go(s, target);
}

/* One step; the last one of a path leads into no folder. */
static bool
step(struct spot *s, bool last)
{
	int		 fd = openat(s->folder, s->name, O_PATH | O_NOFOLLOW |
			    O_CLOEXEC);
	struct stat	 st;
	bool		 ok;

	if (fd == -1)
		return last && errno == ENOENT;
	if (s->foreign && strcmp(s->name, "..") == 0)
		ok = fail(ELOOP);
	else if (fstat(fd, &st) == -1)
		ok = false;
	else if (S_ISLNK(st.st_mode))
		ok = go_by_link(s, fd, &st) && (last || step(s, false));
	else if (last)
		ok = true;
	else {
		ok = enter(s, fd);
		fd = -1;
	}
	if (fd != -1)
		close(fd);
	return ok;
}

static bool
go(struct spot *s, const char *path)
{
	size_t	 length;

	if (*path == '/' && !enter(s, open("/", O_PATH | O_CLOEXEC)))
		return false;
	for (;;) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length > NAME_MAX)
			return fail(ENAMETOOLONG);
		snprintf(s->name, sizeof(s->name), "%.*s", (int)length,
		    length == 0 ? "." : path);
		path += length;
		if (path[strspn(path, "/")] == '\0')
			return step(s, true);
		if (!step(s, false))
			return false;
	}
}

static bool
find(struct spot *s, const char *path)
{
	int	 error;

	*s = (struct spot){ .folder = -1 };
	if ((*path == '/' || enter(s, open(".", O_PATH | O_CLOEXEC))) &&
	    go(s, path))
		return true;
	error = errno;
	if (s->folder != -1)
		close(s->folder);
	return fail(error);
}

/* The file there.  Another name of one may be in a folder that is not his. */
static int
open_there(const struct spot *s, struct stat *st)
{
	int	 fd = openat(s->folder, s->name, O_RDONLY | O_NOFOLLOW |
		    O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && !(s->foreign &&
	    !is_foreign(st) && st->st_nlink > 1))
		return fd;
	close(fd);
	errno = S_ISREG(st->st_mode) ? EMLINK : EINVAL;
	return -1;
}

const char *
file_wrong(void)
{
	return errno == ELOOP ? "the path has a link in a folder of another "
	    "user, which root does not follow: give the path without links, or "
	    "run the agent as Solr's user" : strerror(errno);
}

char *
file_read(const char *path)
{
	struct spot	 s;
	struct stat	 st;
	int		 fd, error;
	char		*text = NULL;
	ssize_t		 n = -1;

	if (!find(&s, path))
		return NULL;
	fd = open_there(&s, &st);
	error = errno;
	close(s.folder);
	errno = error;
	if (fd == -1)
		return NULL;
	if (st.st_size > FILE_LIMIT)
		errno = EFBIG;
	else if ((text = malloc(FILE_LIMIT + 1)) != NULL)
		n = read(fd, text, FILE_LIMIT);
	error = errno;
	close(fd);
	if (n < 0) {
		free(text);
		errno = error;
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static bool
write_all(int fd, const char *text)
{
	size_t	 left = strlen(text);
	ssize_t	 n;

	for (; left > 0; text += n, left -= (size_t)n) {
		n = write(fd, text, left);
		if (n <= 0)
			return false;
	}
	return true;
}

/* So that the new name lasts, too. */
static void
sync_folder(const struct spot *s)
{
	int	 fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY |
		    O_CLOEXEC);

	if (fd == -1)
		return;
	fsync(fd);
	close(fd);
}

/* A file of a name that nobody has, in that folder. */
static int
open_new(const struct spot *s, char name[static NAME_MAX + 1])
{
	struct timespec	 now;
	int		 fd, tries = 0;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		snprintf(name, NAME_MAX + 1, "%.200s.%d.%ld", s->name,
		    (int)getpid(), now.tv_nsec);
		fd = openat(s->folder, name, O_WRONLY | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (fd == -1 && errno == EEXIST && tries++ < LINKS);
	return fd;
}

static bool
replace_there(const struct spot *s, const struct stat *st, const char *text)
{
	char	 name[NAME_MAX + 1];
	int	 fd = open_new(s, name), error;
	bool	 ok;

	if (fd == -1)
		return false;
	ok = fchown(fd, st->st_uid, st->st_gid) == 0 &&
	    fchmod(fd, st->st_mode & 07777) == 0 &&
	    write_all(fd, text) && fsync(fd) == 0 &&
	    renameat(s->folder, name, s->folder, s->name) == 0;
	error = errno;
	close(fd);
	if (ok)
		sync_folder(s);
	else
		unlinkat(s->folder, name, 0);
	errno = error;
	return ok;
}

bool
file_replace(const char *path, const char *text)
{
	struct spot	 s;
	struct stat	 st;
	int		 was, error;
	bool		 ok;

	if (!find(&s, path))
		return false;
	was = open_there(&s, &st);
	ok = was != -1 && replace_there(&s, &st, text);
	error = errno;
	if (was != -1)
		close(was);
	close(s.folder);
	errno = error;
	return ok;
}

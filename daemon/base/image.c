/* image.c - a program or a plugin as it was when the agent started. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"

#define CHUNK		65536
#define FIRST_NUMBER	16	/* above all of child.h's */

#ifndef MFD_EXEC		/* Linux 6.3 */
#define MFD_EXEC	0x0010u
#endif

int
image_move(int fd)
{
	int	moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_NUMBER);

	close(fd);
	return moved;
}

static bool
image_write(int fd, const char *bytes, size_t length)
{
	ssize_t	n;

	for (; length > 0; bytes += n, length -= (size_t)n)
		if ((n = write(fd, bytes, length)) < 0)
			return false;
	return true;
}

/* -1: the kernel does not want that. */
static int
image_copy(int from, const char *path)
{
	const char	*name = strrchr(path, '/') + 1;
	unsigned	 flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	char		 bytes[CHUNK];
	ssize_t		 n;
	off_t		 at = 0;
	int		 fd = memfd_create(name, flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return -1;
	while ((n = pread(from, bytes, sizeof bytes, at)) > 0 &&
	    image_write(fd, bytes, (size_t)n))
		at += n;
	if (n == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
image_take(struct image *i, const char *path, enum image_kind kind,
    struct error *err)
{
	int	fd, copy;

	*i = (struct image){ .fd = 0 };
	snprintf(i->path, sizeof i->path, "%s", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &i->mark) != 0) {
		error_set(err, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	copy = kind == IMAGE_COPIED ? image_copy(fd, path) : -1;
	i->copied = copy >= 0;
	if (i->copied) {
		close(fd);
		fd = copy;
	}
	i->fd = image_move(fd);
	return i->fd > 0 || error_set(err, "%s: %s", path, strerror(errno));
}

void
image_drop(struct image *i)
{
	if (i->fd > 0)
		close(i->fd);
	i->fd = 0;
}

/*
 * Looking.
 */

static bool
image_is_marked(const struct image *i, const struct stat *s)
{
	const struct stat	*m = &i->mark;

	return s->st_dev == m->st_dev && s->st_ino == m->st_ino &&
	    s->st_size == m->st_size &&
	    s->st_mtim.tv_sec == m->st_mtim.tv_sec &&
	    s->st_mtim.tv_nsec == m->st_mtim.tv_nsec &&
	    s->st_ctim.tv_sec == m->st_ctim.tv_sec &&
	    s->st_ctim.tv_nsec == m->st_ctim.tv_nsec;
}

static bool
image_has_content_of(const struct image *i, int fd)
{
	char	ours[CHUNK], theirs[CHUNK];
	off_t	at = 0;
	ssize_t	n;

	do {
		n = pread(i->fd, ours, sizeof ours, at);
		if (n < 0 || pread(fd, theirs, sizeof theirs, at) != n ||
		    memcmp(ours, theirs, (size_t)n) != 0)
			return false;
		at += n;
	} while (n > 0);
	return true;
}

enum image_state
image_look(struct image *i)
{
	struct stat	now;
	int		fd;

	if (stat(i->path, &now) != 0)
		return IMAGE_GONE;
	if (image_is_marked(i, &now))
		return i->state;
	/* The same package once more, or a new link to it, is no news. */
	fd = open(i->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	i->state = fd >= 0 && image_has_content_of(i, fd) ? IMAGE_SAME :
	    IMAGE_CHANGED;
	i->mark = now;
	if (fd >= 0)
		close(fd);
	return i->state;
}

/*
 * Our own programs.
 */

struct image *
image_program(enum image_program which, struct error *err)
{
	static const struct {
		const char	*name;
		enum image_kind	 kind;
	}			 programs[IMAGE_PROGRAMS] = {
		[IMAGE_SELF] = { NULL, IMAGE_HELD },
		[IMAGE_HANDLER] = { "consul-failover-handler", IMAGE_COPIED },
		[IMAGE_GUARD] = { "consul-failover-guard", IMAGE_HELD },
	};
	static struct image	 taken[IMAGE_PROGRAMS];
	struct image		*i = &taken[which];
	char			 path[PATH_MAX];
	struct error		 why;

	if (i->fd > 0)
		return i;
	if (which == IMAGE_SELF)
		child_find_self(path);
	else
		child_find_program(path, programs[which].name);
	if (image_take(i, path, programs[which].kind, &why))
		return i;
	error_set(err, "can't start %s", why.text);
	return NULL;
}

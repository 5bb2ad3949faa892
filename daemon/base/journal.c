/* journal.c - what this node's agents have been, in a file. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "must.h"

#define FULL	(256 * 1024)	/* bytes */
#define LINE	4096		/* the longest that is read; ours are shorter */

void
journal_path(const struct config *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.history", c->run_dir, c->service_id);
}

/* A full one makes room first. */
static int
open_to_append(const char *path)
{
	char		older[PATH_MAX + 2];
	struct stat	st;

	snprintf(older, sizeof older, "%s.1", path);
	if (lstat(path, &st) == 0 && st.st_size >= FULL &&
	    rename(path, older) != 0)
		return -1;
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK, 0600);
}

bool
journal_append(const struct config *c, const char *lines, struct error *err)
{
	size_t		length = strlen(lines);
	struct stat	st = { 0 };
	char		path[PATH_MAX];
	ssize_t		n = -1;
	int		fd;

	journal_path(c, path);
	fd = open_to_append(path);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		errno = ENOSPC;		/* what a short write means */
		n = write(fd, lines, length);
	}
	if (n != (ssize_t)length)
		error_set(err, "can't write %s: %s", path, strerror(errno));
	/* The next line would be a part of this one. */
	if (n > 0 && n != (ssize_t)length && ftruncate(fd, st.st_size) != 0)
		error_set(err, "%s ends with a broken line: %s", path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)length;
}

static bool
read_file(const char *path, void (*each)(yajl_val, void *), void *arg)
{
	int		 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
			    O_NONBLOCK);
	FILE		*f = fd >= 0 ? must(fdopen(fd, "r")) : NULL;
	struct stat	 st;
	char		 line[LINE];
	struct error	 err;
	yajl_val	 v;

	if (f == NULL)
		return false;
	/* Root may read it in the folder of the agent's user. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		fclose(f);
		errno = EINVAL;
		return false;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		v = json_parse(line, strlen(line), &err);
		if (YAJL_IS_OBJECT(v))
			each(v, arg);
		else
			yajl_tree_free(v);
	}
	fclose(f);
	return true;
}

bool
journal_read(const struct config *c, void (*each)(yajl_val, void *), void *arg,
    struct error *err)
{
	char	path[PATH_MAX], older[PATH_MAX + 2];
	bool	found;

	journal_path(c, path);
	snprintf(older, sizeof older, "%s.1", path);
	found = read_file(older, each, arg);
	if (read_file(path, each, arg))
		return true;
	return found || error_set(err, "can't read %s: %s", path,
	    strerror(errno));
}

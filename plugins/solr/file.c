/*
 * file.c - a file, read whole, and replaced at once.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT	(1 << 20)

char *
file_read(const char *path)
{
	int		 fd = open(path, O_RDONLY | O_CLOEXEC), error;
	char		*text = NULL;
	struct stat	 st;
	ssize_t		 n = -1;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > FILE_LIMIT)
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
sync_folder(char *path)
{
	int	 fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	fsync(fd);
	close(fd);
}

bool
file_replace(const char *path, const char *text)
{
	char		 real[PATH_MAX], new[PATH_MAX + 16];
	struct stat	 st;
	bool		 ok;
	int		 fd, error;

	if (realpath(path, real) == NULL || stat(real, &st) == -1)
		return false;
	snprintf(new, sizeof(new), "%s.XXXXXX", real);
	fd = mkostemp(new, O_CLOEXEC);
	if (fd == -1)
		return false;
	ok = fchown(fd, st.st_uid, st.st_gid) == 0 &&
	    fchmod(fd, st.st_mode & 07777) == 0 &&
	    write_all(fd, text) && fsync(fd) == 0 &&
	    rename(new, real) == 0;
	error = errno;
	close(fd);
	if (ok)
		sync_folder(real);
	else
		unlink(new);
	errno = error;
	return ok;
}

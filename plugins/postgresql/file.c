/* file.c - reading and writing the server's small files. */

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

char *
file_read(const char *path)
{
	FILE	*file = fopen(path, "re");
	char	*text = NULL;
	size_t	 size = 0;

	if (file == NULL)
		return NULL;
	if (getdelim(&text, &size, '\0', file) == -1) {
		/* An empty one has no text to get. */
		free(text);
		text = ferror(file) ? NULL : strdup("");
	}
	fclose(file);
	return text;
}

size_t
file_begin(const char *path, char *text, size_t size)
{
	int	 fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t	 at = 0;
	ssize_t	 n;

	while (fd != -1 && at < size - 1 &&
	    (n = read(fd, text + at, size - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = '\0';
	if (fd != -1)
		close(fd);
	return at;
}

static bool
write_mode(const char *path, const char *text, mode_t mode)
{
	int	 fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    mode);
	size_t	 size = strlen(text);
	bool	 ok;

	if (fd == -1)
		return false;
	ok = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

bool
file_write(const char *path, const char *text)
{
	return write_mode(path, text, 0600);
}

bool
file_sync_folder(const char *path)
{
	int	 fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool	 ok = fd != -1 && fsync(fd) == 0;

	if (fd != -1)
		close(fd);
	return ok;
}

bool
file_replace(const char *path, const char *text)
{
	char		 new[PATH_MAX], folder[PATH_MAX];
	struct stat	 s;

	if (stat(path, &s) != 0)
		s.st_mode = 0600;
	if (snprintf(new, sizeof(new), "%s.new", path) >= (int)sizeof(new))
		return false;
	snprintf(folder, sizeof(folder), "%s", path);
	unlink(new);
	if (write_mode(new, text, s.st_mode & 0777) && rename(new, path) == 0)
		return file_sync_folder(dirname(folder));
	unlink(new);
	return false;
}

/* mark.c - notes in the data directory and beside it. */

#include "mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "file.h"

/*
 * That an agent has made it a master, ever: it goes with the data.
 */

#define OURS	"consul-failover.master"

bool
mark_is_ours(struct failover *f)
{
	char	 path[PATH_MAX];

	data_path(f, OURS, path);
	return access(path, F_OK) == 0;
}

bool
mark_make_ours(struct failover *f)
{
	char	 path[PATH_MAX];
	int	 fd;

	data_path(f, OURS, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1 && errno != ENOENT)
		return f->say(f, FAILOVER_FAILED, "can't write %s: %s", path,
		    strerror(errno)) == FAILOVER_DONE;
	if (fd != -1)
		close(fd);
	return true;
}

/*
 * standby.signal.
 */

enum mark
mark_get(struct failover *f)
{
	char		 path[PATH_MAX];
	struct stat	 s;

	data_path(f, "standby.signal", path);
	if (stat(path, &s) != 0)
		return MARK_NONE;
	return s.st_size == 0 ? MARK_STANDBY : MARK_PROMOTING;
}

bool
mark_set(struct failover *f, enum mark mark)
{
	static const char	 note[] = "consul-failover promotes it\n";
	size_t			 size = mark == MARK_PROMOTING ?
				    strlen(note) : 0;
	char			 path[PATH_MAX];
	int			 fd;
	bool			 ok;

	data_path(f, "standby.signal", path);
	if (mark == MARK_NONE)
		return unlink(path) == 0 && file_sync_folder(data_folder(f));
	if (mark_get(f) == mark)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	ok = write(fd, note, size) == (ssize_t)size && fsync(fd) == 0;
	close(fd);
	return ok && file_sync_folder(data_folder(f));
}

/*
 * The note of a pg_rewind under way, beside the directory that it changes.
 */

/* Where data_directory is a link, an older version has put it beside that. */
static void
torn_path(struct failover *f, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s.rewinding", f->option(f,
	    "data_directory"));
	if (access(path, F_OK) != 0)
		snprintf(path, PATH_MAX, "%s.rewinding", data_folder(f));
}

bool
mark_torn(struct failover *f)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	return access(path, F_OK) == 0;
}

bool
mark_set_torn(struct failover *f, const char *note)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	if (note == NULL)
		return unlink(path) == 0 || errno == ENOENT;
	return mark_torn(f) || file_replace(path, note);
}

char *
mark_torn_note(struct failover *f)
{
	char	 path[PATH_MAX];

	torn_path(f, path);
	return file_read(path);
}

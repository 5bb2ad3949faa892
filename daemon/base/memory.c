/* memory.c - what a copy's plugin remembers about it. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

void
memory_path(const struct config *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.memory", c->state_dir, c->service_id);
}

static void
memory_folder(const char *path, char folder[PATH_MAX])
{
	snprintf(folder, PATH_MAX, "%s", path);
	*strrchr(folder, '/') = '\0';
}

static bool
memory_make_folder(const char *folder)
{
	return mkdir(folder, 0755) == 0 || errno == EEXIST;
}

bool
memory_could(const struct config *c, struct error *err)
{
	char	parent[PATH_MAX];

	if (access(c->state_dir, W_OK | X_OK) == 0)
		return true;
	memory_folder(c->state_dir, parent);
	if (errno == ENOENT && access(parent[0] != '\0' ? parent : "/",
	    W_OK | X_OK) == 0)
		return true;
	return error_set(err, "can't write into %s: %s; as this user an agent "
	    "would not start: run it as a user who may write there, create the "
	    "folder for it (the unit does), or set [agent] state_dir",
	    c->state_dir, strerror(errno));
}

bool
memory_check(const struct config *c, struct error *err)
{
	char		path[PATH_MAX], text[FAILOVER_SENTENCE];
	struct error	why;

	memory_path(c, path);
	if (!memory_make_folder(c->state_dir))
		return error_set(err, "can't make the folder %s: %s (set "
		    "[agent] state_dir in %s)", c->state_dir, strerror(errno),
		    c->file);
	if (access(c->state_dir, W_OK | X_OK) != 0)
		return error_set(err, "can't write into the folder %s: %s (run "
		    "as a user who may write there, or set [agent] state_dir "
		    "in %s)", c->state_dir, strerror(errno), c->file);
	return memory_read(path, text, sizeof text, &why) ||
	    error_set(err, "%s: it may record that this copy lacks data",
	    why.text);
}

bool
memory_read(const char *path, char *text, size_t size, struct error *err)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char	line[FAILOVER_SENTENCE + 1];
	ssize_t	n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
	int	failed = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0 && !(fd < 0 && failed == ENOENT))
		return error_set(err, "can't read %s: %s", path,
		    strerror(failed));
	line[n > 0 ? n : 0] = '\0';
	snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

/* A name in a folder is on the disk when the folder is. */
static bool
memory_sync_folder(const char *folder)
{
	int	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool	ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Under a name of our own: two handlers may write at a time. */
static bool
memory_write_fresh(const char *fresh, const char *folder, const char *text)
{
	struct stat	st;
	int		fd;
	bool		ok;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	/* Of the agent's user, whoever runs a call by hand. */
	ok = stat(folder, &st) == 0 && (st.st_uid == geteuid() ||
	    fchown(fd, st.st_uid, st.st_gid) == 0);
	ok = ok && dprintf(fd, "%s\n", text) >= 0 && fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

bool
memory_write(const char *path, const char *text, struct error *err)
{
	char	folder[PATH_MAX], fresh[PATH_MAX + 16];
	bool	ok;

	memory_folder(path, folder);
	snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
	if (text[0] == '\0')
		ok = unlink(path) == 0 || errno == ENOENT;
	else
		ok = memory_make_folder(folder) &&
		    memory_write_fresh(fresh, folder, text) && rename(fresh, path) == 0;
	if (ok && memory_sync_folder(folder))
		return true;
	error_set(err, "can't write %s: %s", path, strerror(errno));
	unlink(fresh);
	return false;
}

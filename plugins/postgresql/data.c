/* data.c - the data directory, what is beside it, and the programs for it. */

#include "data.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define PATH_ROOM	960	/* bytes; PostgreSQL has 1024 for a path */

/* What is beside it is beside the folder itself, not beside a link to it. */
const char *
data_folder(struct failover *f)
{
	static char	*real;
	const char	*option = f->option(f, "data_directory");

	if (real == NULL)
		real = malloc(PATH_MAX);
	return *option == '/' && real != NULL &&
	    realpath(option, real) != NULL ? real : option;
}

void
data_path(struct failover *f, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", data_folder(f), file);
}

const char *
data_log(struct failover *f)
{
	static char	 path[PATH_MAX];

	if (*f->option(f, "log_file"))
		return f->option(f, "log_file");
	snprintf(path, sizeof(path), "%s.log", data_folder(f));
	return path;
}

int
data_version(struct failover *f)
{
	char	 path[PATH_MAX], text[32];

	data_path(f, "PG_VERSION", path);
	file_begin(path, text, sizeof(text));
	return atoi(text);
}

void
data_program(struct failover *f, const char *name, char path[PATH_MAX])
{
	static const char	*const folders[] = {
		"/usr/lib/postgresql/", "/bin",		/* Debian's packages */
		"/usr/pgsql-", "/bin",			/* PostgreSQL's RPMs */
	};
	const char		*folder = f->option(f, "bin_directory");
	int			 version = data_version(f), length;
	size_t			 i;

	for (i = 0; *folder == '\0' && i < 4; i += 2) {
		length = snprintf(path, PATH_MAX, "%s%d%s/%s", folders[i],
		    version, folders[i + 1], name);
		if (length < PATH_MAX && access(path, X_OK) == 0)
			return;
	}
	length = snprintf(path, PATH_MAX, "%s/%s", *folder ? folder :
	    "/usr/bin", name);
	if (length >= PATH_MAX)
		path[0] = '\0';		/* nothing to be run */
}

bool
data_empty(struct failover *f)
{
	DIR		*dir = opendir(data_folder(f));
	struct dirent	*d;
	bool		 empty = dir != NULL;

	while (empty && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* As another user we could neither signal the server nor read its files; as
 * root its files would become root's. */
static bool
check_owner(struct failover *f)
{
	struct stat	 s;

	if (data_folder(f)[0] != '/')
		f->say(f, FAILOVER_FAILED, "option data_directory: %s is not "
		    "an absolute path", data_folder(f));
	else if (stat(data_folder(f), &s) != 0)
		f->say(f, FAILOVER_FAILED, "option data_directory: %s: %s",
		    data_folder(f), strerror(errno));
	else if (s.st_uid != geteuid())
		f->say(f, FAILOVER_FAILED, "runs as user %d, but %s belongs to "
		    "user %d: run the agent as the user of the server "
		    "(User=postgres in its unit)", (int)geteuid(),
		    data_folder(f), (int)s.st_uid);
	else if (strlen(data_folder(f)) > PATH_ROOM)
		f->say(f, FAILOVER_FAILED, "option data_directory: %.80s... is "
		    "longer than %d bytes", data_folder(f), PATH_ROOM);
	else if (access("/proc/self/cwd", F_OK) != 0)
		f->say(f, FAILOVER_FAILED, "/proc is not mounted: without it "
		    "the plugin can't see whether the server runs");
	else
		return true;
	return false;
}

bool
data_check(struct failover *f)
{
	char	 path[PATH_MAX];
	int	 version;

	if (!check_owner(f))
		return false;
	version = data_version(f);
	if (version == 0 && data_empty(f) &&
	    strcmp(f->option(f, "on_divergence"), "copy") == 0)
		return true;
	if (version == 0) {
		f->say(f, FAILOVER_FAILED, "option data_directory: %s holds no "
		    "database: it has no PG_VERSION", data_folder(f));
		return false;
	}
	if (version < OLDEST) {
		f->say(f, FAILOVER_FAILED, "%s is of PostgreSQL %d, which is "
		    "too old: the plugin needs %d or later", data_folder(f),
		    version, OLDEST);
		return false;
	}
	data_program(f, "pg_controldata", path);
	if (access(path, X_OK) != 0) {
		f->say(f, FAILOVER_FAILED, "no PostgreSQL %d in %s: give its "
		    "folder as option bin_directory", version, path);
		return false;
	}
	return true;
}

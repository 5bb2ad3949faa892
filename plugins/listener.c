/* listener.c - who listens at a Unix socket whose file is gone. */
#include "listener.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTENS	0x10000		/* __SO_ACCEPTCON of the kernel */
#define NOBODY	0
#define UNSEEN	-1		/* a process that we may not look at */
#define INIT	1		/* it holds sockets for its units */

/* The path without links in it, where its end may be gone. */
static void
resolve(const char *path, char out[2 * PATH_MAX])
{
	char	 there[PATH_MAX], real[PATH_MAX] = "", *end;

	snprintf(there, sizeof(there), "%s", path);
	while (realpath(there, real) == NULL) {
		real[0] = '\0';
		if ((end = strrchr(there, '/')) == NULL)
			end = there;
		*end = '\0';
		if (end == there)
			break;
	}
	snprintf(out, 2 * PATH_MAX, "%s%s", real, path + strlen(there));
}

static const char *
name_of(const char *path)
{
	const char	*slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Do its paths begin where ours do?  Those of a container do not. */
static bool
shares_root(pid_t pid)
{
	char		 path[64];
	struct stat	 ours, its;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return stat("/", &ours) == 0 && stat(path, &its) == 0 &&
	    ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

/* What that process calls "its", is it ours? */
static bool
is_ours(pid_t pid, const char *its, const char *ours)
{
	char	 path[PATH_MAX], resolved[2 * PATH_MAX];

	if (its[0] == '/')
		snprintf(path, sizeof(path), "%s", its);
	else if (pid != UNSEEN)
		snprintf(path, sizeof(path), "/proc/%d/cwd/%s", (int)pid, its);
	else
		return false;
	resolve(path, resolved);
	return strcmp(resolved, ours) == 0 &&
	    (pid == UNSEEN || shares_root(pid));
}

static bool
has_socket(const char *pid, const char *wanted)
{
	char		 path[64], link[64];
	struct dirent	*e;
	DIR		*files;
	ssize_t		 n;
	bool		 found = false;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	if ((files = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(files)) != NULL) {
		n = readlinkat(dirfd(files), e->d_name, link, sizeof(link));
		found = n == (ssize_t)strlen(wanted) &&
		    memcmp(link, wanted, (size_t)n) == 0;
	}
	closedir(files);
	return found;
}

static pid_t
who_has(unsigned long inode)
{
	char		 wanted[64];
	struct dirent	*e;
	DIR		*processes = opendir("/proc");
	pid_t		 pid, found = UNSEEN;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while (processes != NULL && found <= NOBODY &&
	    (e = readdir(processes)) != NULL) {
		pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && has_socket(e->d_name, wanted))
			found = pid == INIT ? NOBODY : pid;
	}
	if (processes != NULL)
		closedir(processes);
	return found;
}

static pid_t
search(const char *ours)
{
	FILE		*list = fopen("/proc/net/unix", "re");
	char		*line = NULL, *its;
	size_t		 size = 0;
	unsigned	 flags;
	unsigned long	 inode;
	ssize_t		 length;
	pid_t		 pid, found = list == NULL ? UNSEEN : NOBODY;
	int		 at;

	while (list != NULL && found <= NOBODY &&
	    (length = getline(&line, &size, list)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		/* Num: RefCount Protocol Flags Type St Inode Path */
		at = 0;
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %n", &flags,
		    &inode, &at) != 2 || at == 0 || (flags & LISTENS) == 0)
			continue;
		its = line + at;	/* "@name": never had a file */
		if (its[0] == '@' || strcmp(name_of(its), name_of(ours)) != 0)
			continue;
		pid = who_has(inode);
		if (pid != NOBODY && is_ours(pid, its, ours))
			found = pid;
	}
	free(line);
	if (list != NULL)
		fclose(list);
	return found;
}

pid_t
listener_find(const char *path)
{
	char	 ours[2 * PATH_MAX];
	pid_t	 pid;

	resolve(path, ours);
	pid = search(ours);
	/* One that ends while we look is not seen, either. */
	if (pid == UNSEEN)
		pid = search(ours);
	/* Just started: that it listens is no news then. */
	return access(path, F_OK) == 0 ? NOBODY : pid;
}

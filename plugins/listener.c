/* listener.c - who listens at a Unix socket whose file is gone. */
#include "listener.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENS	0x10000		/* __SO_ACCEPTCON of the kernel */

/* The folder of a path, without links in it, and the name there. */
static const char *
split(const char *path, char folder[PATH_MAX])
{
	const char	*name = strrchr(path, '/');
	char		 text[PATH_MAX];

	snprintf(text, sizeof(text), "%.*s/", (int)(name - path), path);
	if (realpath(text, folder) == NULL)
		snprintf(folder, PATH_MAX, "%s", text);
	return name;
}

/* The same place?  Where the server was given a path without a folder, its name
 * must do. */
static bool
is_same(const char *ours, const char *its)
{
	char		 our_folder[PATH_MAX], its_folder[PATH_MAX];
	const char	*name = strrchr(ours, '/');

	if (name == NULL || its[0] != '/')
		return strcmp(name == NULL ? ours : name + 1,
		    strrchr(its, '/') == NULL ? its : strrchr(its, '/') + 1) ==
		    0;
	return strcmp(split(ours, our_folder), split(its, its_folder)) == 0 &&
	    strcmp(our_folder, its_folder) == 0;
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
	pid_t		 pid = -1;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	if (processes == NULL)
		return -1;
	while (pid == -1 && (e = readdir(processes)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    has_socket(e->d_name, wanted))
			pid = (pid_t)strtol(e->d_name, NULL, 10);
	closedir(processes);
	return pid;
}

pid_t
listener_find(const char *path)
{
	FILE		*list = fopen("/proc/net/unix", "re");
	char		*line = NULL;
	size_t		 size = 0;
	unsigned	 flags;
	unsigned long	 inode;
	ssize_t		 length;
	pid_t		 pid = 0;
	int		 at;

	if (list == NULL)
		return 0;
	while (pid == 0 && (length = getline(&line, &size, list)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		/* Num: RefCount Protocol Flags Type St Inode Path */
		at = 0;
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %n", &flags,
		    &inode, &at) == 2 && at > 0 && (flags & LISTENS) != 0 &&
		    is_same(path, line + at))
			pid = who_has(inode);
	}
	free(line);
	fclose(list);
	return pid;
}

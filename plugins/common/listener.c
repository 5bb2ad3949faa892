/* listener.c - which process listens at an address, if it can't be asked. */
#include "listener.h"

#include <dirent.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTENS	0x10000		/* __SO_ACCEPTCON of the kernel */
#define TCP_LISTENS	10	/* TCP_LISTEN of the kernel */
#define NOBODY	0
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
	else if (pid != LISTENER_UNSEEN)
		snprintf(path, sizeof(path), "/proc/%d/cwd/%s", (int)pid, its);
	else
		return false;
	resolve(path, resolved);
	return strcmp(resolved, ours) == 0 &&
	    (pid == LISTENER_UNSEEN || shares_root(pid));
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
	pid_t		 pid, found = LISTENER_UNSEEN;

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
	pid_t		 pid, found = list == NULL ? LISTENER_UNSEEN : NOBODY;
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

/* One that ends while we look is not seen, either: so that is asked twice. */
pid_t
listener_at_path(const char *path)
{
	char	 ours[2 * PATH_MAX];
	pid_t	 pid;

	resolve(path, ours);
	pid = search(ours);
	return pid == LISTENER_UNSEEN ? search(ours) : pid;
}

pid_t
listener_find(const char *path)
{
	pid_t	 pid = listener_at_path(path);

	/* Just started: that it listens is no news then. */
	return access(path, F_OK) == 0 ? NOBODY : pid;
}

/*
 * By TCP.
 */

/* An address of the kernel's lists: IPv4 is kept as it is within IPv6. */
struct place {
	uint32_t	 word[4];
	unsigned	 port;
};

static bool
place_of(const struct sockaddr *sa, struct place *p)
{
	const struct sockaddr_in	*in = (const void *)sa;
	const struct sockaddr_in6	*in6 = (const void *)sa;

	*p = (struct place){ .word = { 0, 0, htonl(0xffff), 0 } };
	if (sa->sa_family == AF_INET) {
		p->word[3] = in->sin_addr.s_addr;
		p->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(p->word, &in6->sin6_addr, sizeof(p->word));
		p->port = ntohs(in6->sin6_port);
	}
	return p->port != 0;
}

/* Who listens everywhere listens there, too, if it is here. */
static bool
is_here(const struct sockaddr *sa)
{
	struct sockaddr_storage	 any = { 0 };
	int			 fd = socket(sa->sa_family,
				    SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t		 size = sa->sa_family == AF_INET ?
				    sizeof(struct sockaddr_in) :
				    sizeof(struct sockaddr_in6);
	bool			 here;

	memcpy(&any, sa, size);
	((struct sockaddr_in *)&any)->sin_port = 0;	/* the same in both */
	here = fd != -1 && bind(fd, (struct sockaddr *)&any, size) == 0;
	if (fd != -1)
		close(fd);
	return here;
}

/* A line of the kernel's list; false if nobody listens there. */
static bool
listens(const char *line, struct place *p, unsigned long *inode)
{
	unsigned	 state;
	char		 address[33];

	/* sl: address:port peer st queues timer retransmits uid timeout inode */
	if (sscanf(line, " %*u: %32[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu",
	    address, &p->port, &state, inode) != 4 || state != TCP_LISTENS)
		return false;
	if (strlen(address) == 32)
		return sscanf(address, "%8x%8x%8x%8x", &p->word[0],
		    &p->word[1], &p->word[2], &p->word[3]) == 4;
	p->word[0] = p->word[1] = 0;
	p->word[2] = htonl(0xffff);
	return sscanf(address, "%8x", &p->word[3]) == 1;
}

/* 0.0.0.0 and ::, which takes IPv4, too. */
static bool
is_everywhere(const struct place *p, bool ipv4)
{
	return p->word[3] == 0 && p->word[1] == 0 && p->word[0] == 0 &&
	    (p->word[2] == 0 || (ipv4 && p->word[2] == htonl(0xffff)));
}

static pid_t
search_list(const char *name, const struct sockaddr *sa, const struct place *p)
{
	FILE		*list = fopen(name, "re");
	char		 line[512];
	struct place	 its;
	unsigned long	 inode;
	pid_t		 found = NOBODY;

	while (list != NULL && found == NOBODY &&
	    fgets(line, sizeof(line), list) != NULL)
		if (listens(line, &its, &inode) && its.port == p->port &&
		    (memcmp(its.word, p->word, sizeof(its.word)) == 0 ||
		    (is_everywhere(&its, sa->sa_family == AF_INET) &&
		    is_here(sa))))
			found = who_has(inode);
	if (list == NULL)
		return LISTENER_UNSEEN;
	fclose(list);
	return found;
}

static pid_t
search_lists(const struct sockaddr *sa, const struct place *p)
{
	pid_t	 pid = search_list("/proc/net/tcp", sa, p), other = NOBODY;

	if (pid > NOBODY)
		return pid;
	if (access("/proc/net/tcp6", F_OK) == 0)	/* there is IPv6 */
		other = search_list("/proc/net/tcp6", sa, p);
	return other != NOBODY ? other : pid;
}

/* Nobody listens on that port, at any address: the kernel would not let us have
 * it otherwise.  Its lists may be long, of each connection a line, and whoever
 * asks for a server that has just died is in a hurry. */
static bool
is_free(unsigned port)
{
	const struct sockaddr_in6	 all = { .sin6_family = AF_INET6,
					    .sin6_port = htons((uint16_t)port) };
	const int			 yes = 1, no = 0;
	int				 fd = socket(AF_INET6, SOCK_STREAM |
					    SOCK_CLOEXEC, 0);
	bool				 had;

	/* With the first, connections that are left over do not count; without
	 * the second, IPv4 counts. */
	had = fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes,
	    sizeof(yes)) == 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no,
	    sizeof(no)) == 0 && bind(fd, (const struct sockaddr *)&all,
	    sizeof(all)) == 0;
	if (fd != -1)
		close(fd);
	return had;
}

pid_t
listener_at(const struct sockaddr *sa)
{
	struct place	 p;
	pid_t		 pid;

	if (!place_of(sa, &p) || is_free(p.port))
		return NOBODY;
	pid = search_lists(sa, &p);
	return pid == LISTENER_UNSEEN ? search_lists(sa, &p) : pid;
}

static pid_t
search_port(const char *name, unsigned port, bool (*wanted)(pid_t))
{
	FILE		*list = fopen(name, "re");
	char		 line[512];
	struct place	 its;
	unsigned long	 inode;
	pid_t		 pid, found = list == NULL ? LISTENER_UNSEEN : NOBODY;

	while (list != NULL && found <= NOBODY &&
	    fgets(line, sizeof(line), list) != NULL) {
		if (!listens(line, &its, &inode) || its.port != port)
			continue;
		pid = who_has(inode);
		if (pid == LISTENER_UNSEEN || (pid > NOBODY && wanted(pid)))
			found = pid;
	}
	if (list != NULL)
		fclose(list);
	return found;
}

static pid_t
search_ports(unsigned port, bool (*wanted)(pid_t))
{
	pid_t	 pid = search_port("/proc/net/tcp", port, wanted);

	if (pid <= NOBODY && access("/proc/net/tcp6", F_OK) == 0) {
		pid_t	 other = search_port("/proc/net/tcp6", port, wanted);

		return other != NOBODY ? other : pid;
	}
	return pid;
}

pid_t
listener_on_port(unsigned port, bool (*wanted)(pid_t))
{
	pid_t	 pid = is_free(port) ? NOBODY : search_ports(port, wanted);

	return pid == LISTENER_UNSEEN ? search_ports(port, wanted) : pid;
}

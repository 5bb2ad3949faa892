/*
 * listener.h - who listens at an address, where he can't be asked.
 *
 * A server whose socket was removed while it runs can't be asked, and must not
 * be taken for one that does not run: it may still be the master.  The kernel
 * goes on listing the socket by the path that it was given.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Instead of a process: there may be one, and we may not see it, which takes
 * root, or the same user and rights. */
#define LISTENER_UNSEEN	-1

/* The process that listens at that path, whose file is gone; 0: there is none,
 * or the file is there again. */
pid_t	listener_find(const char *path);

/* The same of a server that does not answer: at that path, whether its file is
 * there or not; and at that address of this machine, by TCP. */
pid_t	listener_at_path(const char *path);
pid_t	listener_at(const struct sockaddr *);

/* The same of each address that the host has, which is one or a name; flags are
 * getaddrinfo's: with AI_NUMERICHOST no name server is asked. */
pid_t	listener_at_host(const char *host, unsigned port, int flags);

/* One that listens on that port, at whatever address of this network namespace,
 * and is wanted. */
pid_t	listener_on_port(unsigned port, bool (*wanted)(pid_t));

#endif

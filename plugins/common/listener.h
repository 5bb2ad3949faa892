/*
 * listener.h - which process listens at an address, if it can't be asked.
 *
 * A server whose socket was removed while it runs can't be asked, and must not
 * be taken for one that does not run: it may still be the master.  The kernel
 * still lists the socket with its original path.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Instead of a process: there may be one that we can't see; only root, or its
 * own user with the same rights, can. */
#define LISTENER_UNSEEN	-1

/* The process that listens at that path after its file was removed; 0: there is
 * none, or the file exists again. */
pid_t	listener_find(const char *path);

/* The same for a server that does not answer: at that path, whether the file
 * exists or not; and by TCP at that address of this machine. */
pid_t	listener_at_path(const char *path);
pid_t	listener_at(const struct sockaddr *);

/* The same for each address of host, an address or a name; flags are
 * getaddrinfo's: AI_NUMERICHOST avoids the name server. */
pid_t	listener_at_host(const char *host, unsigned port, int flags);

/* A wanted process that listens on that port, at any address of this network
 * namespace. */
pid_t	listener_on_port(unsigned port, bool (*wanted)(pid_t));

#endif

/*
 * listener.h - who listens at a Unix socket whose file is gone.
 *
 * A server whose socket was removed while it runs can't be asked, and must not
 * be taken for one that does not run: it may still be the master.  The kernel
 * goes on listing the socket by the path that it was given.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <sys/types.h>

/* The process that listens at that path, whose file is gone; 0: there is none,
 * or the file is there again; -1: there may be one, and we may not see it: that
 * takes root, or the same user and rights. */
pid_t	listener_find(const char *path);

#endif

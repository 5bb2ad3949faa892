/*
 * defaults.h - where the client's option file says that the server is.
 *
 * The library reads the file itself, and takes one that is missing, empty or
 * broken for one that says nothing: then it tries a place of its own, where
 * nobody listens.  So what it would find is read here first.
 */
#ifndef DEFAULTS_H
#define DEFAULTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct defaults {
	char	 socket[PATH_MAX], host[256];	/* "" where it names none */
	char	 protocol[16];
};

/* Reads the file and all that it includes.  False, and why says which file and
 * what to do, if it can't be read, or not all of it understood, or has no group
 * for us. */
bool	defaults_read(struct defaults *, const char *path, char *why,
	    size_t size);

#endif

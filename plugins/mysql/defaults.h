/*
 * defaults.h - the server's place in the client's option file.
 *
 * The library reads the file itself, but ignores one that is missing, empty or
 * broken: then it tries a default place, where no server listens.  So we read
 * the file here first.
 */
#ifndef DEFAULTS_H
#define DEFAULTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct defaults {
	char	 socket[PATH_MAX], host[256];	/* "" if it names none */
	char	 protocol[16];
};

/* Reads the file and all that it includes.  False, with the file and what to do
 * in why, if it can't be read, can't be parsed completely, or has no group for
 * us. */
bool	defaults_read(struct defaults *, const char *path, char *why,
	    size_t size);

#endif

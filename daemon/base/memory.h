/*
 * memory.h - what a copy's plugin remembers about it: one line in
 * STATE_DIR/SERVICE_ID.memory, in a folder that survives a reboot.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

void	memory_path(const struct config *, char path[PATH_MAX]);

/* Could this user write there?  Creates nothing. */
bool	memory_could(const struct config *, struct error *) CHECKED;

/* Creates the folder if only its last part is missing; false if it can't be
 * written, or its content can't be read. */
bool	memory_check(const struct config *, struct error *) CHECKED;

/* Text becomes "" if there is no such file; after an error it is unchanged. */
bool	memory_read(const char *path, char *text, size_t size, struct error *)
	    CHECKED;

/* Returns when the text is on the disk.  "" removes the file. */
bool	memory_write(const char *path, const char *text, struct error *)
	    CHECKED;

#endif

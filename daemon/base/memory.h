/*
 * memory.h - what the plugin of a copy wants to be remembered of it: one line
 * in STATE_DIR/SERVICE_ID.memory, in a folder that outlives a reboot.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

void	memory_path(const struct config *, char path[PATH_MAX]);

/* Could this user keep something there?  Makes nothing. */
bool	memory_could(const struct config *, struct error *) CHECKED;

/* Makes the folder if only its last part is missing; false where nothing could
 * be kept in it, or what it holds can't be read. */
bool	memory_check(const struct config *, struct error *) CHECKED;

/* Text becomes "" where there is no such file; with an error it stays. */
bool	memory_read(const char *path, char *text, size_t size, struct error *)
	    CHECKED;

/* Returns when it is on the disk.  "" takes the file away. */
bool	memory_write(const char *path, const char *text, struct error *)
	    CHECKED;

#endif

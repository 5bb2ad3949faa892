/* config_load.h - the INI file, the environment and the flags, as one struct. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

/*
 * Reads FILE and lays environment and flags over it: flag, environment, file,
 * default.  Flags are "section.key=value" words (borrowed).  All mistakes are
 * found in one run: errors holds one "file:line: what" a line; *config is NULL
 * then.  The caller frees both with config_free and free.
 */
bool	config_load(struct config **, const char *file,
	    char *const *flags, size_t flag_count, char **errors) CHECKED;
void	config_free(struct config *);		/* NULL is fine */

#endif

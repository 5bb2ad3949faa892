/* config_load.h - the INI file, the environment and the flags, in one
 * struct. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

/*
 * Reads FILE, the environment and the flags.  A flag overrides the environment,
 * the environment overrides the file, and the file overrides the default.
 * Flags are "section.key=value" words (borrowed).  All errors are found in one
 * run: errors holds one "file:line: what" a line, and *config is NULL then.
 * The caller frees both with config_free and free.
 */
bool	config_load(struct config **, const char *file,
	    char *const *flags, size_t flag_count, char **errors) CHECKED;
/* The same without a FILE, for a command that only asks Consul: about the
 * service of this name, or, with "", about all.  [consul] comes from the
 * environment and the flags; what only a file can say has no meaning here. */
bool	config_load_service(struct config **, const char *name,
	    char *const *flags, size_t flag_count, char **errors) CHECKED;
void	config_free(struct config *);		/* NULL is fine */

#endif

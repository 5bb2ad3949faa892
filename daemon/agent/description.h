/* description.h - a plugin's description of itself, and its options. */
#ifndef DESCRIPTION_H
#define DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "image.h"
#include "operation.h"

/* A plugin's description, as its handler reported it.  Owned, with all that it
 * points to. */
struct plugin_option {
	const char	*name;
	int		 type;		/* enum failover_option_type */
	const char	*fallback;	/* NULL: none */
	const char	*meaning;
};

struct plugin_description {
	struct image		 image;		/* of the file that was loaded */
	const char		*name, *version, *summary;
	uint32_t		 abi;
	uint32_t		 ops;		/* bit 1 << enum operation */
	bool			 has_watch_fd, has_start, has_stop;
	/* "ensure_demote=ensure_demoted": an exported name that resembles a
	 * function which the plugin lacks; NULL: none. */
	const char		*near;
	struct plugin_option	*options;
	size_t			 option_count;
};

#define PLUGIN_LOAD_LIMIT_MS	5000

/* Starts a handler for a moment, to get the plugin's description: blocks for
 * limit_ms at most.  The reason names the file and the problem.  The name is a
 * path if it has a '/', else NAME.so in the plugin folder. */
bool	plugin_describe(struct plugin_description **, const char *name,
	    int64_t limit_ms, struct error *) CHECKED;
/* The same in two steps: between them it is loaded while we do other things. */
bool	plugin_describe_begin(struct plugin_description **, const char *name,
	    struct error *) CHECKED;
bool	plugin_describe_end(struct plugin_description **, int64_t limit_ms,
	    struct error *) CHECKED;
void	plugin_description_free(struct plugin_description *);

/* If position, has_position or behind has an option of its own name, as in
 * exec, the plugin has that operation only if the option is set: else this
 * removes it from the description's ops. */
void	plugin_leave_out(struct plugin_description *, const struct config *);

/* Checks the config's [options] against the description; errors (freed by the
 * caller) holds all of them, one "file:line: what" a line; NULL if there are
 * none. */
bool	plugin_check_options(const struct plugin_description *,
	    const struct config *, char **errors) CHECKED;

/* Must its value, or the file that it names, be kept secret? */
bool	plugin_option_is_secret(const struct plugin_option *);
bool	plugin_option_is_secret_file(const struct plugin_option *);

/* Reads the passwords that options name a file for, so that a demotion does not
 * depend on a file that is gone by then.  The plugin reports those that can't
 * be read. */
void	plugin_keep_secrets(struct config *,
	    const struct plugin_description *);

/* The option's value or default, borrowed, and as a number; NULL if it has
 * neither. */
const char	*plugin_option_value(const struct plugin_option *,
		    const struct config *, int64_t *number);
const char	*plugin_option_secret(const struct plugin_option *,
		    const struct config *);		/* NULL: none kept */

/* Starts the handler's program, with the described plugin. */
bool	plugin_spawn(pid_t *, const char *name,
	    const struct plugin_description *, int output, int channel,
	    struct error *) CHECKED;

#endif

/* plugin.h - loads a plugin; only handlers do that. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>

#include <consul-failover/plugin.h>

#include "error.h"
#include "operation.h"

/* A plugin that was built with a newer header may read fields of struct
 * failover that we don't have: they must exist, and be 0. */
#define PLUGIN_ROOM	4096

struct plugin {
	const char	*path;		/* borrowed */
	struct failover_plugin_info info; /* a copy, like its options; 0 if it
					   * has less */

	/* NULL if the plugin has none; see PLUGIN_FUNCTION. */
	void		(*functions[OPERATION_FUNCTIONS])(void);

	void		*object;	/* from dlopen */
	const void	*base;		/* its beginning */
};

/* An operation's function, with its type in consul-failover/plugin.h. */
#define PLUGIN_FUNCTION(plugin, op, name)				\
	((__typeof__(&name))(plugin)->functions[op])

/* Loads the object that is open as fd, and was at path.  It is never unloaded,
 * because a plugin's code may not survive that. */
bool		 plugin_load(struct plugin *, const char *path, int fd,
		    struct error *) CHECKED;

/* The name of the plugin's i-th function; NULL after the last. */
const char	*plugin_function(const struct plugin *, size_t i);

/* Does it export a name that resembles a function that it lacks?  Gives
 * "ensure_demote=ensure_demoted". */
#define PLUGIN_NEAR	64
bool		 plugin_find_near(const struct plugin *, char *text,
		    size_t size);

#endif

/* plugin.h - a plugin, loaded; only handlers do that. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>

#include <consul-failover/plugin.h>

#include "error.h"
#include "operation.h"

/* A plugin that was built with a newer header may look at fields of struct
 * failover that we don't have: they must be there, and 0. */
#define PLUGIN_ROOM	4096

struct plugin {
	const char	*path;		/* borrowed */
	struct failover_plugin_info info; /* a copy, as its options are; 0
					   * where it has less */

	/* NULL where the plugin has none; see PLUGIN_FUNCTION. */
	void		(*functions[OPERATION_FUNCTIONS])(void);

	void		*object;	/* of dlopen */
	const void	*base;		/* where it begins */
};

/* An operation's function, with the type that consul-failover/plugin.h gives to
 * that name. */
#define PLUGIN_FUNCTION(plugin, op, name)				\
	((__typeof__(&name))(plugin)->functions[op])

/* Loads the object that is open as fd, and was at path, for as long as the
 * process lives: code that somebody else wrote may not bear being unloaded. */
bool		 plugin_load(struct plugin *, const char *path, int fd,
		    struct error *) CHECKED;

/* The name of the i-th function that the plugin has; NULL after the last. */
const char	*plugin_function(const struct plugin *, size_t i);

/* Does it export what is one slip from a function that it lacks?  Gives
 * "ensure_demote=ensure_demoted". */
#define PLUGIN_NEAR	64
bool		 plugin_find_near(const struct plugin *, char *text,
		    size_t size);

#endif

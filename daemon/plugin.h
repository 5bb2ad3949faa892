/* plugin.h - a plugin, loaded; only handlers do that. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>

#include <consul-failover/plugin.h>

#include "error.h"

struct plugin {
	const char	*path;		/* borrowed */
	struct failover_plugin_info info; /* a copy; 0 where it has less */

	enum failover_result (*health)(struct failover *);
	enum failover_result (*ensure_master)(struct failover *);
	enum failover_result (*ensure_slave)(struct failover *, const char *);

	/* NULL where the plugin has none. */
	enum failover_result (*ensure_demoted)(struct failover *);
	enum failover_result (*position)(struct failover *, char *, size_t);
	enum failover_result (*has_position)(struct failover *, const char *);
	int64_t	 (*behind)(struct failover *, const char *);
	int	 (*watch_fd)(struct failover *);
	enum failover_result (*plugin_start)(struct failover *);
	void	 (*plugin_stop)(struct failover *);
};

/* Loads the object at path, which has a '/', for as long as the process
 * lives: code that somebody else wrote may not bear being unloaded. */
bool		 plugin_load(struct plugin *, const char *path, struct error *);

/* The name of the i-th function that the plugin has; NULL after the last. */
const char	*plugin_function(const struct plugin *, size_t i);

#endif

/* plugin.h - a plugin, loaded; only handlers do that. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>

#include <consul-failover/plugin.h>

#include "error.h"

/* A plugin that was built with a newer header may look at fields of struct
 * failover that we don't have: they must be there, and 0. */
#define PLUGIN_ROOM	4096

struct plugin {
	const char	*path;		/* borrowed */
	struct failover_plugin_info info; /* a copy, as its options are; 0
					   * where it has less */

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

	void		*object;	/* of dlopen */
	const void	*base;		/* where it begins */
};

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

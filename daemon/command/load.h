/* load.h - the config and the plugin that a command uses. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config_load.h"
#include "description.h"
#include "error.h"
#include "options.h"

/* Reports all errors.  The caller frees the config. */
bool	load_config(struct options *, struct config **) CHECKED;
/* Of a command that only asks Consul, with a service's name in place of
 * -c FILE: 0, or the exit status if there are both, or neither, unless it can
 * be about all services. */
int	load_service_words(const struct options *, bool all) CHECKED;
/* For all services, the service's name is "". */
bool	load_service(struct options *, struct config **) CHECKED;
/* Blocks for limit_ms at most. */
bool	load_plugin(const struct options *, struct config *,
	    struct plugin_description **, int64_t limit_ms) CHECKED;
/* Returns 0, or the exit status. */
int	load_both(struct options *, struct config **,
	    struct plugin_description **) CHECKED;

/* Prints lines of "file:line: what"; frees them. */
void	load_report(const struct options *, char *errors);
/* Does the plugin export a name that resembles a function's? */
bool	load_near(const struct plugin_description *, struct error *warning)
	    CHECKED;
void	load_log(const struct config *);

#endif

/* exposed.h - which secrets can any user of this machine read? */
#ifndef EXPOSED_H
#define EXPOSED_H

#include "config.h"
#include "handler.h"

/* Says a sentence of each file that holds one. */
void	exposed_look(const struct config *, const struct plugin_description *,
	    void (*say)(const char *));

#endif

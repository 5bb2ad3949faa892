/* exposed.h - finds secrets that any user of this machine can read */
#ifndef EXPOSED_H
#define EXPOSED_H

#include "config.h"
#include "handler.h"

/* Reports each file that holds one. */
void	exposed_look(const struct config *, const struct plugin_description *,
	    void (*say)(const char *));

#endif

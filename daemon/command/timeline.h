/* timeline.h - what happens after a fault, and when, with this config. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "config.h"
#include "description.h"

/* Prints to standard output. */
void	timeline_print(const struct config *,
	    const struct plugin_description *);

#endif

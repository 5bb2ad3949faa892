/* skeleton.h - consul-failover plugin new: the folder of a new plugin. */
#ifndef SKELETON_H
#define SKELETON_H

#include <stdbool.h>

#include "error.h"

/* Creates the folder of this name, with a plugin in it that builds and keeps
 * its promises.  Overwrites nothing. */
bool	skeleton_write(const char *name, struct error *) CHECKED;

#endif

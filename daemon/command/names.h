/* names.h - names in Consul, for completion in a shell. */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>

#include "config.h"

typedef void	(*names_cb)(const char *name, void *arg);

/* Calls each with the nodes of the service, or, if its name is "", with the
 * services.  Blocks for a second at most; if Consul has not answered by then,
 * there are no names. */
void	names_find(const struct config *, names_cb each, void *arg);

#endif

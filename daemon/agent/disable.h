/* disable.h - the file that takes a copy out of the service. */
#ifndef DISABLE_H
#define DISABLE_H

#include "config.h"

/* The disable file that exists and counts; NULL: none.  If one exists and does
 * not count, why has the reason; else it is "". */
const char	*disable_file(const struct config *, char *why, size_t);

#endif

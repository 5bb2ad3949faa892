/* disable.h - the file that takes a copy out of the service. */
#ifndef DISABLE_H
#define DISABLE_H

#include "config.h"

/* The one that is there and counts; NULL: none.  Why says of one that is there
 * and does not count what is wrong with it, or is "". */
const char	*disable_file(const struct config *, char *why, size_t);

#endif

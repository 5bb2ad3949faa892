/* trust.h - may anybody else write to what root is about to run? */
#ifndef TRUST_H
#define TRUST_H

#include <stdbool.h>

#include "error.h"

/* False, with who may and the command that mends it, where we are root and
 * others may write to the file, or to a folder on the way to it, and so put
 * another one in its place.  A file that is not there is none of its business. */
bool	trust_file(const char *path, struct error *) CHECKED;

#endif

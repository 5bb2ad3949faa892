/* trust.h - can another user write to what root is about to run? */
#ifndef TRUST_H
#define TRUST_H

#include <stdbool.h>

#include "error.h"

/* False, with the user and the command that fixes it, if we are root and
 * another user can write to the file, or to a folder above it, and so replace
 * it.  A missing file is not an error here. */
bool	trust_file(const char *path, struct error *) CHECKED;

#endif

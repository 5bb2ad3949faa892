/* base64.h - base64, which no library that we link gives us. */
#ifndef BASE64_H
#define BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* A new text, which the caller frees. */
char	*base64_encode(const char *text);
/* Into size bytes, with a NUL.  Cuts what does not fit; false where text is no
 * base64. */
bool	 base64_decode(const char *text, char *out, size_t size) CHECKED;

#endif

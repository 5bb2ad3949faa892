/* base64.h - base64, which none of our libraries has. */
#ifndef BASE64_H
#define BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Returns a new text, which the caller frees. */
char	*base64_encode(const char *text);
/* Decodes into size bytes, with a NUL.  Truncates if necessary; false if text
 * is not base64. */
bool	 base64_decode(const char *text, char *out, size_t size) CHECKED;

#endif

/* text.h - copies a string into an array of fixed size. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Cut if it does not fit; NULL is "". */
static inline void
text_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from == NULL ? "" : from);
}

#endif

/* text.h - a string, put into an array of fixed size. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Cut where it does not fit; NULL is "". */
static inline void
text_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from == NULL ? "" : from);
}

#endif

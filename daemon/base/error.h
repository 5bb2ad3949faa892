/* error.h - the reason why something failed, on its way up. */
#ifndef ERROR_H
#define ERROR_H

#include <stdbool.h>

/* Marks a function that can fail, after its name or before its type. */
#define CHECKED	__attribute__((warn_unused_result))

/* The only way to ignore its result; "why" is for the reader. */
static inline void
may_fail(bool done, const char *why)
{
	(void)done;
	(void)why;
}

struct error {
	char	text[1024];
};

/* Sets the reason (cut if it is too long) and returns false, so that a function
 * can end with "return error_set(err, ...)". */
bool	error_set(struct error *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif

/* error.h - the reason why something failed, on its way up. */
#ifndef ERROR_H
#define ERROR_H

#include <stdbool.h>

struct error {
	char	text[1024];
};

/* Sets the reason (cut where it is too long) and returns false, so that a
 * function can end with "return error_set(err, ...)". */
bool	error_set(struct error *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif

/* error.c - the reason why something failed, on its way up. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool
error_set(struct error *err, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return false;
}

/* fail.c - how a command fails: with a sentence, and a status. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "must.h"
#include "printable.h"

int
fail(int status, const char *fmt, ...)
{
	va_list	 ap;
	char	*line;

	va_start(ap, fmt);
	line = must_vformat(fmt, ap);
	va_end(ap);
	fprintf(stderr, "consul-failover: %s\n", printable(line));
	free(line);
	return status;
}

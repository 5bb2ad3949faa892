/* fail.c - how a command fails: with a sentence, and a status. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "printable.h"

int
fail(int status, const char *fmt, ...)
{
	va_list	 ap;
	char	*line;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		abort();
	va_end(ap);
	fprintf(stderr, "consul-failover: %s\n", printable(line));
	free(line);
	return status;
}

/* must.c - memory: a program that has none left logs that and ends. */
#include "must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

void *
must(void *p)
{
	if (p == NULL) {
		log_error("out of memory");
		abort();
	}
	return p;
}

void *
must_zeroed(size_t count, size_t size)
{
	return must(calloc(count, size));
}

void *
must_grow(void *p, size_t count, size_t size)
{
	return must(reallocarray(p, count, size));
}

char *
must_copy(const char *text)
{
	return must(strdup(text));
}

char *
must_vformat(const char *fmt, va_list ap)
{
	char	*text;

	return must(vasprintf(&text, fmt, ap) == -1 ? NULL : text);
}

char *
must_format(const char *fmt, ...)
{
	va_list	 ap;
	char	*text;

	va_start(ap, fmt);
	text = must_vformat(fmt, ap);
	va_end(ap);
	return text;
}

/*
 * must.h - memory: a program that has none left logs that and ends.
 *
 * Our programs need little, and can do nothing safe without it: if the agent
 * ends, the guard demotes its copy.  Input from outside has limits of its own.
 * The guard itself allocates nothing (tests/rooms).
 */
#ifndef MUST_H
#define MUST_H

#include <stdarg.h>
#include <stddef.h>

/* Returns p, the result of a constructor that fails only without memory. */
void	*must(void *p);

/* The caller frees what these return.  must_grow takes NULL, or its earlier
 * result. */
void	*must_zeroed(size_t count, size_t size);
void	*must_grow(void *p, size_t count, size_t size);
char	*must_copy(const char *text);
char	*must_format(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
char	*must_vformat(const char *fmt, va_list)
	    __attribute__((format(printf, 1, 0)));

#endif

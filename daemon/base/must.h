/*
 * must.h - memory: a program that has none left says so and ends.
 *
 * Ours need little, and can do nothing safe without it: the guard demotes the
 * copy of an agent that has ended.  What comes from outside has a limit of its
 * own.  The guard itself allocates nothing (tests/rooms).
 */
#ifndef MUST_H
#define MUST_H

#include <stdarg.h>
#include <stddef.h>

/* Gives p, of a constructor that fails only without memory. */
void	*must(void *p);

/* Free what these give.  must_grow takes NULL, or what it gave before. */
void	*must_zeroed(size_t count, size_t size);
void	*must_grow(void *p, size_t count, size_t size);
char	*must_copy(const char *text);
char	*must_format(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
char	*must_vformat(const char *fmt, va_list)
	    __attribute__((format(printf, 1, 0)));

#endif

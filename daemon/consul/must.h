/* must.h - memory: there is no way to go on without it. */
#ifndef MUST_H
#define MUST_H

/* Gives p, or ends the program where it is NULL. */
void	*must(void *p);
/* A new text, which the caller frees. */
char	*must_format(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

#endif

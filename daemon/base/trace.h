/* trace.h - what the calls of a plugin have left in their process. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct trace {
	int64_t	 heap;		/* bytes that malloc has given; 0: not known */
	int64_t	 memory;	/* KiB that are nobody else's */
	int64_t	 descriptors;
	int64_t	 children;	/* of it or its group, ended or not */
	int64_t	 written;	/* to disks, by it and what it has waited for */
	uint64_t blocked;	/* signals, 1 << number - 1 */
	uint64_t umask;
	uint64_t folder;	/* a number for the current one */
	bool	 closed_watch;	/* watch_fd gave what is no descriptor */
};

/* In a handler's environment: what is freed is not kept by malloc then, which
 * would look like a leak.  It is taken out of it by the handler. */
#define TRACE_VARIABLE	"GLIBC_TUNABLES"
#define TRACE_VALUE	"glibc.malloc.tcache_count=0"

/* Looks at this process; closed_watch is the caller's. */
void	trace_take(struct trace *);

/* Only at memory and descriptors: in microseconds. */
void	trace_measure(struct trace *);

/* Has it grown so much since the first call that it had better be replaced,
 * before it fails?  Says how much. */
bool	trace_has_grown(const struct trace *first, const struct trace *now,
	    char *text, size_t size);

/* As text of less than 256 bytes, and back; false where it is no such text. */
void	trace_print(const struct trace *, char *text, size_t size);
bool	trace_parse(struct trace *, const char *text) CHECKED;

#endif

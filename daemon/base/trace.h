/* trace.h - what a plugin's calls have left behind in their process. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct trace {
	int64_t	 heap;		/* bytes allocated by malloc; 0: not known */
	int64_t	 memory;	/* KiB that are not shared */
	int64_t	 descriptors;
	int64_t	 children;	/* of it or its group, ended or not */
	int64_t	 written;	/* to disks, by it and reaped children */
	uint64_t blocked;	/* signals, 1 << number - 1 */
	uint64_t umask;
	uint64_t folder;	/* a number for the current one */
	bool	 closed_watch;	/* watch_fd gave a bad descriptor */
};

/* In a handler's environment: makes malloc return freed memory at once, because
 * memory that it keeps would look like a leak.  The handler removes the
 * variable. */
#define TRACE_VARIABLE	"GLIBC_TUNABLES"
#define TRACE_VALUE	"glibc.malloc.tcache_count=0"

/* Looks at this process; closed_watch is the caller's. */
void	trace_take(struct trace *);

/* Only memory and descriptors: in microseconds. */
void	trace_measure(struct trace *);

/* Has it grown so much since the first call that it should be replaced before
 * it fails?  Gives the amount. */
bool	trace_has_grown(const struct trace *first, const struct trace *now,
	    char *text, size_t size);

/* As text of less than 256 bytes, and back; false if it is not such a text. */
void	trace_print(const struct trace *, char *text, size_t size);
bool	trace_parse(struct trace *, const char *text) CHECKED;

#endif

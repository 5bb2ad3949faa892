/*
 * guard_record.h - what one guard writes for the next: the lease above all, and
 * until when it is at something that must not be cut short.
 */
#ifndef GUARD_RECORD_H
#define GUARD_RECORD_H

#include <stdint.h>

#define GUARD_RECORD	256	/* bytes; the last one is a newline */
#define GUARD_HAND_OVER	500	/* ms: a guard that is at nothing takes no time */

struct guard;

void	guard_record_print(const struct guard *, char text[GUARD_RECORD]);
/* Goes on with what the guard before has written; with nothing where it can't be
 * read. */
void	guard_record_inherit(struct guard *, const char *text);

/* Until when (ms of clock_ms) the guard that has written that is waited for, if
 * it was until then before; and how long at most. */
int64_t	guard_record_wait_ms(const char *text, int64_t until_ms);
int64_t	guard_record_limit_ms(const struct guard *);

#endif

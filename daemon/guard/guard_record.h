/*
 * guard_record.h - what one guard writes for the next: the lease above all, and
 * until when it is busy with something that must not be cut short.
 */
#ifndef GUARD_RECORD_H
#define GUARD_RECORD_H

#include <stdint.h>

#define GUARD_RECORD	256	/* bytes; the last one is a newline */
#define GUARD_HAND_OVER	500	/* ms: a guard that is not busy takes no time */

struct guard;

void	guard_record_print(const struct guard *, char text[GUARD_RECORD]);
/* Continues with what the previous guard has written; with nothing if it can't
 * be read. */
void	guard_record_inherit(struct guard *, const char *text);

/* Until when (ms of clock_ms) to wait for the guard that has written that, if
 * it was until_ms so far; and how long at most. */
int64_t	guard_record_wait_ms(const char *text, int64_t until_ms);
int64_t	guard_record_limit_ms(const struct guard *);

#endif

/* clock.h - the one clock that decisions are made by. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME: it never steps, and goes on while the
 * machine is suspended, so that a proof grows old in a suspended machine. */
int64_t	clock_ms(void);

#endif

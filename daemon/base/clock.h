/* clock.h - the one clock for all decisions. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME: it never steps, and counts while the machine
 * is suspended, so a proof ages during that time. */
int64_t	clock_ms(void);

#endif

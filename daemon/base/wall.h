/* wall.h - the time of day, for people; decisions use clock.h. */
#ifndef WALL_H
#define WALL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define WALL_TEXT	48

/* Milliseconds since 1970. */
int64_t	wall_ms(void);
/* RFC 3339, in UTC, with milliseconds; false if there is no such time.  Later
 * times of this form sort after earlier ones. */
bool	wall_text(int64_t ms, char text[WALL_TEXT]) CHECKED;

#endif

/* wall.c - the time of day, for people. */
#include "wall.h"

#include <stdio.h>
#include <time.h>

int64_t
wall_ms(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
wall_text(int64_t ms, char text[WALL_TEXT])
{
	time_t		 seconds = (time_t)(ms / 1000);
	struct tm	 tm;
	char		 day[32];

	text[0] = '\0';
	if (ms < 0 || gmtime_r(&seconds, &tm) == NULL)
		return false;
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, WALL_TEXT, "%s.%03dZ", day, (int)(ms % 1000));
	return true;
}

/* deadline.c - the remaining time of a call. */
#include "deadline.h"

#include <time.h>

int64_t
deadline_now(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
deadline_left(const struct failover *f, int64_t most)
{
	int64_t	 left = f->time_left(f) - MARGIN;

	if (left > most)
		left = most;
	return left > 0 ? left : 0;
}

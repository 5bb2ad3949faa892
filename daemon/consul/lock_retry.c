/* lock_retry.c - when to ask Consul again after a failure. */

#include "lock_retry.h"

#include <stdlib.h>

#define RETRY_FIRST	50	/* ms, doubled at each failure */

/* With up to a quarter more, so that many agents do not ask in step. */
int64_t
lock_retry_pause_ms(int failures)
{
	int64_t	pause = (int64_t)RETRY_FIRST <<
		    (failures < 10 ? failures : 10);

	if (pause > LOCK_RETRY_MAX)
		pause = LOCK_RETRY_MAX;
	return pause + rand() % (int)(pause / 4);
}

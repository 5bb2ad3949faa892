/* lock_retry.h - when to ask Consul again after a failure. */
#ifndef LOCK_RETRY_H
#define LOCK_RETRY_H

#include <stdint.h>

#define LOCK_RETRY_MAX	2000	/* ms; plus a quarter at most */

/* In ms; failures: the number in a row before this one. */
int64_t	lock_retry_pause_ms(int failures);

#endif

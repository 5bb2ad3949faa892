/*
 * slave.h - to follow a master; also the one before, for what it has more.
 */
#ifndef SLAVE_H
#define SLAVE_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

#define CATCH_UP	1000	/* ms in one call; then it is asked again */
#define SETTLE		10	/* ms between two looks at a thread */

/* Where the option says so, has semi-synchronous replication fit the role. */
enum failover_result	slave_set_semi_sync(struct failover *, bool master);

/* Ends its connection to the master, and looks at it again. */
enum failover_result	slave_stop_receiving(struct failover *);

/* Makes it a slave of that one. */
enum failover_result	slave_follow(struct failover *, const char *host,
			    uint16_t port);

/* At most ms, and less than what is left. */
int64_t			slave_time_within(const struct failover *, int64_t ms);

#endif

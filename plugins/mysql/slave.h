/*
 * slave.h - follows a master; also the previous one, to get its remaining data.
 */
#ifndef SLAVE_H
#define SLAVE_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

#define CATCH_UP	1000	/* ms in one call; then the call is repeated */
#define SETTLE		10	/* ms between two checks of a thread */

/* If the option is set, switches semi-synchronous replication for the role. */
enum failover_result	slave_set_semi_sync(struct failover *, bool master);

/* Ends its connection to the master, and looks at the copy again. */
enum failover_result	slave_stop_receiving(struct failover *);

/* Makes it a slave of that server. */
enum failover_result	slave_follow(struct failover *, const char *host,
			    uint16_t port);

/* At most ms, and less than the remaining time. */
int64_t			slave_time_within(const struct failover *, int64_t ms);

#endif

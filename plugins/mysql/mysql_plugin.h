/*
 * mysql_plugin.h - what the calls share: our copy, and looks at it and others.
 */
#ifndef MYSQL_PLUGIN_H
#define MYSQL_PLUGIN_H

#include "copy.h"

#define CATCH_UP	1000	/* ms in one call; then it is asked again */
#define SETTLE		10	/* ms between two looks at a thread */

/* Ours, between two calls. */
extern struct copy	own;

enum failover_result	sorry(struct failover *, const char *what,
			    const struct server *);

/* Where our server is; password is what place.password points to. */
enum failover_result	own_place(struct failover *, struct place *,
			    char *password, size_t size);

/* No listener: the server is not there, or not yet. */
bool			is_down(const struct server *);
/* It runs, and has no connection, or thread, left for us. */
bool			is_full(const struct server *);

/* Our copy, with a fresh look at it: first in each call, and later. */
enum failover_result	look(struct failover *);
enum failover_result	look_again(struct failover *);

/* Another copy, which is for copy_close also where it failed. */
enum failover_result	look_at(struct failover *, struct copy *,
			    const char *host, uint16_t port);

enum failover_result	check_settings(struct failover *);

/* Failures that another try does not mend. */
bool			is_for_good(unsigned error);

/* Why its threads are stopped. */
enum failover_result	say_stopped(struct failover *);

enum failover_result	set_semi_sync(struct failover *, bool master);
enum failover_result	stop_receiving(struct failover *);

/* Makes it a slave of that one. */
enum failover_result	follow(struct failover *, const char *host,
			    uint16_t port);

/* At most ms, and less than what is left. */
int64_t			time_within(const struct failover *, int64_t ms);

#endif

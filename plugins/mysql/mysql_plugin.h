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

/* For as long as a demotion has, nobody waits in a queue. */
extern bool	demoting;

/* Where our server is; password is what place.password points to.  Its socket or
 * host was read from defaults_file when we last connected, if that names it. */
enum failover_result	own_place(struct failover *, struct place *,
			    char *password, size_t size);

/* Our copy, with a fresh look at it: first in each call, and later. */
enum failover_result	look(struct failover *);
enum failover_result	look_again(struct failover *);

/* Another copy, which is for copy_close also where it failed. */
enum failover_result	look_at(struct failover *, struct copy *,
			    const char *host, uint16_t port);

enum failover_result	check_settings(struct failover *);
/* That it has all the data that its position names, and passes all on. */
enum failover_result	check_filters(struct failover *);

/* That our account may do what must be done; also told to a master. */
enum failover_result	check_rights(struct failover *);

/* The GTIDs of a position, and what is to be applied of them. */
const char		*split_position(const char *, int64_t *unapplied);

/* Failures that another try does not mend. */
bool			is_for_good(unsigned error);

/* The account is refused: nobody is let in who asks like that. */
bool			is_denied(unsigned error);

/* It has stopped at what it can't apply, or what its master can't or won't send:
 * another try does not mend that, and what the master has more is lost here. */
bool			is_stuck(const struct failover *);
/* Why its threads are stopped.  Where it is stuck, or not let in, that is
 * remembered: the master may be gone when it is asked for. */
enum failover_result	say_stopped(struct failover *);
/* Has it remembered, as one line, why this copy is not to be the master. */
enum failover_result	remember(struct failover *, const char *fmt, ...)
			    __attribute__((format(printf, 2, 3)));
/* That the master just now does not let it in, where it does not stream: it lacks
 * what is written there.  The one before is nobody's master.  What is remembered
 * already is no less in the way. */
enum failover_result	remember_shut_out(struct failover *, const char *host,
			    uint16_t port, const char *why);
/* What is remembered, and what to do about it. */
enum failover_result	say_refused(struct failover *);

enum failover_result	set_semi_sync(struct failover *, bool master);
enum failover_result	stop_receiving(struct failover *);

/* Makes it a slave of that one. */
enum failover_result	follow(struct failover *, const char *host,
			    uint16_t port);

/* At most ms, and less than what is left. */
int64_t			time_within(const struct failover *, int64_t ms);

#endif

/*
 * fit.h - what is known against this copy: what it has stopped at, and what it
 * is remembered to lack.
 */
#ifndef FIT_H
#define FIT_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* It has stopped at what it can't apply, or what its master can't or won't
 * send: another try does not mend that, and what the master has more is lost
 * here. */
bool			fit_is_stuck(const struct failover *);
/* Why its threads are stopped.  Where it is stuck, or not let in, that is
 * remembered: the master may be gone when it is asked for. */
enum failover_result	fit_say_stopped(struct failover *);
/* Has it remembered, as one line, why this copy is not to be the master. */
enum failover_result	fit_remember(struct failover *, const char *fmt, ...)
			    __attribute__((format(printf, 2, 3)));
/* That the master just now does not let it in, where it does not stream: it
 * lacks what is written there.  The one before is nobody's master.  What is
 * remembered already is no less in the way. */
enum failover_result	fit_remember_shut_out(struct failover *,
			    const char *host, uint16_t port, const char *why);
/* What is remembered, and what to do about it. */
enum failover_result	fit_say_refused(struct failover *);

#endif

/*
 * fit.h - known problems of this copy: a replication that has stopped, and data
 * that it is remembered to lack.
 */
#ifndef FIT_H
#define FIT_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* Has replication stopped, because the copy can't apply something, or because
 * its master can't or won't send it?  A retry does not fix that, and the copy
 * lacks the rest of the master's data. */
bool			fit_is_stuck(const struct failover *);
/* Gives the reason why its threads are stopped.  If it is stuck, or its login
 * is rejected, that is remembered, because the master may be gone later. */
enum failover_result	fit_say_stopped(struct failover *);
/* Remembers, as one line, why this copy must not be the master. */
enum failover_result	fit_remember(struct failover *, const char *fmt, ...)
			    __attribute__((format(printf, 2, 3)));
/* Remembers that the current master rejects its login, if it does not stream:
 * it lacks the data that is written there.  The previous master does not count.
 * Keeps a reason that is already remembered. */
enum failover_result	fit_remember_shut_out(struct failover *,
			    const char *host, uint16_t port, const char *why);
/* Reports the remembered problem, and what to do about it. */
enum failover_result	fit_say_refused(struct failover *);

#endif

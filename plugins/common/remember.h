/*
 * remember.h - what the agent remembers against this copy (f->memory), for a
 * plugin that goes on where it can't be kept: the copy follows its master, which
 * mends it.
 */
#ifndef REMEMBER_H
#define REMEMBER_H

#include <consul-failover/plugin.h>

/* Has it kept, or logs that it can't be: a sentence that follows "that". */
void	remember_that(struct failover *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Has it cleared, or logs that it can't be. */
void	remember_nothing(struct failover *);

#endif

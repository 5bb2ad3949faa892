/*
 * remember.h - the problem that the agent remembers for this copy (f->memory),
 * for a plugin that continues if it can't be stored: the copy follows its
 * master, which repairs it.
 */
#ifndef REMEMBER_H
#define REMEMBER_H

#include <consul-failover/plugin.h>

/* Stores it, or logs that it can't be stored: the text follows "that". */
void	remember_that(struct failover *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Clears it, or logs that it can't be cleared. */
void	remember_nothing(struct failover *);

#endif

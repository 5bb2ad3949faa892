/*
 * parameters.h - the option parameters: what the resource agent is told, and
 * whether it knows that.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <stdint.h>

/* NAME=VALUE becomes OCF_RESKEY_NAME in the environment; false with the
 * sentence set. */
bool	parameters_set(struct failover *);

/* The resource agent knows them.  Else it is asked again. */
extern bool	parameters_known;

/* Begins to ask the resource agent what it tells of itself, for so many
 * milliseconds at most: it does so while monitor runs, so that a demotion does
 * not take longer for it.  parameters_check ends it. */
void	parameters_ask(struct failover *, int64_t limit);

/* Takes what it tells.  False, with the sentence set, where it does not know
 * one of them; sets parameters_known, which also says whether it has told. */
bool	parameters_check(struct failover *);

#endif

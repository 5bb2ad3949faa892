/*
 * parameters.h - the option parameters: what the resource agent gets, and
 * whether it supports that.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <stdint.h>

/* NAME=VALUE becomes OCF_RESKEY_NAME in the environment; false with the
 * sentence set. */
bool	parameters_set(struct failover *);

/* The resource agent supports them.  Else it is asked again. */
extern bool	parameters_known;

/* Begins to ask the resource agent for its meta-data, for that many
 * milliseconds at most.  This runs beside monitor, so a demotion does not take
 * longer.  parameters_check ends it. */
void	parameters_ask(struct failover *, int64_t limit);

/* Takes the meta-data.  False, with the sentence set, if it lacks one of the
 * parameters; sets parameters_known, if there was an answer. */
bool	parameters_check(struct failover *);

#endif

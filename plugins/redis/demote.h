/*
 * demote.h - no writes any more, within the time that there is.
 */
#ifndef DEMOTE_H
#define DEMOTE_H

#include "server.h"

/* Before it is a slave: if it takes writes, it takes none any more.  DONE, and
 * the state is as it is then; else with the sentence set. */
enum failover_result	demote_stop_writes(struct failover *, struct state *);

#endif

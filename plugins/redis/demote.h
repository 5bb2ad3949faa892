/*
 * demote.h - stops all writes, within the available time.
 */
#ifndef DEMOTE_H
#define DEMOTE_H

#include "server.h"

/* Called before it becomes a slave: makes it reject writes, if it accepts them.
 * DONE, with the new state; else with the sentence set. */
enum failover_result	demote_stop_writes(struct failover *, struct state *);

#endif

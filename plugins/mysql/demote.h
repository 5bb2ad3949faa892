/*
 * demote.h - stops all writes, within the available time.
 */
#ifndef DEMOTE_H
#define DEMOTE_H

#include "copy.h"

/* Blocks writes, and ends every session that could continue them; at is for a
 * second connection, if the first one has to wait. */
enum failover_result	demote(struct failover *, struct copy *,
			    const struct place *at);

#endif

/*
 * demote.h - no writes any more, within the time that there is.
 */
#ifndef DEMOTE_H
#define DEMOTE_H

#include "copy.h"

/* Blocks writes and ends every session that might hold on to them; at is where
 * a second connection goes, should the first one have to wait. */
enum failover_result	demote(struct failover *, struct copy *,
			    const struct place *at);

#endif

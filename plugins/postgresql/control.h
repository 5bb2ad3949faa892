/*
 * control.h - the control file, and the WAL, of a server that need not run.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

#include "position.h"

/* What pg_controldata says. */
struct control {
	char		 state[64];
	char		 system[24];
	uint64_t	 segment;	/* bytes of a file of WAL */
	bool		 clean;		/* stopped in good order */
	bool		 closed;	/* stopping, and nobody writes */
	struct position	 position;	/* where clean */
};

/* False where it can't be read. */
bool	control_read(struct failover *, struct control *);

/* Reads WAL from its files; false where they are gone. */
bool	control_read_wal(struct failover *, uint32_t timeline, uint64_t lsn,
	    void *bytes, size_t size);

#endif

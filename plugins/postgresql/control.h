/*
 * control.h - the control file, and the WAL, which need no running server.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

#include "position.h"

/* The output of pg_controldata. */
struct control {
	char		 state[64];
	char		 system[24];
	uint64_t	 segment;	/* bytes of a file of WAL */
	bool		 clean;		/* stopped properly */
	bool		 closed;	/* stopping, and no process writes */
	struct position	 position;	/* if clean */
};

/* False if it can't be read. */
bool	control_read(struct failover *, struct control *);

/* Reads WAL from its files; false if they are gone. */
bool	control_read_wal(struct failover *, uint32_t timeline, uint64_t lsn,
	    void *bytes, size_t size);

#endif

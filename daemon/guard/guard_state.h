/*
 * guard_state.h - what the guard knows, and what it is doing.
 *
 * Only the parts of its program use this.
 */
#ifndef GUARD_STATE_H
#define GUARD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "lease.h"
#include "wire.h"

#define CHANNEL		CHILD_CHANNEL
#define LEAVE_WORDS	160

/* Milliseconds. */
#define TRY_PAUSE	5000	/* after a demotion has been given up once */
#define END_MOMENT	10	/* from the end of a channel to its process's */
#define LEAVE_LIMIT	15000	/* `leave` has time-outs of its own */
#define NEVER		(INT64_MAX / 4)	/* no clock gets there: garbage */

enum doing {
	WATCHING,
	DEMOTING,
	DEMOTED,		/* is the agent still heard? */
	FAILED,			/* until the next try */
	LEAVING,		/* the run of `leave` */
	LEFT,			/* an agent that hangs has yet to do all */
};

struct guard {
	struct lease	 lease;
	enum doing	 doing;
	int64_t		 deadline_ms;	/* of what it is doing */
	bool		 agent;		/* it is there */
	bool		 heard;		/* from it, since the last look */
	bool		 handing_over;
	bool		 fenced;	/* on_fence_failure has run */

	/* From SETUP, whose strings they borrow. */
	const char	*service, *path, *plugin, *on_fence_failure;
	bool		 can_demote;
	char		*leave[LEAVE_WORDS + 4];
	size_t		 leave_words;
	int		 files[WIRE_FILES];	/* came with it */

	/* About the mastership. */
	uint64_t	 epoch;
	char		 session[64];	/* that has the lock; "" */
	int64_t		 clean_at_ms;	/* before, another may be a master */
	char		 node[256];
	pid_t		 role;		/* the agent's handler; -1 */
	int		 role_fd;	/* its pidfd */

	/* Our own handler, and our commands. */
	pid_t		 handler;	/* -1: none */
	int		 handler_channel;
	bool		 calling;
	int64_t		 call_at_ms;	/* the next one */
	int		 not_done;
	char		 text[FAILOVER_SENTENCE];	/* what came of it */
	pid_t		 left, fence;	/* -1: does not run */
	pid_t		 killed;	/* the last one, to be reaped */

	int		 file, timer, signals, null;
	struct wire	 setup, start, in, out;
};

#endif

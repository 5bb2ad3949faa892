/*
 * run.h - a running plugin, and its struct failover.
 *
 * Only the parts of the handler use struct run.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "error.h"
#include "plugin.h"
#include "trace.h"
#include "wire.h"

#define CHANNEL	CHILD_CHANNEL

struct run_option {
	const char	*name;
	const char	*value;
	int64_t		 number;
	const char	*secret;	/* kept by the agent; "": none */
};

struct run {
	union {				/* first: the plugin passes it to us */
		struct failover	 f;
		char		 room[PLUGIN_ROOM];
	};
	struct plugin	 plugin;
	bool		 started;	/* plugin_start has returned done */
	bool		 watching;	/* this handler reports watch_fd */
	bool		 demoting;
	int		 watch;		/* -1: none, or already reported */
	bool		 measured;	/* a first call has been made */
	struct trace	 first;		/* the state after the first call */
	bool		 closed_watch;	/* watch_fd gave a bad descriptor */
	char		 sentence[FAILOVER_SENTENCE];
	char		 position[FAILOVER_POSITION];
	const char	*memory_path;
	char		 memory[FAILOVER_SENTENCE];
	struct run_option *options;
	size_t		 option_count;
	struct wire	 start;		/* holds the options' strings */
	struct wire	 call;		/* holds the call's strings */
	struct wire	 out;
};

static inline void
run_send(struct run *r)
{
	may_fail(wire_send(CHANNEL, &r->out), "the channel's end says so");
}

/* The struct is all 0 before. */
void			run_init(struct run *);

/* The plugin's say and log: sets the sentence of the answer, and returns
 * result; sends a line to the agent. */
enum failover_result	run_say(struct failover *, enum failover_result result,
			    const char *fmt, ...)
			    __attribute__((format(printf, 3, 4)));
void			run_log(struct failover *, enum failover_level,
			    const char *fmt, ...)
			    __attribute__((format(printf, 3, 4)));

#endif

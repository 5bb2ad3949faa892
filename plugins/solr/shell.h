/*
 * shell.h - the operator's commands, which end or restart Solr.
 */
#ifndef SOLR_SHELL_H
#define SOLR_SHELL_H

#include "command.h"

/* One that runs, or not; all 0 at first. */
struct shell {
	struct running	 running;
	struct output	 output;
	char		 out[FAILOVER_POSITION];
};

/* Runs a command by the shell, for limit ms at most, or waits for the one that
 * this handler has begun; what it writes is for the log.  FAILOVER_AGAIN: the
 * call has to end, and it goes on.  With a limit of 0 it ends with the call. */
enum failover_result	shell_run(struct failover *, struct shell *,
			    const char *line, int64_t limit);

#endif

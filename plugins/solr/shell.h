/*
 * shell.h - runs the operator's commands, which end or restart Solr.
 */
#ifndef SOLR_SHELL_H
#define SOLR_SHELL_H

#include "command.h"

/* A command, running or not; all 0 at first. */
struct shell {
	const char	*line;		/* the option's */
	struct running	 running;
	struct output	 output;
};

/* Runs a command by the shell, for limit ms at most, or waits for the one that
 * this handler has begun; its output goes to the log.  FAILOVER_AGAIN: the call
 * must end, and the command continues. */
enum failover_result	shell_run(struct failover *, struct shell *,
			    const char *line, int64_t limit);

/* Takes the end of the one that this handler has begun, and kills it if it is
 * over its limit.  FAILOVER_AGAIN: it is still running; FAILOVER_FAILED: so it
 * ended, with the sentence set. */
enum failover_result	shell_look(struct failover *, struct shell *);

#endif

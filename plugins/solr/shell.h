/*
 * shell.h - the operator's commands, which end or restart Solr.
 */
#ifndef SOLR_SHELL_H
#define SOLR_SHELL_H

#include <consul-failover/plugin.h>

#include <sys/types.h>

/* Runs a command by the shell, or waits for the one that this handler has
 * started, of number *pid; FAILOVER_AGAIN: it goes on. */
enum failover_result	shell_run(struct failover *, const char *command,
			    pid_t *pid);

#endif

/*
 * handler_talk.h - a plugin's lines in the log, from its log function or its
 * output.  If there are too many, they are only counted.
 */
#ifndef HANDLER_TALK_H
#define HANDLER_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <consul-failover/plugin.h>

#include "config.h"
#include "description.h"
#include "log.h"

/* The first three are borrowed; the rest is zero at first. */
struct handler_talk {
	const char			*name;		/* of the handler */
	const struct config		*config;
	const struct plugin_description	*plugin;

	char				 line[FAILOVER_SENTENCE];
	size_t				 line_length;
	int64_t				 since_ms;
	unsigned			 lines;
};

/* Logs one line of the plugin, unless there are too many. */
void	handler_talk_line(struct handler_talk *, enum log_level,
	    const char *verb, const char *text);
/* Ends the current line of the output. */
void	handler_talk_end_line(struct handler_talk *);
/* Reads at most a pipe's capacity at a time, so that neither side waits for the
 * other.  False: there is no more to read. */
bool	handler_talk_read(struct handler_talk *, int fd);

#endif

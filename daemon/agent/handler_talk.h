/*
 * handler_talk.h - what a plugin has to say to the log, by its log function or
 * by what it prints.  Of one that talks too much the lines are only counted.
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

/* Zero but for the first three, which are borrowed. */
struct handler_talk {
	const char			*name;		/* of the handler */
	const struct config		*config;
	const struct plugin_description	*plugin;

	char				 line[FAILOVER_SENTENCE];
	size_t				 line_length;
	int64_t				 since_ms;
	unsigned			 lines;
};

/* Logs one line of the plugin's, unless it talks too much. */
void	handler_talk_line(struct handler_talk *, enum log_level,
	    const char *verb, const char *text);
/* What is read of what it prints is a line. */
void	handler_talk_end_line(struct handler_talk *);
/* Reads a pipe's worth at a time, so that neither side waits for the other.
 * False: there is no more to read. */
bool	handler_talk_read(struct handler_talk *, int fd);

#endif

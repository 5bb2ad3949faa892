/* command.h - the subcommands: one file each, with its row on top. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

struct command {
	const char	*name, *verb;		/* NULL: the name is enough */
	const char	*arguments, *summary;	/* for people */
	int		(*run)(struct options *);	/* the exit status */
	bool		 wants_config;		/* -c FILE */
	size_t		 more_flags;		/* in addition to FLAGS_MAX */
};

extern const struct command	command_agent, command_check, command_config,
				command_history, command_leave,
				command_plugin_call,
				command_plugin_info, command_plugin_new,
				command_plugin_test, command_promote,
				command_states, command_status, command_version;

/* Returns the program's exit status. */
int	command_run(int argc, char **argv);

#endif

/* command.h - the subcommands: one file each, with its row on top. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"

/* An option, or a fixed word that can be the command's argument. */
struct command_word {
	const char	*name;
	const char	*argument;	/* what follows it; NULL: nothing */
	const char	*meaning;	/* NULL: not for people */
};

struct command_exit {
	int		 status;
	const char	*meaning;
};

enum command_config {
	COMMAND_NO_CONFIG,
	COMMAND_MAY_HAVE_CONFIG,	/* -c FILE, -o, and Consul's options */
	COMMAND_NEEDS_CONFIG
};

/* All of it but the last line is the command's help. */
struct command {
	const char	*name, *verb;		/* NULL: the name is enough */
	const char	*arguments, *summary;
	const char	*help;			/* one to three sentences */
	const char	*example;		/* without the program's name */
	const struct command_word	*words, *options;	/* NULL: none */
	const struct command_exit	*exits;	/* in addition to EXIT_USAGE */
	enum command_config		 config;
	int		(*run)(struct options *);	/* the exit status */
	size_t		 more_flags;		/* in addition to FLAGS_MAX */
};

#define COMMAND_WORDS(...)						\
	(const struct command_word []){ __VA_ARGS__, { .name = NULL } }
#define COMMAND_EXITS(...)						\
	(const struct command_exit []){ __VA_ARGS__, { .meaning = NULL } }

extern const struct command	command_agent, command_check, command_complete,
				command_config, command_help, command_history,
				command_leave,
				command_plugin_call, command_plugin_info,
				command_plugin_new, command_plugin_test,
				command_promote, command_states,
				command_status, command_version;

/* As help lists them, up to a NULL; those of one name follow each other. */
extern const struct command *const	commands[];

/* The first one of that name; NULL, and the reason on standard error: there is
 * none. */
const struct command *const	*command_find(const char *name);
/* Of those of one name, the one with this verb (or NULL); NULL: none. */
const struct command	*command_find_verb(const struct command *const *,
			    const char *verb);
bool	command_follows(const struct command *const *);

/* Prints the commands of that name; NULL: all. */
void	command_help_list(FILE *, const char *name);
void	command_help_print(const struct command *);

/* Returns the program's exit status. */
int	command_run(int argc, char **argv);

#endif

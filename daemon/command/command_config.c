/* command_config.c - config: every key, explained. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "config_print.h"
#include "fail.h"

static int	command_config_run(struct options *);

const struct command command_config = {
	.name = "config",
	.arguments = "--example",
	.summary = "print every key with its meaning and default",
	.help = "Prints a config with every key, its meaning and its default.",
	.options = COMMAND_WORDS(
		{ "example", NULL, "print it (required)" }),
	.exits = COMMAND_EXITS(
		{ 0, "it is printed" }),
	.example = "config --example",
	.run = command_config_run,
};

static int
command_config_run(struct options *o)
{
	if (!o->example)
		return fail(EXIT_USAGE, "config: use --example to print every "
		    "key with its meaning and default");
	config_print_example(stdout);
	return EXIT_SUCCESS;
}

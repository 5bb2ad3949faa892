/* command_plugin_new.c - plugin new: a plugin to begin with. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "fail.h"
#include "skeleton.h"

static int	command_plugin_new_run(struct options *);

const struct command command_plugin_new = {
	.name = "plugin",
	.verb = "new",
	.arguments = "NAME",
	.summary = "create a plugin to start from",
	.help = "Creates the folder NAME with a plugin to start from, a "
	    "Makefile and a config.  The plugin builds and passes its test; "
	    "its comments explain what to change.",
	.exits = COMMAND_EXITS(
		{ 0, "the folder was created" },
		{ 1, "it can't be created" }),
	.example = "plugin new scheduler",
	.run = command_plugin_new_run,
};

static int
command_plugin_new_run(struct options *o)
{
	struct error	 err;

	if (o->rest_count != 2)
		return fail(EXIT_USAGE, "usage: consul-failover plugin new "
		    "NAME");
	if (!skeleton_write(o->rest[1], &err))
		return fail(EXIT_FAILURE, "plugin new: %s", err.text);
	printf("%s/%s.c is a plugin to start from; in that folder, make builds "
	    "it, and make test tests it\n", o->rest[1], o->rest[1]);
	return EXIT_SUCCESS;
}

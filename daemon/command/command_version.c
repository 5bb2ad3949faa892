/* command_version.c - the version of this program, and of its libraries. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include <consul-failover/plugin.h>
#include <curl/curl.h>
#include <event2/event.h>

static int	command_version_run(struct options *);

const struct command command_version = {
	.name = "version",
	.arguments = "",
	.summary = "this program's version",
	.help = "Prints the versions of the program, of its plugin interface "
	    "and of its libraries.",
	.exits = COMMAND_EXITS(
		{ 0, "they are printed" }),
	.example = "version",
	.run = command_version_run,
};

static int
command_version_run(struct options *o)
{
	(void)o;
	printf("consul-failover %s, plugin ABI %d\n%s\nlibevent %s\n", VERSION,
	    FAILOVER_PLUGIN_ABI, curl_version(), event_get_version());
	return EXIT_SUCCESS;
}

/* command_history.c - history: the last changes of master. */
#include "command.h"

#include <stdlib.h>

#include "fail.h"
#include "history_show.h"
#include "load.h"

static int	command_history_run(struct options *);

const struct command command_history = {
	.name = "history",
	.arguments = "-c FILE",
	.summary = "the last changes of master, and of this node",
	.help = "Prints the last 50 changes of master, as Consul has them, and "
	    "the changes of state of this node's agent.",
	.options = COMMAND_WORDS(
		{ "json", NULL, "print one line of JSON" },
		{ "since", "DURATION", "only the changes of this time, such as "
		    "30m or 2h" }),
	.exits = COMMAND_EXITS(
		{ 0, "the history is printed" },
		{ 1, "there is none, or it can't be read" }),
	.example = "history -c /etc/consul-failover/db.ini --since 2h",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_history_run,
};

static int
command_history_run(struct options *o)
{
	struct config	*c;
	bool		 ok;

	if (o->rest_count > 0)
		return fail(EXIT_USAGE, "history: unexpected \"%s\"",
		    o->rest[0]);
	if (!load_config(o, &c))
		return EXIT_FAILURE;
	ok = history_show(c, o->json, o->since_ms);
	config_free(c);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

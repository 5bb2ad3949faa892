/* command_history.c - history: the last changes of master. */
#include "command.h"

#include <stdlib.h>

#include "fail.h"
#include "history_show.h"
#include "load.h"

static int	command_history_run(struct options *);

const struct command command_history = {
	.name = "history",
	.arguments = "SERVICE|-c FILE",
	.summary = "the last changes of master, and this node's states",
	.help = "Prints the last 50 changes of master, as recorded in Consul, "
	    "and, with a config, the changes of state of its agent on this "
	    "node.",
	.options = COMMAND_WORDS(
		{ "json", NULL, "print one line of JSON" },
		{ "since", "TIME", "only changes within this time, such as 30m "
		    "or 2h" }),
	.exits = COMMAND_EXITS(
		{ 0, "a change of master is printed" },
		{ 1, "no change of master is recorded, or it can't be read" },
		{ 78, "the config is bad" }),
	.example = "history db --since 2h",
	.config = COMMAND_MAY_HAVE_CONFIG,
	.run = command_history_run,
};

static int
command_history_run(struct options *o)
{
	struct config	*c;
	int		 status;
	bool		 ok;

	if ((status = load_service_words(o, false)) != 0)
		return status;
	if (!load_service(o, &c))
		return EXIT_CONFIG;
	ok = history_show(c, o->json, o->since_ms);
	config_free(c);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

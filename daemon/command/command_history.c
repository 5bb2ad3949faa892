/* command_history.c - history: the last changes of master. */
#include "command.h"

#include <stdlib.h>

#include "fail.h"
#include "history_show.h"
#include "load.h"

static int	command_history_run(struct options *);

const struct command command_history = {
	.name = "history",
	.arguments = "-c FILE [--json --since 2h]",
	.summary = "the last changes of master, and of this node",
	.run = command_history_run,
	.wants_config = true,
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

/* command_status.c - status: every node of the service. */
#include "command.h"

#include "load.h"
#include "status.h"

static int	command_status_run(struct options *);

const struct command command_status = {
	.name = "status",
	.arguments = "-c FILE [--json] [--watch]",
	.summary = "every node of the service, as Consul sees it",
	.run = command_status_run,
	.wants_config = true,
};

static int
command_status_run(struct options *o)
{
	struct config		*c;
	enum status_answer	 answer;

	if (!load_config(o, &c))
		return 2;
	answer = status_show(c, o->json, o->watch);
	config_free(c);
	return answer == STATUS_GOOD ? 0 : answer == STATUS_BAD ? 1 : 2;
}

/* command_status.c - status: every node of the service. */
#include "command.h"

#include "load.h"
#include "status.h"

static int	command_status_run(struct options *);

const struct command command_status = {
	.name = "status",
	.arguments = "-c FILE",
	.summary = "every node of the service, as Consul sees it",
	.help = "Asks Consul about every node of the service: its role, its "
	    "check, the last message of its plugin, and whether it holds the "
	    "lock.",
	.options = COMMAND_WORDS(
		{ "json", NULL, "print one line of JSON" },
		{ "watch", NULL, "repeat every second, until a signal" }),
	.exits = COMMAND_EXITS(
		{ 0, "one node is master, healthy, and holds the lock, and all "
		    "other healthy nodes follow it" },
		{ 1, "otherwise" },
		{ 2, "unknown, because of a problem with Consul or with the "
		    "config" }),
	.example = "status -c /etc/consul-failover/db.ini --watch",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_status_run,
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

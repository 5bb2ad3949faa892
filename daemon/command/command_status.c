/* command_status.c - status: every node of the service. */
#include "command.h"

#include "load.h"
#include "status.h"

static int	command_status_run(struct options *);

const struct command command_status = {
	.name = "status",
	.arguments = "[SERVICE|-c FILE]",
	.summary = "every node of a service, or every service, in Consul",
	.help = "Asks Consul about every node of the service: its role, its "
	    "check, the last message of its plugin, and whether it holds the "
	    "lock.  Without SERVICE or FILE it lists all services that "
	    "consul-failover serves, one per line.",
	.options = COMMAND_WORDS(
		{ "json", NULL, "print one line of JSON" },
		{ "watch", NULL, "repeat every second, until interrupted" }),
	.exits = COMMAND_EXITS(
		{ 0, "one node is master, healthy, and holds the lock, and all "
		    "other healthy nodes follow it; for all services: this "
		    "holds for each" },
		{ 1, "otherwise" },
		{ 2, "unknown, because of a problem with Consul or with the "
		    "config, or because there is no such service" }),
	.example = "status db --watch",
	.config = COMMAND_MAY_HAVE_CONFIG,
	.run = command_status_run,
};

static int
command_status_run(struct options *o)
{
	struct status_wish	 wish = { .json = o->json, .watch = o->watch,
				    .named = o->config_file == NULL };
	struct config		*c;
	enum status_answer	 answer;
	int			 status;

	if ((status = load_service_words(o, true)) != 0)
		return status;
	if (!load_service(o, &c))
		return 2;
	answer = status_show(c, &wish);
	config_free(c);
	return answer == STATUS_GOOD ? 0 : answer == STATUS_BAD ? 1 : 2;
}

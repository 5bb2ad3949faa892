/* command_promote.c - promote: a copy that would not be promoted otherwise. */
#include "command.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <consul-failover/plugin.h>

#include "fail.h"
#include "load.h"
#include "memory.h"
#include "printable.h"
#include "runfile.h"

static int	command_promote_run(struct options *);

const struct command command_promote = {
	.name = "promote",
	.arguments = "-c FILE",
	.summary = "let a copy become master once despite max_behind",
	.help = "Lets the agent of this config take the lock once, even if its "
	    "copy is further behind than [election] max_behind allows, or is "
	    "known to lack data.  The data that it lacks is then lost.",
	.exits = COMMAND_EXITS(
		{ 0, "the override is stored for the agent" },
		{ 1, "there is nothing to override, or no agent is running" },
		{ 78, "the config is bad" }),
	.example = "promote -c /etc/consul-failover/db.ini",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_promote_run,
};

/* Is there something in the way of a promotion that may be put aside? */
static bool
can_promote(const struct config *c, char memory[FAILOVER_SENTENCE])
{
	char		path[PATH_MAX];
	struct error	err;

	memory[0] = '\0';
	memory_path(c, path);
	if (c->never_master)
		fail(EXIT_FAILURE, "promote: this copy is [election] "
		    "never_master: change that");
	else if (!memory_read(path, memory, FAILOVER_SENTENCE, &err))
		fail(EXIT_FAILURE, "promote: %s: run this as the agent's user",
		    err.text);
	else if (c->max_behind < 0 && memory[0] == '\0')
		fail(EXIT_FAILURE, "promote: nothing keeps this copy from "
		    "being promoted: [election] max_behind is \"any\", and %s "
		    "does not record that it lacks data", path);
	else
		return true;
	return false;
}

static int
command_promote_run(struct options *o)
{
	struct config	*c;
	char		 path[PATH_MAX], memory[FAILOVER_SENTENCE];
	struct error	 err;

	if (o->rest_count > 0)
		return fail(EXIT_USAGE, "promote: unexpected \"%s\"",
		    o->rest[0]);
	if (!load_config(o, &c))
		return EXIT_CONFIG;
	if (!can_promote(c, memory)) {
		config_free(c);
		return EXIT_FAILURE;
	}
	if (!runfile_is_held(c)) {
		fail(EXIT_FAILURE, "promote: no agent of service id %s runs "
		    "with the run_dir %s; if it has another one, use -o "
		    "agent.run_dir=FOLDER", c->service_id, c->run_dir);
		config_free(c);
		return EXIT_FAILURE;
	}
	if (!runfile_promote(c, &err)) {
		fail(EXIT_FAILURE, "%s: run this as the agent's user, while it "
		    "runs", err.text);
		config_free(c);
		return EXIT_FAILURE;
	}
	runfile_promote_file(c, path);
	printf("The agent of service id %s takes the lock the next time that "
	    "it is free, even if its copy is further behind than [election] "
	    "max_behind", c->service_id);
	if (memory[0] != '\0') {
		printf(", or known to lack data: %s\n", printable(memory));
		puts("The data that it lacks is then lost.");
	} else
		puts("");
	printf("To undo this: rm %s\n", path);
	config_free(c);
	return EXIT_SUCCESS;
}

/* command_plugin_test.c - plugin test: does a plugin keep its promises? */
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "conform.h"
#include "fail.h"
#include "load.h"

static int	command_plugin_test_run(struct options *);

const struct command command_plugin_test = {
	.name = "plugin",
	.verb = "test",
	.arguments = "NAME|FILE.so|-c FILE",
	.summary = "check that a plugin keeps its promises",
	.help = "With a name or a file it checks what the plugin exports.  "
	    "With a config it also calls the plugin on the application, and "
	    "with --yes makes the copy master and slave: never use --yes on "
	    "a copy in service.",
	.options = COMMAND_WORDS(
		{ "yes", NULL, "make the copy master and slave" },
		{ "master", "HOST:PORT", "with --yes: a master to follow" },
		{ "master-host", "HOST", "its host alone" },
		{ "master-port", "PORT", "its port; default: that of the "
		    "service" },
		{ "probe", "COMMAND", "with --yes: exits with 0 if the copy "
		    "accepts writes, else with another status" },
		{ "kill", NULL, "with --yes: deadlines so short that the "
		    "plugin kills the application" },
		{ "epoch", "NUMBER", "the epoch that the plugin gets; default: "
		    "1" }),
	.exits = COMMAND_EXITS(
		{ 0, "no check has failed" },
		{ 1, "one has, or an agent is running" },
		{ 78, "the config or the plugin is bad" }),
	.example = "plugin test -c /etc/consul-failover/db.ini",
	.config = COMMAND_MAY_HAVE_CONFIG,
	.run = command_plugin_test_run,
};

/* What a plugin says of itself needs no config. */
static int
test_file(const char *name, const struct trial_terms *terms)
{
	struct plugin_description	*p;
	struct error			 err;
	bool				 ok;

	if (!plugin_describe(&p, name, PLUGIN_LOAD_LIMIT_MS, &err)) {
		printf("FAILED   load: %s\n", err.text);
		return EXIT_FAILURE;
	}
	ok = conform_test(p, NULL, terms, &err);
	plugin_description_free(p);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
command_plugin_test_run(struct options *o)
{
	struct trial_terms		 terms = {
		.may_change = o->yes, .may_kill = o->kill,
		.probe = o->probe, .master_host = o->master_host,
		.epoch = o->epoch != 0 ? o->epoch : 1,
	};
	struct config			*c;
	struct plugin_description	*p;
	struct error			 err;
	int				 status;

	if (o->rest_count != (o->config_file == NULL ? 2 : 1))
		return fail(EXIT_USAGE, "usage: consul-failover plugin test "
		    "NAME|FILE.so, or plugin test -c FILE [--yes] "
		    "[--master HOST:PORT] [--probe COMMAND] [--kill]");
	if (!o->yes && (o->probe != NULL || o->kill))
		return fail(EXIT_USAGE, "--probe and --kill go with --yes only: "
		    "nothing is changed without it");
	if (o->config_file == NULL)
		return test_file(o->rest[1], &terms);
	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	load_log(c);
	terms.master_port = (uint16_t)(o->master_port > 0 ? o->master_port :
	    c->service_port);
	if (!conform_test(p, c, &terms, &err))
		status = err.text[0] != '\0' ? fail(EXIT_FAILURE, "%s",
		    err.text) : EXIT_FAILURE;
	plugin_description_free(p);
	config_free(c);
	return status;
}

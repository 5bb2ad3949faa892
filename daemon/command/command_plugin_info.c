/* command_plugin_info.c - plugin info: a plugin's description of itself. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <consul-failover/plugin.h>

#include "description.h"
#include "fail.h"
#include "operation.h"

static int	command_plugin_info_run(struct options *);

const struct command command_plugin_info = {
	.name = "plugin",
	.verb = "info",
	.arguments = "NAME|FILE.so",
	.summary = "print a plugin's functions and options",
	.help = "Prints the version of a plugin, its functions, and its "
	    "options with their defaults.",
	.exits = COMMAND_EXITS(
		{ 0, "it is printed" },
		{ 78, "the plugin is bad or does not exist" }),
	.example = "plugin info mysql",
	.run = command_plugin_info_run,
};

static const char *
option_type_name(int type)
{
	switch (type & ~FAILOVER_REQUIRED) {
	case FAILOVER_STRING:
		return "string";
	case FAILOVER_INTEGER:
		return "integer";
	case FAILOVER_BOOLEAN:
		return "boolean";
	case FAILOVER_DURATION:
		return "duration";
	case FAILOVER_SECRET:
		return "file of a secret";
	}
	return "unknown type";
}

static void
print_plugin(const struct plugin_description *p)
{
	size_t	i;
	int	op;

	printf("%s %s: %s\nfile: %s\nABI: %" PRIu32 "\nfunctions:", p->name,
	    p->version, p->summary, p->image.path, p->abi);
	for (op = 0; op < OPERATIONS; op++)
		if ((p->ops & 1u << op) != 0)
			printf(" %s", operation_name((enum operation)op));
	printf("%s%s%s\n", p->has_watch_fd ? " watch_fd" : "",
	    p->has_start ? " plugin_start" : "",
	    p->has_stop ? " plugin_stop" : "");
	if (p->option_count > 0)
		puts("options:");
	for (i = 0; i < p->option_count; i++) {
		const struct plugin_option	*q = &p->options[i];

		printf("  %s (%s, %s%s): %s\n", q->name,
		    option_type_name(q->type),
		    (q->type & FAILOVER_REQUIRED) != 0 ? "required" :
		    q->fallback != NULL ? "default " : "no default",
		    (q->type & FAILOVER_REQUIRED) == 0 && q->fallback != NULL ?
		    q->fallback : "", q->meaning);
	}
}

static int
command_plugin_info_run(struct options *o)
{
	struct plugin_description	*p;
	struct error			 err;

	if (o->rest_count != 2)
		return fail(EXIT_USAGE, "usage: consul-failover plugin info "
		    "NAME|FILE.so");
	if (!plugin_describe(&p, o->rest[1], PLUGIN_LOAD_LIMIT_MS, &err))
		return fail(EXIT_CONFIG, "%s", err.text);
	print_plugin(p);
	plugin_description_free(p);
	return EXIT_SUCCESS;
}

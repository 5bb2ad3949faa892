/* command_plugin_call.c - plugin call: one call, by hand. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "call.h"
#include "fail.h"
#include "load.h"
#include "printable.h"
#include "runfile.h"

static int	command_plugin_call_run(struct options *);

const struct command command_plugin_call = {
	.name = "plugin",
	.verb = "call",
	.arguments = "-c FILE OPERATION",
	.summary = "call a plugin once, by hand",
	.help = "Calls the plugin once, as an agent would, and prints the "
	    "result.  The call bypasses the lock: do not promote copies by "
	    "hand while agents run.",
	.words = COMMAND_WORDS(
		{ "health", NULL, "is the copy fit to serve?" },
		{ "ensure_master", NULL, "make it the master" },
		{ "ensure_slave", NULL, "make it a slave of --master" },
		{ "ensure_demoted", NULL, "make it reject writes" },
		{ "position", NULL, "how much data does it have?" },
		{ "has_position", "POSITION", "does it have all data up to "
		    "POSITION?" },
		{ "behind", "POSITION", "how far is it behind POSITION?" }),
	.options = COMMAND_WORDS(
		{ "master", "HOST:PORT", "for ensure_slave: the master to "
		    "follow" },
		{ "master-host", "HOST", "its host alone" },
		{ "master-port", "PORT", "its port; default: that of the "
		    "service" },
		{ "target", "POSITION", "for ensure_master: what must be "
		    "applied before the first write" },
		{ "epoch", "NUMBER", "the epoch that the plugin gets; default: "
		    "0" }),
	.exits = COMMAND_EXITS(
		{ 0, "done" },
		{ 1, "the call failed or was killed, or its handler died" },
		{ 75, "under way" },
		{ 78, "the config or the plugin is bad" }),
	.example = "plugin call -c /etc/consul-failover/db.ini health",
	.config = COMMAND_MAY_HAVE_CONFIG,
	.run = command_plugin_call_run,
};

static int
call_plugin(const struct config *c, const struct plugin_description *p,
    const struct handler_call *call)
{
	struct call_answer	 a;

	if ((p->ops & 1u << call->op) == 0)
		return fail(EXIT_FAILURE, "%s has no %s, or not with these "
		    "[options]", p->image.path, operation_name(call->op));
	call_once(c, p, call, &a);
	/* What a plugin says may hold anything, and this may be a terminal. */
	printf("%s: %s\n", handler_result_name(a.result), printable(a.text));
	return a.result == HANDLER_DONE ? EXIT_SUCCESS :
	    a.result == HANDLER_AGAIN ? EXIT_AGAIN : EXIT_FAILURE;
}

static int
call_usage(void)
{
	char	names[256] = "";
	size_t	n = 0;
	int	op;

	for (op = 0; op < OPERATIONS && n < sizeof names; op++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
		    op == 0 ? "" : "|", operation_rows[op].name);
	return fail(EXIT_USAGE, "usage: consul-failover plugin call -c FILE "
	    "%s [POSITION]", names);
}

static int
command_plugin_call_run(struct options *o)
{
	struct handler_call		 call = { .what = { .node = "",
					    .reason = "called by hand" } };
	struct config			*c = NULL;
	struct plugin_description	*p = NULL;
	enum operation_takes		 takes;
	int				 status;

	if (o->rest_count < 2 || !operation_find(o->rest[1], &call.op))
		return call_usage();
	takes = operation_rows[call.op].takes;
	if (takes == OPERATION_TAKES_MASTER && o->master_host == NULL)
		return fail(EXIT_USAGE, "%s needs --master-host HOST "
		    "(and --master-port PORT)", o->rest[1]);
	if (takes == OPERATION_TAKES_POSITION && o->rest_count < 3)
		return fail(EXIT_USAGE, "%s needs a position", o->rest[1]);
	if (o->config_file == NULL)
		return fail(EXIT_USAGE, "which config? Give it with -c FILE");
	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	load_log(c);
	call.what.epoch = o->epoch;
	call.what.address = c->service_address;
	call.what.promote = runfile_is_promoted(c);
	call.timeout_ms = operation_deadline_ms(call.op, c);
	if (takes == OPERATION_TAKES_MASTER) {
		call.what.master_host = o->master_host;
		call.what.master_port = (uint16_t)(o->master_port > 0 ?
		    o->master_port : c->service_port);
	}
	if (call.op == OPERATION_ENSURE_MASTER)
		call.what.target = o->target;
	if (takes == OPERATION_TAKES_POSITION)
		call.what.position = o->rest[2];
	status = call_plugin(c, p, &call);
	plugin_description_free(p);
	config_free(c);
	return status;
}

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
	.run = command_plugin_call_run,
};

static int
call_plugin(const struct config *c, const struct plugin_description *p,
    const struct handler_call *call)
{
	struct call_answer	 a;

	if ((p->ops & 1u << call->op) == 0)
		return fail(EXIT_FAILURE, "%s has no %s, or not with these "
		    "[options]", p->image.path, handler_op_name(call->op));
	call_once(c, p, call, &a);
	/* What a plugin says may hold anything, and this may be a terminal. */
	printf("%s: %s\n", handler_result_name(a.result), printable(a.text));
	return a.result == HANDLER_DONE ? EXIT_SUCCESS :
	    a.result == HANDLER_AGAIN ? EXIT_AGAIN : EXIT_FAILURE;
}

static int
command_plugin_call_run(struct options *o)
{
	struct handler_call		 call = { .what = { .node = "",
					    .reason = "called by hand" } };
	struct config			*c = NULL;
	struct plugin_description	*p = NULL;
	int				 status;

	if (o->rest_count < 2 || !handler_op_find(o->rest[1], &call.op))
		return fail(EXIT_USAGE, "usage: consul-failover plugin call -c "
		    "FILE health|ensure_master|ensure_slave|ensure_demoted|"
		    "position|has_position|behind [POSITION]");
	if (call.op == HANDLER_ENSURE_SLAVE && o->master_host == NULL)
		return fail(EXIT_USAGE, "ensure_slave needs --master-host HOST "
		    "(and --master-port PORT)");
	if ((call.op == HANDLER_HAS_POSITION || call.op == HANDLER_BEHIND) &&
	    o->rest_count < 3)
		return fail(EXIT_USAGE, "%s needs a position", o->rest[1]);
	if (o->config_file == NULL)
		return fail(EXIT_USAGE, "which config? Give it with -c FILE");
	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	load_log(c);
	call.what.epoch = o->epoch;
	call.what.address = c->service_address;
	call.what.promote = runfile_is_promoted(c);
	call.timeout_ms = call_deadline_ms(c, call.op);
	if (call.op == HANDLER_ENSURE_SLAVE) {
		call.what.master_host = o->master_host;
		call.what.master_port = (uint16_t)(o->master_port > 0 ?
		    o->master_port : c->service_port);
	}
	if (call.op == HANDLER_ENSURE_MASTER)
		call.what.target = o->target;
	if (call.op == HANDLER_HAS_POSITION || call.op == HANDLER_BEHIND)
		call.what.position = o->rest[2];
	status = call_plugin(c, p, &call);
	plugin_description_free(p);
	config_free(c);
	return status;
}

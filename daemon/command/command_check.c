/* command_check.c - check: is the config good, and what answers come? */
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "call.h"
#include "consul.h"
#include "exposed.h"
#include "fail.h"
#include "live.h"
#include "load.h"
#include "memory.h"
#include "must.h"
#include "printable.h"
#include "runfile.h"
#include "timeline.h"

static int	command_check_run(struct options *);

const struct command command_check = {
	.name = "check",
	.arguments = "-c FILE",
	.summary = "check config, plugin, Consul, application; print timeline",
	.help = "Reads the config and the plugin as an agent would, prints "
	    "what happens after each kind of fault and how long that takes, "
	    "and asks Consul and the application.  It changes nothing.",
	.options = COMMAND_WORDS(
		{ "live", NULL, "fail also if Consul or the application does "
		    "not answer or is not ready" },
		{ "quiet", NULL, "print errors only; ask nothing, unless "
		    "--live is given, too" }),
	.exits = COMMAND_EXITS(
		{ 0, "all is good" },
		{ 1, "an agent could not work with the answers of Consul or "
		    "the application" },
		{ 78, "the config, the plugin or a file that they name is "
		    "bad" }),
	.example = "check -c /etc/consul-failover/db.ini",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_check_run,
};

/* What only the machine can tell: the token, the certificates, the address. */
static bool
check_consul(const struct config *c)
{
	struct event_base	*base = must(event_base_new());
	struct consul		*consul;
	struct error		 err;
	bool			 ok = consul_new(&consul, base, c, &err);

	if (!ok)
		fprintf(stderr, "%s: %s\n", c->file, printable(err.text));
	consul_free(consul);
	event_base_free(base);
	return ok;
}

/* What plugin_start refuses would be found by a master that can't be demoted. */
static bool
check_plugin(struct options *o, const struct config *c,
    const struct plugin_description *p)
{
	struct call_answer	 a;
	struct handler_call	 call = { .op = OPERATION_PLUGIN_START,
				    .timeout_ms = c->health_deadline,
				    .what = { .node = "", .reason = "check" } };

	if (!p->has_start)
		return true;
	call_once(c, p, &call, &a);
	if (a.result != HANDLER_DONE)
		load_report(o, must_format("%s: %s", c->file, a.text));
	return a.result == HANDLER_DONE;
}

/* A warning, unless it is an error or --live makes it one. */
static bool
live_fails(const struct options *o, const struct config *c, bool error,
    const char *what, char *text)
{
	error = error || o->live;
	fprintf(error ? stderr : stdout, "%s: %s%s\n", error ? c->file :
	    "Warning", what, printable(text));
	return error;
}

static bool
check_live_consul(const struct options *o, const struct config *c)
{
	char		 text[2048];
	enum live	 found = live_ask_consul(c, text, sizeof text);

	if (found != LIVE_GOOD)
		return !live_fails(o, c, found == LIVE_BAD, found == LIVE_BAD ?
		    "" : "Consul could not be asked: ", text);
	if (!o->quiet)
		printf("Consul at %s answers what the agent asks first.\n",
		    c->consul_address);
	return true;
}

/* A plugin calls its copy unfit whether the server refuses it or is not there;
 * only of one that is there is that an error. */
static bool
check_live_copy(const struct options *o, const struct config *c,
    const struct plugin_description *p)
{
	struct call_answer	 a;
	struct handler_call	 call = { .op = OPERATION_HEALTH,
				    .timeout_ms = c->health_deadline,
				    .what = { .node = "", .reason = "check",
				    .promote = runfile_is_promoted(c) } };

	call_once(c, p, &call, &a);
	if (a.result != HANDLER_DONE && a.result != HANDLER_AGAIN)
		return !live_fails(o, c, a.result == HANDLER_LOST ||
		    (a.result == HANDLER_FAILED && live_is_served(c)),
		    "health: ", a.text);
	if (!o->quiet)
		printf("The application is %s: %s\n", a.result == HANDLER_DONE ?
		    "healthy" : "busy", printable(a.text));
	return true;
}

/* What answers must answer well; what does not may be down, or not there yet,
 * and the config good.  True: nothing is an error. */
static bool
check_live(const struct options *o, const struct config *c,
    const struct plugin_description *p)
{
	bool	consul, copy;

	if (!o->quiet) {
		putchar('\n');
		fflush(stdout);
	}
	consul = check_live_consul(o, c);
	copy = check_live_copy(o, c, p);
	return consul && copy;
}

static void
print_exposed(const char *text)
{
	printf("Warning: %s\n", text);
}

static int
command_check_run(struct options *o)
{
	struct config			*c;
	struct plugin_description	*p;
	struct error			 err;
	int				 status;

	if ((status = load_both(o, &c, &p)) != 0)
		return status;
	if (!check_plugin(o, c, p) || !check_consul(c)) {
		status = EXIT_CONFIG;
	} else if (!o->quiet) {
		printf("%s is good: service %s, plugin %s %s (%s)\n", c->file,
		    c->service_name, p->name, p->version, p->image.path);
		if (!memory_could(c, &err))
			printf("Warning: %s\n", err.text);
		if (load_near(p, &err))
			printf("Warning: %s\n", err.text);
		exposed_look(c, p, print_exposed);
		timeline_print(c, p);
	}
	if (status == 0 && (o->live || !o->quiet) && !check_live(o, c, p))
		status = EXIT_FAILURE;
	plugin_description_free(p);
	config_free(c);
	return status;
}

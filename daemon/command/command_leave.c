/* command_leave.c - leave: for a copy whose agent can't. */
#include "command.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "fail.h"
#include "leave.h"
#include "load.h"

static int	command_leave_run(struct options *);

const struct command command_leave = {
	.name = "leave",
	.arguments = "-c FILE [released|dropped]",
	.summary = "take a copy without an agent out of the service",
	.help = "Releases the lock if the last agent of this copy held it, "
	    "ends that agent's session, and deregisters the copy.  Use it "
	    "only if the agent can't be started any more, and after you have "
	    "made sure that the copy is not a master.",
	.words = COMMAND_WORDS(
		{ "released", NULL, "no copy of the service is a master: the "
		    "next master need not wait" },
		{ "dropped", NULL, "the next master waits as after a crash; "
		    "this is the default" }),
	.options = COMMAND_WORDS(
		{ "guard", "PID", NULL }),
	.exits = COMMAND_EXITS(
		{ 0, "Consul has confirmed all steps" },
		{ 1, "Consul has not confirmed all steps, or an agent is running" },
		{ 78, "the config is bad" }),
	.example = "leave -c /etc/consul-failover/db.ini",
	.config = COMMAND_NEEDS_CONFIG,
	.run = command_leave_run,
	.more_flags = LEAVE_PINS,
};

/* The guard's run ends with the guard: the next one must find nobody at work. */
static bool
ends_with(long parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static int
command_leave_run(struct options *o)
{
	static const char *const	 names[] = {
		[LEAVE_RELEASED] = "released",
		[LEAVE_DROPPED] = "dropped",
		[LEAVE_UNFENCED] = "unfenced",
	};
	const char			*as = o->rest_count > 0 ? o->rest[0] :
					    names[LEAVE_DROPPED];
	struct config			*c;
	size_t				 i;
	bool				 ok;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(as, names[i]) == 0)
			break;
	if (i == sizeof names / sizeof names[0])
		return fail(EXIT_USAGE, "leave: use released, dropped (that is "
		    "the default) or unfenced, not \"%s\"", as);
	if (o->guard != 0 && !ends_with(o->guard))
		return EXIT_FAILURE;
	if (o->guard != 0) {
		/* It runs us from a descriptor: our name is its number. */
		close(CHILD_PROGRAM);
		prctl(PR_SET_NAME, "consul-failover");
	}
	if (!load_config(o, &c))
		return EXIT_CONFIG;
	load_log(c);
	ok = leave_run(c, (enum leave_as)i, o->guard != 0,
	    o->rest_count > 1 ? o->rest[1] : "");
	config_free(c);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

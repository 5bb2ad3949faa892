/* command.c - finds the command. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "config_flag.h"
#include "fail.h"
#include "nearer.h"

const struct command *const	commands[] = {
	&command_agent, &command_check, &command_status, &command_history,
	&command_promote, &command_leave, &command_config,
	&command_plugin_info, &command_plugin_call, &command_plugin_test,
	&command_plugin_new, &command_states, &command_version,
	&command_complete, &command_help,
	NULL
};

const struct command *const *
command_find(const char *name)
{
	const struct command *const	*c = commands;
	const char			*meant = NULL;

	for (; *c != NULL; c++) {
		if (strcmp((*c)->name, name) == 0)
			return c;
		meant = nearer(meant, (*c)->name, name);
	}
	if (meant != NULL)
		fail(EXIT_USAGE, "there is no command \"%s\"; did you mean "
		    "\"%s\"?", name, meant);
	else
		fail(EXIT_USAGE, "there is no command \"%s\"; see "
		    "consul-failover help", name);
	return NULL;
}

bool
command_follows(const struct command *const *c)
{
	return c[1] != NULL && strcmp(c[0]->name, c[1]->name) == 0;
}

const struct command *
command_find_verb(const struct command *const *c, const char *verb)
{
	for (;; c++)
		if ((*c)->verb == NULL ||
		    (verb != NULL && strcmp(verb, (*c)->verb) == 0))
			return *c;
		else if (!command_follows(c))
			return NULL;
}

static int
command_lacks_verb(const struct command *const *c)
{
	const char	*name = (*c)->name;
	char		 verbs[64] = "";
	size_t		 n = 0;
	bool		 more;

	do {
		more = command_follows(c);
		n += (size_t)snprintf(verbs + n, sizeof verbs - n, "%s%s",
		    n == 0 ? "" : more ? ", " : " or ", (*c)->verb);
		c++;
	} while (more);
	return fail(EXIT_USAGE, "%s: use %s", name, verbs);
}

static bool
command_takes(const struct command *c, const char *option)
{
	const struct command_word	*w = c->options;

	if (strcmp(option, "help") == 0)
		return true;
	if (strcmp(option, "config") == 0 || strcmp(option, "option") == 0 ||
	    config_flag_key(option) != NULL)
		return c->config != COMMAND_NO_CONFIG;
	for (; w != NULL && w->name != NULL; w++)
		if (strcmp(w->name, option) == 0)
			return true;
	return false;
}

static int
command_run_one(const struct command *c, struct options *o)
{
	const char	*verb = c->verb != NULL ? c->verb : "";
	const char	*space = c->verb != NULL ? " " : "";
	size_t		 i;

	for (i = 0; i < o->given_count; i++)
		if (!command_takes(c, o->given[i]))
			return fail(EXIT_USAGE, "%s%s%s has no option --%s; "
			    "see consul-failover help %s%s%s", c->name, space,
			    verb, o->given[i], c->name, space, verb);
	if (o->help) {
		command_help_print(c);
		return EXIT_SUCCESS;
	}
	if (o->config_file == NULL && c->config == COMMAND_NEEDS_CONFIG)
		return fail(EXIT_USAGE, "which config? Give it with -c FILE");
	return c->run(o);
}

static int
command_run_named(const struct command *const *c, int argc, char **argv)
{
	struct options		 o = { 0 };
	const struct command	*found;
	int			 status;

	o.flags_max = FLAGS_MAX + (*c)->more_flags;
	if (!options_parse(&o, argc, argv))
		status = fail(EXIT_USAGE, "see consul-failover help %s",
		    (*c)->name);
	else if ((found = command_find_verb(c, o.rest_count > 0 ? o.rest[0] :
	    NULL)) != NULL)
		status = command_run_one(found, &o);
	else if (o.help) {
		command_help_list(stdout, (*c)->name);
		status = EXIT_SUCCESS;
	} else
		status = command_lacks_verb(c);
	options_free(&o);
	return status;
}

int
command_run(int argc, char **argv)
{
	const struct command *const	*c;
	const char			*name = argc < 2 ? "" : argv[1];

	if (argc < 2) {
		command_help_list(stderr, NULL);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--version") == 0)
		name = command_version.name;
	else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = command_help.name;
	if ((c = command_find(name)) == NULL)
		return EXIT_USAGE;
	return command_run_named(c, argc - 1, argv + 1);
}

/* command.c - finds the command. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_flag.h"
#include "fail.h"

/* As help lists them; those of one name follow each other. */
static const struct command *const	commands[] = {
	&command_agent, &command_check, &command_status, &command_history,
	&command_promote, &command_leave, &command_config,
	&command_plugin_info, &command_plugin_call, &command_plugin_test,
	&command_plugin_new, &command_states, &command_version, NULL
};

static int
command_usage(FILE *f, int status)
{
	const struct command *const	*c;
	const char			*name;
	char				 words[64];
	size_t				 i;

	fputs("usage: consul-failover COMMAND [OPTIONS]\n\n", f);
	for (c = commands; *c != NULL; c++) {
		snprintf(words, sizeof words, "%s%s%s",
		    (*c)->verb != NULL ? (*c)->verb : "",
		    (*c)->verb != NULL ? " " : "", (*c)->arguments);
		fprintf(f, "  %-8s %-27s %s\n", (*c)->name, words,
		    (*c)->summary);
	}
	fputs("\nWith -c FILE you can use  -o SECTION.KEY=VALUE  and", f);
	for (i = 0; (name = config_flag_name(i)) != NULL; i++)
		fprintf(f, "  --%s", name);
	fputs("\nSee consul-failover(8).\n", f);
	return status;
}

/* The first one of that name; NULL: there is none. */
static const struct command *const *
command_find(const char *name)
{
	const struct command *const	*c = commands;

	while (*c != NULL && strcmp((*c)->name, name) != 0)
		c++;
	return *c != NULL ? c : NULL;
}

static bool
command_follows(const struct command *const *c)
{
	return c[1] != NULL && strcmp(c[0]->name, c[1]->name) == 0;
}

/* Of those of one name, the one whose verb is said. */
static int
command_run_verb(const struct command *const *c, struct options *o)
{
	const char	*name = (*c)->name;
	char		 verbs[64] = "";
	size_t		 n = 0;
	bool		 more;

	do {
		if ((*c)->verb == NULL || (o->rest_count > 0 &&
		    strcmp(o->rest[0], (*c)->verb) == 0))
			return (*c)->run(o);
		more = command_follows(c);
		n += (size_t)snprintf(verbs + n, sizeof verbs - n, "%s%s",
		    n == 0 ? "" : more ? ", " : " or ", (*c)->verb);
		c++;
	} while (more);
	return fail(EXIT_USAGE, "%s: use %s", name, verbs);
}

int
command_run(int argc, char **argv)
{
	const struct command *const	*c;
	struct options			 o = { 0 };
	int				 status;

	if (argc < 2)
		return command_usage(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "--version") == 0)
		return command_version.run(&o);
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return command_usage(stdout, EXIT_SUCCESS);
	if ((c = command_find(argv[1])) == NULL)
		return fail(EXIT_USAGE, "there is no command \"%s\"; see "
		    "consul-failover help", argv[1]);
	o.flags_max = FLAGS_MAX + (*c)->more_flags;
	if (!options_parse(&o, argc - 1, argv + 1))
		status = fail(EXIT_USAGE, "see consul-failover help");
	else if (o.help)
		status = command_usage(stdout, EXIT_SUCCESS);
	else if (o.config_file == NULL && (*c)->wants_config)
		status = fail(EXIT_USAGE, "which config? Give it with -c FILE");
	else
		status = command_run_verb(c, &o);
	options_free(&o);
	return status;
}

/* command_help.c - help: all commands, or one, from their rows. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "config_flag.h"
#include "fail.h"

#define WIDTH	80
#define MEANING	36		/* the column of what a word means */

static int	command_help_run(struct options *);

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "all commands, or the help of one",
	.help = "Lists all commands, or prints what one does, with its "
	    "options and exit statuses.  \"COMMAND --help\" prints the same.",
	.exits = COMMAND_EXITS(
		{ 0, "the help is printed" }),
	.example = "help plugin test",
	.run = command_help_run,
};

/* The cursor is at column at; the text's further lines begin there. */
static void
print_wrapped(int at, const char *text)
{
	int	column = at, n;

	for (; *text != '\0'; text += n) {
		n = (int)strcspn(text, " ");
		if (column > at && column + 1 + n > WIDTH) {
			printf("\n%*s", at, "");
			column = at;
		}
		column += printf("%s%.*s", column > at ? " " : "", n, text);
		n += (int)strspn(text + n, " ");
	}
	putchar('\n');
}

/* before: "-c, " of an option. */
static void
print_word(const char *before, const char *dashes, const char *name,
    const char *argument, const char *meaning)
{
	int	n = printf("  %s%s%s%s%s", before, dashes, name,
		    argument != NULL ? " " : "",
		    argument != NULL ? argument : "");

	if (n + 2 > MEANING) {
		putchar('\n');
		n = 0;
	}
	printf("%*s", MEANING - n, "");
	print_wrapped(MEANING, meaning);
}

static void
print_words(const struct command_word *w, const char *before,
    const char *dashes)
{
	for (; w != NULL && w->name != NULL; w++)
		if (w->meaning != NULL)
			print_word(before, dashes, w->name, w->argument,
			    w->meaning);
}

static void
print_options(const struct command *c)
{
	const char	*name;
	size_t		 i;

	printf("\noptions:\n");
	if (c->config != COMMAND_NO_CONFIG) {
		print_word("-c, ", "--", "config", "FILE", "the config");
		print_word("-o, ", "--", "option", "SECTION.KEY=VALUE",
		    "override a key of the config");
	}
	print_words(c->options, "    ", "--");
	for (i = 0; c->config != COMMAND_NO_CONFIG &&
	    (name = config_flag_name(i)) != NULL; i++)
		print_word("    ", "--", name, config_flag_argument(i),
		    config_flag_meaning(i));
	print_word("-h, ", "--", "help", NULL, "print this help");
}

void
command_help_print(const struct command *c)
{
	const struct command_exit	*e;

	printf("usage: consul-failover %s%s%s %s%s[OPTIONS]\n\n", c->name,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
	    c->arguments, c->arguments[0] != '\0' ? " " : "");
	print_wrapped(0, c->help);
	if (c->words != NULL)
		printf("\narguments:\n");
	print_words(c->words, "", "");
	print_options(c);
	printf("\nexit status:\n");
	for (e = c->exits; e->meaning != NULL; e++) {
		printf("  %-3d ", e->status);
		print_wrapped(6, e->meaning);
	}
	printf("  %-3d the command line is wrong\n", EXIT_USAGE);
	printf("\nexample:\n  consul-failover %s\n", c->example);
}

void
command_help_list(FILE *f, const char *name)
{
	const struct command *const	*c;
	char				 words[64];

	fprintf(f, "usage: consul-failover %s%sCOMMAND [OPTIONS]\n\n",
	    name != NULL ? name : "", name != NULL ? " " : "");
	for (c = commands; *c != NULL; c++) {
		if (name != NULL && strcmp((*c)->name, name) != 0)
			continue;
		snprintf(words, sizeof words, "%s%s%s",
		    (*c)->verb != NULL ? (*c)->verb : "",
		    (*c)->verb != NULL ? " " : "", (*c)->arguments);
		fprintf(f, "  %-8s %-26s %s\n", (*c)->name, words,
		    (*c)->summary);
	}
	fputs("\n\"consul-failover help COMMAND\" prints a command's options "
	    "and exit statuses.\nSee also consul-failover(8).\n", f);
}

static int
command_help_run(struct options *o)
{
	const struct command *const	*c;
	const struct command		*found;

	if (o->rest_count == 0) {
		command_help_list(stdout, NULL);
		return EXIT_SUCCESS;
	}
	if ((c = command_find(o->rest[0])) == NULL)
		return EXIT_USAGE;
	found = command_find_verb(c, o->rest_count > 1 ? o->rest[1] : NULL);
	if (found != NULL)
		command_help_print(found);
	else if (o->rest_count == 1)
		command_help_list(stdout, o->rest[0]);
	else
		return fail(EXIT_USAGE, "there is no command \"%s %s\"; see "
		    "consul-failover help %s", o->rest[0], o->rest[1],
		    o->rest[0]);
	return EXIT_SUCCESS;
}

/* command_complete.c - complete: what the word at a shell's prompt can be. */
#include "command.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config_flag.h"
#include "load.h"
#include "must.h"
#include "names.h"
#include "value.h"

static int	command_complete_run(struct options *);

const struct command command_complete = {
	.name = "complete",
	.arguments = "-- WORD...",
	.summary = "completions of the last word, for a shell",
	.help = "Prints the completions of the last, unfinished word: one per "
	    "line, with its meaning after a tab.  The line \":files\" means "
	    "any file.",
	.exits = COMMAND_EXITS(
		{ 0, "done, even if nothing is known" }),
	.example = "complete -- status --",
	.run = command_complete_run,
};

/* What stands before the last word. */
struct complete_line {
	const struct command	*command;
	struct options		 options;
	int			 rest_count;	/* words after the command */
};

static void
offer(const char *dashes, const char *word, const char *meaning)
{
	printf("%s%s\t%s\n", dashes, word, meaning);
}

static void
offer_words(const struct command_word *w, const char *dashes)
{
	for (; w != NULL && w->name != NULL; w++)
		if (w->meaning != NULL)
			offer(dashes, w->name, w->meaning);
}

/* Each name once; the verbs of a name come with it. */
static void
offer_commands(void)
{
	const struct command *const	*c;

	for (c = commands; *c != NULL; c++)
		if (c == commands || !command_follows(c - 1))
			offer("", (*c)->name, (*c)->verb != NULL ? "" :
			    (*c)->summary);
}

static void
offer_verbs(const struct command *const *c)
{
	for (;; c++) {
		if ((*c)->verb != NULL)
			offer("", (*c)->verb, (*c)->summary);
		if (!command_follows(c))
			return;
	}
}

static void
offer_options(const struct command *c)
{
	const char	*name;
	size_t		 i;

	offer_words(c->options, "--");
	offer("--", "help", "print this command's help");
	if (c->config == COMMAND_NO_CONFIG)
		return;
	offer("--", "config", "the config");
	offer("--", "option", "override a key of the config");
	for (i = 0; (name = config_flag_name(i)) != NULL; i++)
		offer("--", name, config_flag_meaning(i));
}

/* Others have named it, and it becomes a part of a command line: no name that
 * means anything to a shell, or that looks like an option. */
static void
offer_name(const char *name, void *arg)
{
	if (value_is_word(name, "-_.", 255))
		offer("", name, arg);
}

/* The nodes of the service that the line has named, else the services. */
static void
offer_names(struct complete_line *l, const char *meaning)
{
	struct config	*c;

	if (!load_service(&l->options, &c))
		return;
	names_find(c, offer_name, (void *)(uintptr_t)meaning);
	config_free(c);
}

/* Of the service that the line has named by then, or its config. */
static void
offer_nodes(struct complete_line *l)
{
	if (l->options.config_file != NULL ||
	    (l->command->verb == NULL && l->rest_count > 0))
		offer_names(l, "node");
}

/* What follows an option; NULL: it is none, or nothing follows it. */
static const char *
argument_of(const struct command *c, const char *word)
{
	const struct command_word	*w = c->options;
	const char			*name;
	size_t				 i;

	if (c->config != COMMAND_NO_CONFIG) {
		if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0)
			return "FILE";
		if (strcmp(word, "-o") == 0 || strcmp(word, "--option") == 0)
			return "SECTION.KEY=VALUE";
	}
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	for (; w != NULL && w->name != NULL; w++)
		if (strcmp(w->name, word + 2) == 0)
			return w->argument;
	for (i = 0; c->config != COMMAND_NO_CONFIG &&
	    (name = config_flag_name(i)) != NULL; i++)
		if (strcmp(name, word + 2) == 0)
			return config_flag_argument(i);
	return NULL;
}

static void
offer_argument(struct complete_line *l, const char *argument)
{
	if (strcmp(argument, "FILE") == 0)
		puts(":files");
	else if (strcmp(argument, "HOST") == 0 ||
	    strcmp(argument, "NODE") == 0)
		offer_nodes(l);
}

static void
offer_first(struct complete_line *l)
{
	const struct command	*c = l->command;

	if (c == &command_help)
		offer_commands();
	if (strstr(c->arguments, "SERVICE") != NULL &&
	    l->options.config_file == NULL)
		offer_names(l, "service");
	if (strstr(c->arguments, "FILE.so") != NULL)
		puts(":files");
	offer_words(c->words, "");
}

static void
complete_argument(struct complete_line *l, const char *before,
    const char *word)
{
	const char			*argument = argument_of(l->command,
					    before);
	const struct command *const	*c;

	if (argument != NULL)
		offer_argument(l, argument);
	else if (word[0] == '-')
		offer_options(l->command);
	else if (l->rest_count == 0)
		offer_first(l);
	else if (l->command == &command_help && l->rest_count == 1 &&
	    (c = command_find(l->options.rest[0])) != NULL)
		offer_verbs(c);
}

/* An option that waits for its argument is no mistake here. */
static CHECKED bool
complete_line_read(struct complete_line *l, char **words, int count)
{
	if (argument_of(l->command, words[count - 1]) != NULL)
		count--;
	l->options.flags_max = FLAGS_MAX;
	if (!options_parse(&l->options, count, words))
		return false;
	l->rest_count = l->options.rest_count -
	    (l->command->verb != NULL ? 1 : 0);
	return true;
}

static int
command_complete_run(struct options *o)
{
	struct complete_line		 l = { 0 };
	const struct command *const	*c;
	int				 n = o->rest_count - 1;
	char				**words = o->rest, *before;

	if (n <= 0) {
		offer_commands();
		return EXIT_SUCCESS;
	}
	if ((c = command_find(words[0])) == NULL)
		return EXIT_SUCCESS;
	l.command = command_find_verb(c, n > 1 ? words[1] : NULL);
	if (l.command == NULL) {
		if (n == 1)
			offer_verbs(c);
		return EXIT_SUCCESS;
	}
	before = words[n - 1];		/* getopt moves words about */
	if (complete_line_read(&l, words, n))
		complete_argument(&l, before, words[n]);
	options_free(&l.options);
	return EXIT_SUCCESS;
}

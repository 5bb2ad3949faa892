/* exec.c - an application that commands can drive: one command a call. */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* EX_TEMPFAIL of sysexits.h. */
#define EXIT_AGAIN	75

#define REQUIRED(name, meaning) \
	{ name, FAILOVER_STRING | FAILOVER_REQUIRED, NULL, meaning }
#define OPTIONAL(name, meaning) \
	{ name, FAILOVER_STRING, NULL, meaning }
static const struct failover_option options[] = {
	REQUIRED("health", "command: exit 0 if fit to serve, 75 if busy"),
	REQUIRED("ensure_master", "command: be the master"),
	REQUIRED("ensure_slave", "command: be a slave of $CF_MASTER_ADDR"),
	REQUIRED("ensure_demoted", "command: stop being the master, at once"),
	OPTIONAL("position", "command: print the position of this copy"),
	OPTIONAL("has_position",
	    "command: exit 0 if this copy has all of $CF_POSITION, 1 if not"),
	OPTIONAL("behind", "command: print how much of $CF_POSITION it lacks"),
	{ 0 }
};

FAILOVER_PLUGIN("exec", "1.1", "a command for each call", options);

/* In the order of the table. */
enum { HEALTH, MASTER, SLAVE, DEMOTED, POSITION, HAS_POSITION, BEHIND,
	COMMANDS };

static struct command	commands[COMMANDS];

/* What the last one wrote: more than a position, so that one that is too long is
 * seen. */
static char		printed[FAILOVER_POSITION + 64];
static struct output	output = { .out = printed,
			    .out_size = sizeof(printed) };

enum failover_result
plugin_start(struct failover *f)
{
	const struct failover_option	*o;
	struct command			*c;
	const char			*line, *wrong;

	for (o = options, c = commands; o->name != NULL; o++, c++) {
		line = f->option(f, o->name);
		if (line == NULL)
			continue;
		if (!command_split(c, line, &wrong))
			return f->say(f, FAILOVER_FAILED, "option %s %s: %s",
			    o->name, wrong, line);
		/* Now: it may be ensure_demoted that is missing. */
		if (!command_find(c, &wrong))
			return f->say(f, FAILOVER_FAILED, "option %s: %s: %s",
			    o->name, c->words[0], wrong);
	}
	return FAILOVER_DONE;
}

void
plugin_stop(struct failover *f)
{
	struct command	*c;

	(void)f;
	for (c = commands; c < commands + COMMANDS; c++)
		command_free(c);
}

/* Gives its exit status; -1 where it has none, and that is said. */
static int
run(struct failover *f, int which, const char *role, const char *position)
{
	const struct command	*c = &commands[which];

	command_set_environment(f, options[which].name, role, position);
	command_run(f, c, INT64_MAX, &output);
	return command_exited(f, c, &output) ? WEXITSTATUS(output.status) : -1;
}

/* What the command says, in its first line. */
static enum failover_result
tell(struct failover *f, int which, int code)
{
	const char		*line = command_line(output.out);
	enum failover_result	 result = code == EXIT_SUCCESS ? FAILOVER_DONE :
				    code == EXIT_AGAIN ? FAILOVER_AGAIN :
				    FAILOVER_FAILED;

	if (*line == '\0')
		line = command_line(output.err);
	if (*line != '\0' && (result != FAILOVER_FAILED ||
	    code == EXIT_FAILURE))
		return f->say(f, result, "%s", line);
	return f->say(f, result, "%s ended with exit status %d%s%s",
	    commands[which].program, code, *line ? ": " : "", line);
}

static enum failover_result
call(struct failover *f, int which, const char *role)
{
	int	code = run(f, which, role, "");

	return code == -1 ? FAILOVER_FAILED : tell(f, which, code);
}

enum failover_result
health(struct failover *f)
{
	return call(f, HEALTH, NULL);
}

enum failover_result
ensure_master(struct failover *f)
{
	return call(f, MASTER, "master");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	(void)master_host;
	return call(f, SLAVE, "slave");
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return call(f, DEMOTED, "none");
}

/*
 * The functions that need not be configured: without a command there is nothing
 * to compare.
 */

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	char	*at = output.out;
	size_t	 length;
	int	 code;

	if (commands[POSITION].words == NULL)
		return f->say(f, FAILOVER_FAILED,
		    "the option position is not given");
	code = run(f, POSITION, NULL, "");
	if (code != EXIT_SUCCESS)
		return code == -1 ? FAILOVER_FAILED : tell(f, POSITION, code);
	if (output.out_length == sizeof(printed) - 1)	/* there may have been more */
		return f->say(f, FAILOVER_FAILED, "%s printed a position that "
		    "is too long", commands[POSITION].program);
	at += strspn(at, " \t\r\n");
	length = strlen(at);
	while (length > 0 && strchr(" \t\r\n", at[length - 1]) != NULL)
		length--;
	if (length == 0 || length >= size)
		return f->say(f, FAILOVER_FAILED, length == 0 ?
		    "%s printed no position" :
		    "%s printed a position that is too long",
		    commands[POSITION].program);
	memcpy(text, at, length);
	text[length] = '\0';
	return FAILOVER_DONE;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	int	 code;

	if (commands[HAS_POSITION].words == NULL)
		return f->say(f, FAILOVER_AGAIN,
		    "the option has_position is not given");
	code = run(f, HAS_POSITION, NULL, text);
	if (code == -1)
		return FAILOVER_AGAIN;
	tell(f, HAS_POSITION, code);
	return code == EXIT_SUCCESS ? FAILOVER_DONE :
	    code == EXIT_FAILURE ? FAILOVER_FAILED : FAILOVER_AGAIN;
}

int64_t
behind(struct failover *f, const char *text)
{
	const char	*line;
	char		*end;
	int64_t		 number;

	if (commands[BEHIND].words == NULL ||
	    run(f, BEHIND, NULL, text) != EXIT_SUCCESS ||
	    output.out_length == sizeof(printed) - 1)
		return -1;
	line = command_line(output.out);
	errno = 0;
	number = strtoll(line, &end, 10);
	return *line == '\0' || *end != '\0' || errno != 0 || number < 0 ? -1 :
	    number;
}

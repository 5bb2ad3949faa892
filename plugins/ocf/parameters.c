/*
 * parameters.c - the option parameters: what the resource agent gets, and
 * whether it supports that.
 */
#include "parameters.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent.h"

#define CHECK_LEVEL	"OCF_CHECK_LEVEL"	/* that of monitor */
#define XML_SPACE	" \t\r\n"
#define METADATA	(1 << 20)	/* bytes; a long description has 30,000 */
#define SHELL		124	/* exit codes that are not the agent's own */

/* NAME=VALUE becomes OCF_RESKEY_NAME. */
bool
parameters_set(struct failover *f)
{
	const char	*line = f->option(f, "parameters"), *wrong;
	struct command	 c = { 0 };
	char		 name[256], *value;
	size_t		 i;
	bool		 ok = true;

	if (line == NULL || line[strspn(line, " \t")] == '\0')
		return true;
	if (!command_split(&c, line, &wrong)) {
		f->say(f, FAILOVER_FAILED, "option parameters %s: %s", wrong,
		    line);
		ok = false;
	}
	for (i = 0; ok && i < c.count; i++) {
		value = strchr(c.words[i], '=');
		/* Pacemaker, too, gives that one as it is. */
		ok = value != NULL && value > c.words[i] &&
		    snprintf(name, sizeof(name), "%s%.*s",
		    strncmp(c.words[i], CHECK_LEVEL "=",
		    sizeof(CHECK_LEVEL)) == 0 ? "" : "OCF_RESKEY_",
		    (int)(value - c.words[i]), c.words[i]) < (int)sizeof(name);
		if (!ok) {
			f->say(f, FAILOVER_FAILED, "option parameters: \"%.200s"
			    "\" is not NAME=VALUE", c.words[i]);
			break;
		}
		setenv(name, value + 1, 1);
	}
	command_free(&c);
	return ok;
}

/*
 * Does the resource agent know them?
 */

/* Is = and the name in quotes what follows, with white space where XML allows
 * it? */
static bool
is_attribute(const char *text, const char *name, size_t length)
{
	char	 quote;

	text += strspn(text, XML_SPACE);
	if (*text != '=')
		return false;
	text++;
	text += strspn(text, XML_SPACE);
	quote = *text++;
	return (quote == '"' || quote == '\'') &&
	    strncmp(text, name, length) == 0 && text[length] == quote;
}

/* Is there a <parameter ... name="NAME" ...> in that? */
static bool
describes(const char *text, const char *name, size_t length)
{
	const char	*at;

	for (; (text = strstr(text, "<parameter")) != NULL; text = at) {
		at = text + strlen("<parameter");
		if (strchr(XML_SPACE, *at) == NULL)
			continue;
		for (; *at != '\0' && *at != '>'; at++)
			if (strchr(XML_SPACE, at[-1]) != NULL &&
			    strncmp(at, "name", 4) == 0 &&
			    is_attribute(at + 4, name, length))
				return true;
	}
	return false;
}

/* Parameters that each resource agent takes, and that none describes. */
static bool
is_well_known(const char *name, size_t length)
{
	static const char	*const names[] = { "trace_ra", "trace_file",
				    "trace_dir", CHECK_LEVEL };
	size_t			 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length &&
		    strncmp(name, names[i], length) == 0)
			return true;
	return strncmp(name, "CRM_meta_", 9) == 0;
}

static char		metadata[METADATA];
static struct output	output = { .out = metadata,
			    .out_size = sizeof(metadata) };
static struct running	asked;

void
parameters_ask(struct failover *f, int64_t limit)
{
	int64_t		 half = f->time_left(f) / 2;
	char		*words[] = { agent.program,
			    (char *)(uintptr_t)"meta-data", NULL };
	struct command	 c = agent;

	c.words = words;
	command_begin(&asked, &c, limit < half ? limit : half, &output);
}

/* NULL if it has not told in time, or has nothing to tell: then it has ended by
 * itself. */
static const char *
read_metadata(bool *ended)
{
	command_wait(&asked, INT64_MAX, &output);
	command_end(&asked);
	*ended = output.error == 0 && !output.late &&
	    WIFEXITED(output.status) && WEXITSTATUS(output.status) < SHELL &&
	    output.out_length < sizeof(metadata) - 1;
	/* Part of it would be worse than nothing. */
	return *ended && output.status == 0 && output.out_length > 0 ?
	    metadata : NULL;
}

bool	parameters_known;

bool
parameters_check(struct failover *f)
{
	struct command	 c = { 0 };
	const char	*wrong, *text = read_metadata(&parameters_known);
	size_t		 i, length;
	bool		 ok = true;

	if (text != NULL && strstr(text, "<parameter") != NULL &&
	    !command_split(&c, f->option(f, "parameters"), &wrong))
		parameters_known = false;	/* out of memory */
	for (i = 0; ok && i < c.count; i++) {
		length = strcspn(c.words[i], "=");
		ok = is_well_known(c.words[i], length) ||
		    describes(text, c.words[i], length);
		if (!ok)
			f->say(f, FAILOVER_FAILED, "option parameters: the "
			    "resource agent has no parameter \"%.*s\": see %s "
			    "meta-data", (int)length, c.words[i],
			    agent.program);
	}
	parameters_known = parameters_known && ok;
	command_free(&c);
	return ok;
}

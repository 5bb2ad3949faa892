/*
 * parameters.c - the option parameters: what the resource agent is told, and
 * whether it knows that.
 */
#include "parameters.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent.h"

#define CHECK_LEVEL	"OCF_CHECK_LEVEL"	/* that of monitor */
#define XML_SPACE	" \t\r\n"

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

FILE *
parameters_ask(struct failover *f, int64_t limit)
{
	int64_t	 half = f->time_left(f) / 2;
	FILE	*pipe;
	char	 text[32];

	snprintf(text, sizeof(text), "%.3f",		/* 0: for ever */
	    (double)((limit < half ? limit : half) + 1) / 1000);
	setenv("CF_LIMIT", text, 1);
	setenv("CF_AGENT", agent.program, 1);
	pipe = popen("exec timeout -s KILL \"$CF_LIMIT\" \"$CF_AGENT\" "
	    "meta-data 2>/dev/null", "re");
	unsetenv("CF_LIMIT");
	return pipe;
}

/* NULL if it has not told in time, or has nothing to tell: then it has ended by
 * itself, with less than what timeout gives where it has not. */
static char *
read_metadata(FILE *pipe, bool *ended)
{
	char	*text = NULL;
	size_t	 size = 0;
	ssize_t	 n = -1;
	int	 status = -1;

	if (pipe != NULL) {
		n = getdelim(&text, &size, '\0', pipe);
		status = pclose(pipe);
	}
	*ended = WIFEXITED(status) && WEXITSTATUS(status) < 124;
	/* Part of it would be worse than nothing. */
	if (status != 0 || n == -1) {
		free(text);
		text = NULL;
	}
	return text;
}

bool	parameters_known;

bool
parameters_check(struct failover *f, FILE *asked)
{
	struct command	 c = { 0 };
	const char	*wrong;
	char		*text = read_metadata(asked, &parameters_known);
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
	free(text);
	command_free(&c);
	return ok;
}

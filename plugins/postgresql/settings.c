/* settings.c - keeps a standby's own settings from ending it. */

#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data.h"
#include "file.h"
#include "program.h"

/* A server does not start with a word on its command line that it does not
 * know; 0: all that we know have it. */
static const struct setting {
	const char	*name, *value;
	int		 since, until;
} settings[] = {
	/* They end recovery, or pause it, and then a resume promotes. */
	{ "recovery_target", "", 0, 0 },
	{ "recovery_target_lsn", "", 0, 0 },
	{ "recovery_target_name", "", 0, 0 },
	{ "recovery_target_time", "", 0, 0 },
	{ "recovery_target_xid", "", 0, 0 },
	/* With another one it does not follow the next master. */
	{ "recovery_target_timeline", "latest", 0, 0 },
	{ "promote_trigger_file", "", 0, 15 },
	/* It passes over data that is missing, and its position is that of a
	 * copy that has it. */
	{ "ignore_invalid_pages", "off", 13, 0 },
	{ "hot_standby", "on", 0, 0 },
};
#define SETTINGS	(sizeof(settings) / sizeof(settings[0]))

static bool
is_known(const struct setting *s, int version)
{
	return version >= s->since && (s->until == 0 || version <= s->until);
}

/* The value of a line "name = 'value'" or a word "name=value"; else NULL. */
static const char *
value_of(const char *text, const char *name)
{
	size_t	 length = strlen(name);

	if (strncasecmp(text, name, length) != 0)
		return NULL;
	text += length;
	text += strspn(text, " ");
	return *text == '=' ? text + 1 + strspn(text + 1, " ") : NULL;
}

/* The last line for a setting wins. */
static bool
is_set(const char *text, const char *name, const char *literal)
{
	const char	*line, *value;
	size_t		 length = strlen(literal);
	bool		 found = false;

	for (line = text; *line != '\0'; line += strcspn(line, "\n"),
	    line += *line == '\n')
		if ((value = value_of(line, name)) != NULL)
			found = strncmp(value, literal, length) == 0 &&
			    value[length] == '\n';
	return found;
}

static bool
ends_line(const char *text)
{
	return *text == '\0' || text[strlen(text) - 1] == '\n';
}

bool
settings_set(struct failover *f, const char *name, const char *value)
{
	char	 path[PATH_MAX], *text, *literal, *at, *all = NULL;
	bool	 ok;

	literal = malloc(2 * strlen(value) + 3);
	if (literal == NULL)
		return false;
	at = literal;
	*at++ = '\'';
	for (; *value != '\0'; *at++ = *value++)
		if (*value == '\'' || *value == '\\')
			*at++ = *value;
	strcpy(at, "'");
	data_path(f, "postgresql.auto.conf", path);
	text = file_read(path);
	ok = text != NULL && is_set(text, name, literal);
	if (!ok && asprintf(&all, "%s%s%s = %s\n", text == NULL ? "" : text,
	    text == NULL || ends_line(text) ? "" : "\n", name,
	    literal) != -1) {
		ok = file_replace(path, all);
		free(all);
	}
	free(text);
	free(literal);
	return ok;
}

void
settings_words(struct failover *f, char *words, size_t size)
{
	size_t	 i, at = 0;

	words[0] = '\0';
	for (i = 0; i < SETTINGS; i++)
		if (is_known(&settings[i], data_version(f)) && at < size)
			at += (size_t)snprintf(words + at, size - at,
			    " -c %s=%s", settings[i].name, settings[i].value);
}

bool
settings_write(struct failover *f)
{
	size_t	 i;

	for (i = 0; i < SETTINGS; i++)
		if (is_known(&settings[i], data_version(f)) &&
		    !settings_set(f, settings[i].name, settings[i].value))
			return false;
	return true;
}

bool
settings_proven(struct failover *f, pid_t postmaster)
{
	const char	*word, *value;
	char		 path[64], text[16384];
	size_t		 i, size;
	bool		 found;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)postmaster);
	size = file_begin(path, text, sizeof(text));
	for (i = 0; i < SETTINGS; i++) {
		if (!is_known(&settings[i], data_version(f)))
			continue;
		found = false;
		for (word = text; word < text + size; word += strlen(word) + 1)
			if ((value = value_of(word, settings[i].name)) != NULL)
				found = strcmp(value, settings[i].value) == 0;
		if (!found)
			return false;
	}
	return true;
}

bool
settings_in_files(struct failover *f, const char **name)
{
	const char	*file = f->option(f, "config_file");
	char		 program[PATH_MAX], config[PATH_MAX + 16], text[1024];
	const char	*argv[] = { program, "-D", data_folder(f), "-C", NULL,
			    *file ? "-c" : NULL, config, NULL };
	size_t		 i;

	data_program(f, "postgres", program);
	snprintf(config, sizeof(config), "config_file=%s", file);
	*name = NULL;
	for (i = 0; i < SETTINGS && *name == NULL; i++) {
		if (!is_known(&settings[i], data_version(f)))
			continue;
		argv[4] = settings[i].name;
		if (f->time_left(f) <= 0)
			return false;
		if (program_read(f, argv, INT64_MAX, text, sizeof(text))) {
			text[strcspn(text, "\n")] = '\0';
			if (strcmp(text, settings[i].value) != 0)
				*name = settings[i].name;
		} else if (errno == ETIMEDOUT)
			return false;
	}
	return true;
}

bool
settings_safe(struct failover *f, struct query *q, bool *stuck)
{
	char	 sql[1024] = "", names[FAILOVER_SENTENCE / 2];
	size_t	 i, at = 0;

	for (i = 0; i < SETTINGS; i++)
		at += (size_t)snprintf(sql + at, sizeof(sql) - at, "%s"
		    "('%s', '%s')", i == 0 ? "SELECT string_agg(s.name, ', '), "
		    "bool_or(s.source = 'command line') FROM pg_settings AS s "
		    "JOIN (VALUES " : ", ", settings[i].name,
		    settings[i].value);
	snprintf(sql + at, sizeof(sql) - at, ") AS v (name, value) "
	    "ON s.name = v.name AND s.setting <> v.value "
	    "WHERE pg_is_in_recovery()");
	*stuck = true;
	if (!query_run(q, f, sql, NULL))
		return false;
	*stuck = query_true(q, 1);
	if (*query_value(q, 0) == '\0')
		return true;
	snprintf(names, sizeof(names), "%s", query_value(q, 0));
	return query_failed(q, "with %s this standby may promote itself, or "
	    "stop applying what its master writes: remove that from %s", names,
	    *stuck ? "what starts the server" : "its configuration");
}

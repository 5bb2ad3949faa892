/* exposed.c - finds secrets that any user of this machine can read. */
#include "exposed.h"

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNIT_ENVIRONMENT	"/etc/default/consul-failover"
#define FILES			100

/* By its own mode, and those of the folders that lead to it. */
static bool
exposed_is(const char *path)
{
	char		at[PATH_MAX];
	struct stat	st;

	if (realpath(path, at) == NULL || stat(at, &st) != 0 ||
	    !S_ISREG(st.st_mode) || (st.st_mode & S_IROTH) == 0)
		return false;
	while (strcmp(at, "/") != 0)
		if (stat(dirname(at), &st) != 0 || (st.st_mode & S_IXOTH) == 0)
			return false;
	return true;
}

static void
exposed_say(const char *path, const char *what, void (*say)(const char *))
{
	char	text[PATH_MAX + 128];

	if (path[0] == '\0' || !exposed_is(path))
		return;
	snprintf(text, sizeof text, "Any user of this machine can read %s, "
	    "which holds %s: chmod o-r %s", path, what, path);
	say(text);
}

/* A file of somebody else's that need not hold a secret, and those that it
 * includes. */
struct search {
	const char	*word;		/* that a line with one begins with */
	int		 files;		/* at most, or a circle had no end */
	void		(*say)(const char *);
};

static void	exposed_search(struct search *, const char *path);

static void
exposed_search_folder(struct search *s, const char *path)
{
	char		 file[PATH_MAX];
	DIR		*folder = opendir(path);
	struct dirent	*e;
	size_t		 n;

	if (folder == NULL)
		return;
	while ((e = readdir(folder)) != NULL) {
		n = strlen(e->d_name);
		if (n > 4 && strcmp(e->d_name + n - 4, ".cnf") == 0 &&
		    snprintf(file, sizeof file, "%s/%s", path, e->d_name) <
		    (int)sizeof file)
			exposed_search(s, file);
	}
	closedir(folder);
}

/* As the option files of MySQL's and MariaDB's programs name others. */
static void
exposed_include(struct search *s, char *line)
{
	size_t	 n = strcspn(line, " \t"), length;
	char	*path = line + n + strspn(line + n, " \t");

	for (length = strlen(path); length > 0 &&
	    isspace((unsigned char)path[length - 1]); length--)
		path[length - 1] = '\0';
	line[n] = '\0';
	if (strcmp(line, "!include") == 0)
		exposed_search(s, path);
	else if (strcmp(line, "!includedir") == 0)
		exposed_search_folder(s, path);
}

static void
exposed_search(struct search *s, const char *path)
{
	char		 line[1024], *text;
	struct stat	 st;
	FILE		*f;
	bool		 found = false;

	/* Not before: a fifo would wait for who writes into it. */
	if (s->files-- <= 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (f = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		text = line + strspn(line, " \t");
		found = found || strncmp(text, s->word, strlen(s->word)) == 0;
		if (text[0] == '!')
			exposed_include(s, text);
	}
	fclose(f);
	if (found)
		exposed_say(path, s->word, s->say);
}

/* In a connection string, or the parameters of a resource agent. */
static bool
exposed_holds(const char *value)
{
	static const char *const	words[] = { "password=", "passwd=" };
	size_t				i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasestr(value, words[i]) != NULL)
			return true;
	return false;
}

/* An option's name tells it, or it has one within. */
static bool
exposed_has_secret(const struct config_option *o, const struct plugin_option *p)
{
	return o->line != 0 && (plugin_option_is_secret(p) ||
	    exposed_holds(o->value));
}

void
exposed_look(const struct config *c, const struct plugin_description *d,
    void (*say)(const char *))
{
	const struct config_option	*o;
	const struct plugin_option	*p;
	bool				 within = c->token_in_file;
	struct search			 options = { "password", FILES, say };
	struct search			 unit = { "CONSUL_HTTP_TOKEN=", 1, say };

	for (p = d->options; p < d->options + d->option_count; p++) {
		if ((o = config_option_find(c, p->name)) == NULL)
			continue;
		if (plugin_option_is_secret_file(p))
			exposed_say(o->value, o->name, say);
		else if (strcmp(o->name, "defaults_file") == 0)
			exposed_search(&options, o->value);
		else
			within = within || exposed_has_secret(o, p);
	}
	exposed_say(c->consul_token_file, "Consul's token", say);
	exposed_say(c->consul_client_key, "our key for Consul", say);
	exposed_search(&unit, UNIT_ENVIRONMENT);
	if (within)
		exposed_say(c->file, "a token or a password", say);
}

/*
 * config_load.c - the INI file, the environment and the flags, in one struct.
 */
#include "config_load.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_check.h"
#include "config_keys.h"
#include "inifile.h"
#include "must.h"
#include "nearer.h"
#include "value.h"

#define CONFIG_NAME_MAX	64		/* longer than every known name */

/*
 * Loading.  Each source is read to its end, so that all mistakes are found.
 */

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct loader {
	struct config	*config;
	FILE		*errors;
	size_t		 length;	/* of their text */
	bool		 failed;
	bool		 no_file;	/* there is none, or it could not be
					 * read: miss nothing */
	bool		 bad_times;	/* rules would only repeat that */

	enum source	 source;	/* what is read just now: */
	int		 line;		/* FROM_FILE; 0 is the whole file */
	char		 name[CONFIG_NAME_MAX + 16];	/* variable or flag */

	struct {
		enum source	 source;	/* even of a bad value */
		int		 line;
	} *given;			/* of each key */
};

/* Adds "where: what" to the errors. */
static void __attribute__((format(printf, 2, 3)))
mistake(struct loader *l, const char *fmt, ...)
{
	va_list	 ap;

	l->failed = true;
	switch (l->source) {
	case FROM_DEFAULT:
		fprintf(l->errors, "%s: ", l->config->file[0] != '\0' ?
		    l->config->file : "consul-failover");
		break;
	case FROM_FILE:
		fprintf(l->errors, "%s:%d: ", l->config->file, l->line);
		break;
	case FROM_ENVIRONMENT:
		fprintf(l->errors, "%s: ", l->name);
		break;
	case FROM_FLAG:
		fprintf(l->errors, "flag %s: ", l->name);
		break;
	}
	va_start(ap, fmt);
	vfprintf(l->errors, fmt, ap);
	va_end(ap);
	fputc('\n', l->errors);
}

static bool
section_check(struct loader *l, const char *name)
{
	const char	*best = NULL;
	size_t		 i;

	for (i = 0; i < config_sections_count; i++) {
		if (strcmp(config_sections[i].name, name) == 0)
			return true;
		best = nearer(best, config_sections[i].name, name);
	}
	if (best != NULL)
		mistake(l, "no such section: [%s]; do you mean [%s]?", name,
		    best);
	else
		mistake(l, "no such section: [%s]", name);
	return false;
}

static const struct config_key *
key_find(const char *section, const char *name)
{
	const struct config_key	*k;

	for (k = config_keys; k < config_keys + config_keys_count; k++)
		if (strcmp(k->section, section) == 0 &&
		    strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static void
key_unknown(struct loader *l, const char *section, const char *name)
{
	const struct config_key	*k;
	const char		*best = NULL, *home = NULL;

	for (k = config_keys; k < config_keys + config_keys_count; k++) {
		if (strcmp(k->section, section) == 0)
			best = nearer(best, k->name, name);
		else if (strcmp(k->name, name) == 0)
			home = k->section;
	}
	if (home != NULL)
		mistake(l, "no such key in [%s]: %s; it belongs to [%s]",
		    section, name, home);
	else if (best != NULL)
		mistake(l, "no such key in [%s]: %s; do you mean %s?",
		    section, name, best);
	else
		mistake(l, "no such key in [%s]: %s", section, name);
}

static void
key_set(struct loader *l, const struct config_key *k, const char *value)
{
	size_t		 i = (size_t)(k - config_keys);
	struct error	 err;

	if (l->source == FROM_FILE && l->given[i].line != 0) {
		mistake(l, "[%s] %s is given twice, first in line %d",
		    k->section, k->name, l->given[i].line);
		return;
	}
	l->given[i].source = l->source;
	l->given[i].line = l->line;
	if (k->set(value, &k->range, (char *)l->config + k->offset, &err))
		return;
	l->bad_times = l->bad_times || k->set == value_set_duration;
	if (l->source == FROM_FILE)
		mistake(l, "[%s] %s: %s", k->section, k->name, err.text);
	else
		mistake(l, "%s", err.text);
}

static struct config_option *
option_add(struct config *c, const char *name)
{
	c->options = must_grow(c->options, c->option_count + 1,
	    sizeof *c->options);
	c->options[c->option_count] = (struct config_option){
	    .name = must_copy(name) };
	return &c->options[c->option_count++];
}

/* A flag replaces what the file says, a second line of the file may not. */
static void
option_set(struct loader *l, const char *name, const char *value)
{
	struct config		*c = l->config;
	struct config_option	*o = config_option_find(c, name);
	struct error		 err;

	if (o != NULL && l->source == FROM_FILE) {
		mistake(l, "[options] %s is given twice, first in line %d",
		    name, o->line);
		return;
	}
	if (o == NULL)
		o = option_add(c, name);
	o->line = l->line;
	if (!value_set_string(value, NULL, &o->value, &err))
		mistake(l, "[options] %s: %s", name, err.text);
}

static void
set(struct loader *l, const char *section, const char *name,
    const char *value)
{
	const struct config_key	*k;

	if (name[0] == '\0')
		mistake(l, "[%s] holds a value without a key", section);
	else if (strcmp(section, "options") == 0)
		option_set(l, name, value);
	else if ((k = key_find(section, name)) != NULL)
		key_set(l, k, value);
	else
		key_unknown(l, section, name);
}

static bool
file_section(void *arg, int line, const char *name)
{
	struct loader	*l = arg;

	l->line = line;
	return section_check(l, name);
}

static void
file_key(void *arg, int line, const char *section, const char *name,
    const char *value)
{
	struct loader	*l = arg;

	l->line = line;
	set(l, section, name, value);
}

static void
file_mistake(void *arg, int line, const char *what)
{
	struct loader	*l = arg;

	l->line = line;
	mistake(l, "%s", what);
}

static const struct inifile_calls	file_calls = {
	.section = file_section, .key = file_key, .mistake = file_mistake,
};

static void
load_file(struct loader *l)
{
	struct error	 err;

	l->source = FROM_FILE;
	if (inifile_read(l->config->file, &file_calls, l, &err))
		return;
	l->source = FROM_DEFAULT;
	l->no_file = true;
	mistake(l, "%s", err.text);
}

/* What the row of a name has for its default is a sample. */
static void
load_name(struct loader *l, const char *name)
{
	struct error	err;

	l->source = FROM_DEFAULT;
	l->no_file = true;
	if (!(name[0] == '\0' ? value_set_string : value_set_name)(name, NULL,
	    &l->config->service_name, &err))
		mistake(l, "%s", err.text);
}

static void
load_defaults(struct loader *l)
{
	const struct config_key	*k;
	struct error		 err;

	for (k = config_keys; k < config_keys + config_keys_count; k++)
		if (!k->set(k->text, &k->range,
		    (char *)l->config + k->offset, &err))
			mistake(l, "[%s] %s: %s", k->section, k->name,
			    err.text);
}

/* CONSUL_HTTP_SSL asks for https; as for Consul, http:// in the address does
 * not take that back. */
static void
load_ssl(struct loader *l)
{
	const char	*value = getenv("CONSUL_HTTP_SSL");
	char		**address = &l->config->consul_address, *secure;
	const char	*rest = *address;
	bool		 yes = false;

	if (value == NULL || value[0] == '\0')
		return;
	l->source = FROM_ENVIRONMENT;
	strcpy(l->name, "CONSUL_HTTP_SSL");
	if (!value_boolean(value, &yes)) {
		mistake(l, "\"%s\" is neither true nor false", value);
		return;
	}
	if (strncmp(rest, "http://", 7) == 0)
		rest += 7;
	if (!yes || strstr(rest, "://") != NULL)
		return;
	secure = must_format("https://%s", rest);
	free(*address);
	*address = secure;
}

/* An empty variable is none, as for Consul. */
static void
load_environment(struct loader *l)
{
	const struct config_key	*k;
	const char		*value;

	l->source = FROM_ENVIRONMENT;
	l->line = 0;
	for (k = config_keys; k < config_keys + config_keys_count; k++) {
		if (k->env == NULL || (value = getenv(k->env)) == NULL ||
		    value[0] == '\0')
			continue;
		snprintf(l->name, sizeof l->name, "%s", k->env);
		key_set(l, k, value);
	}
}

/* One "section.key=value". */
static void
load_flag(struct loader *l, const char *word)
{
	const struct config_key	*k;
	char			 section[CONFIG_NAME_MAX], *name;
	size_t			 n = strcspn(word, "=");

	l->source = FROM_FLAG;
	/* Never more than the key: a token may stand behind it. */
	snprintf(section, sizeof section, "%.*s", (int)strspn(word,
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz_-."), word);
	snprintf(l->name, sizeof l->name, "-o %s", section);
	name = strchr(section, '.');
	if (word[n] == '\0' || name == NULL || strlen(section) != n) {
		mistake(l, "write section.key=value");
		return;
	}
	*name++ = '\0';
	if (!section_check(l, section))
		return;
	k = key_find(section, name);
	if (k != NULL && k->set == value_set_secret) {
		mistake(l, "a command line is visible to every user of this "
		    "machine: use [consul] token_file or %s", k->env);
		return;
	}
	if (k != NULL && k->flag != NULL)
		snprintf(l->name, sizeof l->name, "--%s", k->flag);
	set(l, section, name, word + n + 1);
}

/*
 * As in Consul's own tools, a token file wins over a token.  But they know one
 * place only, and here a higher place wins: a token in the environment must not
 * lose to a token file in our file.
 */
static void
load_token(struct loader *l)
{
	size_t	 token = (size_t)(key_find("consul", "token") - config_keys);
	size_t	 file = (size_t)(key_find("consul", "token_file") -
		    config_keys);

	l->config->token_in_file = l->given[token].line != 0;
	if (l->config->consul_token[0] != '\0' &&
	    l->given[token].source > l->given[file].source)
		l->config->consul_token_file[0] = '\0';
}

/* The unit gives each agent folders of its own, and says so to the agent only:
 * what is run by hand beside it, like promote, must find them, too. */
static void
load_unit_folder(struct loader *l, const char *key, char **folder)
{
	struct config	*c = l->config;
	size_t		 i = (size_t)(key_find("agent", key) - config_keys);
	const char	*name = strrchr(c->file, '/');
	char		 path[PATH_MAX];
	struct stat	 st;
	struct error	 err;

	if (l->given[i].source != FROM_DEFAULT)
		return;
	name = name == NULL ? c->file : name + 1;
	snprintf(path, sizeof path, "%s/%.*s", *folder,
	    (int)strcspn(name, "."), name);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    !value_set_string(path, NULL, folder, &err))
		mistake(l, "%s", err.text);
}

/* Beside the config: whoever may write there has us in hand anyway. */
static void
load_disable_file(struct loader *l)
{
	struct config	*c = l->config;
	size_t		 n = strlen(c->file);
	char		 path[PATH_MAX];
	struct error	 err;

	c->disable_by_default = c->disable_file[0] == '\0';
	if (!c->disable_by_default)
		return;
	if (n > 4 && strcmp(c->file + n - 4, ".ini") == 0)
		n -= 4;
	snprintf(path, sizeof path, "%.*s.disabled", (int)n, c->file);
	if (!value_set_string(path, NULL, &c->disable_file, &err))
		mistake(l, "%s", err.text);
}

static void
load_rules(struct loader *l)
{
	struct config	*c = l->config;
	struct error	 err;
	size_t		 i;

	l->source = FROM_DEFAULT;
	for (i = 0; i < config_keys_count; i++)
		if (config_keys[i].required && !l->no_file &&
		    l->given[i].source == FROM_DEFAULT)
			mistake(l, "[%s] %s is missing: %s",
			    config_keys[i].section, config_keys[i].name,
			    config_keys[i].meaning);
	if ((c->consul_client_cert[0] == '\0') !=
	    (c->consul_client_key[0] == '\0'))
		mistake(l, "[consul] client_cert and client_key: give both or "
		    "none");
	for (i = 0; config_check_rules[i] != NULL && !l->bad_times; i++)
		if (!config_check_rules[i](c, &err))
			mistake(l, "%s", err.text);
	load_token(l);
	if (c->service_id[0] == '\0' &&
	    !value_set_string(c->service_name, NULL, &c->service_id, &err))
		mistake(l, "%s", err.text);
	/* The promotion must have time left after it. */
	if (c->catch_up > c->promote_limit / 2)
		c->catch_up = c->promote_limit / 2;
}

static void
load_begin(struct loader *l, const char *file, char **errors)
{
	l->config = must_zeroed(1, sizeof *l->config);
	l->given = must_zeroed(config_keys_count, sizeof *l->given);
	l->config->file = must_copy(file);
	l->errors = must(open_memstream(errors, &l->length));
	load_defaults(l);
}

static void
load_more(struct loader *l, char *const *flags, size_t flag_count)
{
	size_t	 i;

	load_environment(l);
	for (i = 0; i < flag_count; i++)
		load_flag(l, flags[i]);
	load_ssl(l);
}

static bool
load_end(struct loader *l, struct config **config, char **errors)
{
	load_rules(l);
	fclose(l->errors);
	free(l->given);
	*config = NULL;
	if (l->failed) {
		config_free(l->config);
		return false;
	}
	free(*errors);
	*errors = NULL;
	*config = l->config;
	return true;
}

bool
config_load(struct config **config, const char *file, char *const *flags,
    size_t flag_count, char **errors)
{
	struct loader	l = { 0 };

	load_begin(&l, file, errors);
	load_file(&l);
	load_more(&l, flags, flag_count);
	load_unit_folder(&l, "run_dir", &l.config->run_dir);
	load_unit_folder(&l, "state_dir", &l.config->state_dir);
	load_disable_file(&l);
	return load_end(&l, config, errors);
}

bool
config_load_service(struct config **config, const char *name,
    char *const *flags, size_t flag_count, char **errors)
{
	struct loader	l = { 0 };

	load_begin(&l, "", errors);
	load_more(&l, flags, flag_count);
	load_name(&l, name);
	return load_end(&l, config, errors);
}

/* Those parsers that own what they write. */
static bool
key_is_string(const struct config_key *k)
{
	return k->set != value_set_integer && k->set != value_set_limit &&
	    k->set != value_set_boolean && k->set != value_set_duration &&
	    k->set != value_set_format && k->set != value_set_heed;
}

void
config_free(struct config *c)
{
	size_t	 i;

	if (c == NULL)
		return;
	for (i = 0; i < config_keys_count; i++)
		if (key_is_string(&config_keys[i]))
			free(*(char **)((char *)c + config_keys[i].offset));
	for (i = 0; i < c->option_count; i++) {
		free(c->options[i].name);
		free(c->options[i].value);
		if (c->options[i].secret != NULL)
			explicit_bzero(c->options[i].secret,
			    strlen(c->options[i].secret));
		free(c->options[i].secret);
	}
	free(c->options);
	free(c->file);
	free(c);
}

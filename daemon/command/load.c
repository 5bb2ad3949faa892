/* load.c - the config and the plugin that a command uses. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "fail.h"
#include "log.h"
#include "must.h"
#include "printable.h"
#include "trust.h"

void
load_report(const struct options *o, char *errors)
{
	char	*line, *rest = errors;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0' && o->running)
			log_error("%s", line);
		else if (line[0] != '\0')
			fprintf(stderr, "%s\n", printable(line));
	free(errors);
}

bool
load_config(struct options *o, struct config **config)
{
	char	*errors = NULL;

	*config = NULL;
	if (config_load(config, o->config_file, o->flags, o->flag_count,
	    &errors))
		return true;
	load_report(o, errors);
	return false;
}

int
load_service_words(const struct options *o, bool all)
{
	if (o->rest_count == 0 && o->config_file == NULL && !all)
		return fail(EXIT_USAGE, "which service? Give its name, or its "
		    "config with -c FILE");
	if (o->rest_count > 0 && o->rest[0][0] == '\0')
		return fail(EXIT_USAGE, "the service's name is empty");
	if (o->rest_count > 0 && o->config_file != NULL)
		return fail(EXIT_USAGE, "give the service \"%s\" or -c FILE, "
		    "not both", o->rest[0]);
	if (o->rest_count > 1)
		return fail(EXIT_USAGE, "unexpected \"%s\"", o->rest[1]);
	return 0;
}

bool
load_service(struct options *o, struct config **config)
{
	char	*errors = NULL;

	if (o->config_file != NULL)
		return load_config(o, config);
	if (config_load_service(config, o->rest_count > 0 ? o->rest[0] : "",
	    o->flags, o->flag_count, &errors))
		return true;
	load_report(o, errors);
	return false;
}

bool
load_plugin(const struct options *o, struct config *config,
    struct plugin_description **plugin, int64_t limit_ms)
{
	struct error	 err;
	char		*errors = NULL;
	bool		 ok;

	*plugin = NULL;
	if (!trust_file(config->file, &err)) {
		load_report(o, must_format("%s: %s", config->file, err.text));
		return false;
	}
	ok = plugin_describe_begin(plugin, config->plugin_path, &err);
	/* For Consul, and it takes a while: main() cleans up. */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (!ok || !plugin_describe_end(plugin, limit_ms, &err)) {
		load_report(o, must_format("%s: [plugin] path: %s",
		    config->file, err.text));
		return false;
	}
	plugin_leave_out(*plugin, config);
	if (plugin_check_options(*plugin, config, &errors)) {
		plugin_keep_secrets(config, *plugin);
		return true;
	}
	load_report(o, errors);
	plugin_description_free(*plugin);
	*plugin = NULL;
	return false;
}

int
load_both(struct options *o, struct config **config,
    struct plugin_description **plugin)
{
	if (!load_config(o, config))
		return EXIT_CONFIG;
	if (load_plugin(o, *config, plugin, PLUGIN_LOAD_LIMIT_MS))
		return 0;
	config_free(*config);
	return EXIT_CONFIG;
}

/* A slip would cost a function, and nobody would notice. */
bool
load_near(const struct plugin_description *p, struct error *warning)
{
	if (p->near == NULL)
		return false;
	error_set(warning, "plugin %s exports %.*s, which is never called: do "
	    "you mean %s?", p->name, (int)strcspn(p->near, "="), p->near,
	    strchr(p->near, '=') + 1);
	return true;
}

void
load_log(const struct config *c)
{
	log_open(c->service_name, c->log_json ? LOG_JSON : LOG_PLAIN,
	    c->log_debug);
}

/* conform_info.c - checks the plugin's description of itself. */
#include "conform_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

enum trial_verdict
conform_description(struct trial *t)
{
	const struct plugin_description	*p = t->plugin;

	if (p->name[0] == '\0' || p->version[0] == '\0' ||
	    p->summary[0] == '\0')
		return trial_failed(t, "plugin_info has no %s: give it to "
		    "FAILOVER_PLUGIN()", p->name[0] == '\0' ? "name" :
		    p->version[0] == '\0' ? "version" : "summary");
	return trial_ok(t, "%s %s, ABI %" PRIu32 ": %s", p->name, p->version,
	    p->abi, p->summary);
}

/* The default as if it stood in a config; NULL where that is right, else the
 * caller frees what is wrong. */
static char *
refuse_default(const struct plugin_option *o)
{
	struct config_option		 given = {
		.name = (char *)(uintptr_t)o->name,
		.value = (char *)(uintptr_t)o->fallback,
	};
	struct config			 c = {
		.file = (char *)(uintptr_t)"", .options = &given,
		.option_count = 1, .max_behind = -1,
	};
	struct plugin_description	 d = {
		.options = (struct plugin_option *)(uintptr_t)o,
		.option_count = 1,
	};
	char				*errors = NULL;

	if (o->fallback == NULL || plugin_check_options(&d, &c, &errors))
		return NULL;
	errors[strcspn(errors, "\n")] = '\0';
	return errors;
}

static enum trial_verdict
conform_option(struct trial *t, size_t i)
{
	const struct plugin_option	*o = &t->plugin->options[i];
	char				*wrong = refuse_default(o);
	size_t				 j;

	if (wrong != NULL) {
		trial_failed(t, "its default is refused: %s", wrong);
		free(wrong);
		return TRIAL_FAILED;
	}
	if (o->name[strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_")]
	    != '\0')
		return trial_failed(t, "option \"%s\": a name has a-z, 0-9 "
		    "and _ only, so that it can be a key of a config",
		    o->name);
	if (o->meaning[0] == '\0')
		return trial_failed(t, "option %s has no meaning: describe it "
		    "in one line", o->name);
	if ((o->type & FAILOVER_REQUIRED) != 0 && o->fallback != NULL)
		return trial_failed(t, "option %s is required and has a "
		    "default, which is never used: remove one", o->name);
	for (j = 0; j < i; j++)
		if (strcmp(t->plugin->options[j].name, o->name) == 0)
			return trial_failed(t, "option %s is declared "
			    "twice", o->name);
	return TRIAL_OK;
}

enum trial_verdict
conform_options(struct trial *t)
{
	size_t	 i;

	for (i = 0; i < t->plugin->option_count; i++)
		if (conform_option(t, i) != TRIAL_OK)
			return TRIAL_FAILED;
	return trial_ok(t, "%zu, each with a meaning and a default that "
	    "fits its type, or none", i);
}

enum trial_verdict
conform_functions(struct trial *t)
{
	const char	*near = t->plugin->near;
	char		 others[256] = "";
	size_t		 n = 0;
	int		 op;

	if (near != NULL)
		return trial_failed(t, "it exports %.*s; do you mean %s? "
		    "Such a function is missing, so it is never called; else "
		    "build with -fvisibility=hidden",
		    (int)strcspn(near, "="), near, strchr(near, '=') + 1);
	if (trial_has(t, OPERATION_POSITION) !=
	    trial_has(t, OPERATION_HAS_POSITION))
		return trial_failed(t, "position and has_position need each "
		    "other, and only %s is there",
		    trial_has(t, OPERATION_POSITION) ? "position" :
		    "has_position");
	if (trial_has(t, OPERATION_BEHIND) && !trial_has(t, OPERATION_POSITION))
		return trial_failed(t, "behind needs position");
	for (op = 0; op < OPERATIONS && n < sizeof others; op++)
		if (!operation_rows[op].required &&
		    trial_has(t, (enum operation)op))
			n += (size_t)snprintf(others + n, sizeof others - n,
			    ", %s", operation_rows[op].name);
	return trial_ok(t, "the required ones%s%s", others,
	    t->plugin->has_watch_fd ? ", watch_fd" : "");
}

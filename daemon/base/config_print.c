/* config_print.c - every key, explained. */
#include "config_print.h"

#include <string.h>

#include "config_keys.h"

static void
print_key(FILE *f, const struct config_key *k)
{
	fprintf(f, "\n# %s\n", k->meaning);
	if (k->env != NULL)
		fprintf(f, "# (environment: %s%s%s)\n", k->env,
		    k->flag != NULL ? ", flag: --" : "",
		    k->flag != NULL ? k->flag : "");
	fprintf(f, "%s%s =%s%s\n", k->required ? "" : "#", k->name,
	    k->text[0] != '\0' ? " " : "", k->text);
}

void
config_print_example(FILE *f)
{
	const struct config_key	*k;
	size_t			 i;

	fprintf(f, "# Every key of consul-failover, as printed by\n"
	    "#\tconsul-failover config --example\n"
	    "# A key behind a # has its default; the others are "
	    "required.\n#\n"
	    "# Durations have a unit: 500ms, 2s, 1m, 1h.  A flag (-o "
	    "lock.fuse=10s) overrides\n"
	    "# the environment, which overrides this file.  A comment needs "
	    "its own line.\n");
	for (i = 0; i < config_sections_count; i++) {
		fprintf(f, "\n# %s\n[%s]\n", config_sections[i].meaning,
		    config_sections[i].name);
		if (strcmp(config_sections[i].name, "options") == 0)
			fprintf(f, "\n# of the plugin example: "
			    "the copy is healthy while this file exists\n"
			    "flag = /var/tmp/in_service\n");
		for (k = config_keys; k < config_keys + config_keys_count; k++)
			if (strcmp(k->section, config_sections[i].name) == 0)
				print_key(f, k);
	}
}

/* config_flag.c - the flags of Consul's own tools that we accept too. */
#include "config_flag.h"

#include <string.h>

#include "config_keys.h"

const char *
config_flag_key(const char *name)
{
	const struct config_key	*k;

	for (k = config_keys; k < config_keys + config_keys_count; k++)
		if (k->flag != NULL && strcmp(k->flag, name) == 0)
			return k->path;
	return NULL;
}

const char *
config_flag_name(size_t i)
{
	const struct config_key	*k;

	for (k = config_keys; k < config_keys + config_keys_count; k++)
		if (k->flag != NULL && i-- == 0)
			return k->flag;
	return NULL;
}

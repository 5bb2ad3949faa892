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

static const struct config_key *
config_flag_find(size_t i)
{
	const struct config_key	*k;

	for (k = config_keys; k < config_keys + config_keys_count; k++)
		if (k->flag != NULL && i-- == 0)
			return k;
	return NULL;
}

const char *
config_flag_name(size_t i)
{
	const struct config_key	*k = config_flag_find(i);

	return k != NULL ? k->flag : NULL;
}

const char *
config_flag_meaning(size_t i)
{
	return config_flag_find(i)->meaning;
}

const char *
config_flag_argument(size_t i)
{
	const struct config_key	*k = config_flag_find(i);

	return k->set == value_set_address ? "ADDRESS" :
	    strcmp(k->name, "tls_server_name") == 0 ? "NAME" : "FILE";
}

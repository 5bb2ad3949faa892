/* config_flag.h - the flags of Consul's own tools that we accept too. */
#ifndef CONFIG_FLAG_H
#define CONFIG_FLAG_H

#include <stddef.h>

/* The key that a flag sets, by its name in getopt_long: "http-addr" ->
 * "consul.address".  NULL if there is no such flag. */
const char	*config_flag_key(const char *name);
const char	*config_flag_name(size_t i);	/* NULL after the last */

#endif

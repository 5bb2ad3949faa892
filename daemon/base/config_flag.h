/* config_flag.h - the flags of Consul's own tools that we accept too. */
#ifndef CONFIG_FLAG_H
#define CONFIG_FLAG_H

#include <stddef.h>

/* The key that a flag sets, by its name in getopt_long: "http-addr" ->
 * "consul.address".  NULL if there is no such flag. */
const char	*config_flag_key(const char *name);
const char	*config_flag_name(size_t i);	/* NULL after the last */
/* Of one that there is: its key's meaning, and what follows it. */
const char	*config_flag_meaning(size_t i);
const char	*config_flag_argument(size_t i);

#endif

/* config_flag.h - the flags of Consul's own tools that we take too. */
#ifndef CONFIG_FLAG_H
#define CONFIG_FLAG_H

#include <stddef.h>

/* Names as getopt_long wants them, and the key that such a flag sets:
 * "http-addr" -> "consul.address".  NULL where name is no such flag. */
const char	*config_flag_key(const char *name);
const char	*config_flag_name(size_t i);	/* NULL after the last */

#endif

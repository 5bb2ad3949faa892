/* info.c - the plugin's description: the only part that is written in C. */
#define FAILOVER_NO_FUNCTIONS
#include <consul-failover/plugin.h>

static const struct failover_option options[] = {
	{ "flag", FAILOVER_STRING, "/var/tmp/in_service",
	    "the application is healthy while this file exists" },
	{ 0 }
};

FAILOVER_PLUGIN("example", "1.0", "a file is the application", options);

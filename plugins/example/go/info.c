/* info.c - what the plugin is: the one thing that is said in C. */
#define FAILOVER_NO_FUNCTIONS
#include <consul-failover/plugin.h>

static const struct failover_option options[] = {
	{ "flag", FAILOVER_STRING, "/var/tmp/in_service",
	    "the application is healthy while this file exists" },
	{ 0 }
};

FAILOVER_PLUGIN("example", "1.0", "a file is the application", options);

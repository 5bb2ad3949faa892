/* other_abi.c - a plugin of the year 2066. */
#include <consul-failover/plugin.h>

const struct failover_plugin_info plugin_info = {
	FAILOVER_PLUGIN_MAGIC, FAILOVER_PLUGIN_ABI + 1,
	sizeof(struct failover_plugin_info), 0,
	"other_abi", "1.0", "built with another header", NULL, 0, 0
};

enum failover_result
health(struct failover *f)
{
	(void)f;
	return FAILOVER_DONE;
}

enum failover_result
ensure_master(struct failover *f)
{
	(void)f;
	return FAILOVER_DONE;
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	(void)f, (void)master_host;
	return FAILOVER_DONE;
}

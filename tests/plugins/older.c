/* older.c - a plugin built when plugin_info had fewer fields than today. */
#include <consul-failover/plugin.h>

#include <stddef.h>

const struct failover_plugin_info plugin_info = {
	FAILOVER_PLUGIN_MAGIC, FAILOVER_PLUGIN_ABI,
	offsetof(struct failover_plugin_info, summary), 0,
	"older", "0.9",
	/* What comes behind is somebody else's memory. */
	(const char *)1, (const struct failover_option *)1, 1, 1
};

enum failover_result
health(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "old but fine");
}

enum failover_result
ensure_master(struct failover *f)
{
	return health(f);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	(void)master_host;
	return health(f);
}

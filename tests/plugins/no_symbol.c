/* no_symbol.c - a plugin whose author forgot ensure_slave. */
#include <consul-failover/plugin.h>

FAILOVER_PLUGIN("no_symbol", "1.0", "lacks ensure_slave", NULL);

enum failover_result
health(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "fine");
}

enum failover_result
ensure_master(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "fine");
}

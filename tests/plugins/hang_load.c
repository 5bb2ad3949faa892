/* hang_load.c - a plugin that hangs before anything of it can be called. */
#include <consul-failover/plugin.h>

#include <unistd.h>

FAILOVER_PLUGIN("hang_load", "1.0", "hangs when it is loaded", NULL);

__attribute__((constructor)) static void
hang(void)
{
	sleep(600);
}

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

#include <consul-failover/plugin.h>
#include <unistd.h>

static const struct failover_option options[] = {
	{ "flag", FAILOVER_STRING, "/var/tmp/in_service",
	    "the copy is healthy while this file exists" },
	{ 0 }
};

FAILOVER_PLUGIN("flag", "1.0", "healthy while a file exists", options);

enum failover_result
health(struct failover *f)
{
	const char	*flag = f->option(f, "flag");

	if (access(flag, F_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "no %s", flag);
	return f->say(f, FAILOVER_DONE, "%s exists", flag);
}

enum failover_result
ensure_master(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "master, epoch %llu",
	    (unsigned long long)f->epoch);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	return f->say(f, FAILOVER_DONE, "slave of %s", master_host);
}

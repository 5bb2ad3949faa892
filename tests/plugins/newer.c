/* newer.c - a plugin built with a header that has more fields than ours. */
#include <consul-failover/plugin.h>

struct newer {
	struct failover	 f;
	const char	*later;
	uint64_t	 more[50];
};

struct newer_option {
	struct failover_option	 o;
	const char		*unit;
};

static const struct newer_option options[] = {
	{ { "first", FAILOVER_STRING, "one", "the first" }, "feet" },
	{ { "second", FAILOVER_SECRET, NULL, "the second" }, "inches" },
	{ { NULL, 0, NULL, NULL }, NULL }
};

const struct failover_plugin_info plugin_info = {
	FAILOVER_PLUGIN_MAGIC, FAILOVER_PLUGIN_ABI,
	sizeof(struct failover_plugin_info), 0,
	"newer", "2.0", "of the future",
	(const struct failover_option *)options,
	sizeof(struct newer), sizeof(struct newer_option)
};

enum failover_result
health(struct failover *f)
{
	const struct newer	*n = (const struct newer *)f;
	size_t			 i;

	if (n->later != NULL || f->size != sizeof(*f))
		return f->say_text(f, FAILOVER_FAILED, "not there, but not 0");
	for (i = 0; i < sizeof(n->more) / sizeof(n->more[0]); i++)
		if (n->more[i] != 0)
			return f->say_text(f, FAILOVER_FAILED, "not all 0");
	return f->say(f, FAILOVER_DONE, "%s of %s", f->option(f, "first"),
	    FAILOVER_HAS(f, address) ? f->address : "nowhere");
}

enum failover_result
ensure_master(struct failover *f)
{
	f->log_text(f, FAILOVER_INFO, "100% as it is: %s");
	return f->say_text(f, FAILOVER_DONE, "%n is no format");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	/* As an agent of ABI 1.0 has it. */
	f->size = offsetof(struct failover, address);
	return f->say(f, FAILOVER_DONE, "%s %s", master_host,
	    FAILOVER_HAS(f, address) || FAILOVER_HAS(f, say_text) ||
	    !FAILOVER_HAS(f, remember) ? "wrong" : "right");
}

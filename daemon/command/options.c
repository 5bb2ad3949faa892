/* options.c - the words after the command's name. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_flag.h"
#include "error.h"
#include "fail.h"
#include "must.h"
#include "value.h"

enum { OPT_JSON = 256, OPT_WATCH, OPT_EXAMPLE, OPT_DOT, OPT_HOST, OPT_PORT,
	OPT_MASTER, OPT_EPOCH, OPT_TARGET, OPT_YES, OPT_KILL, OPT_PROBE,
	OPT_QUIET, OPT_LIVE, OPT_GUARD, OPT_SINCE, OPT_HELP, OPT_CONFIG_FLAG };

static bool
add_flag(struct options *o, const char *key, const char *value)
{
	if (o->flag_count == o->flags_max) {
		fail(EXIT_USAGE, "at most %zu options like -o can be given: "
		    "write the rest into the config", o->flags_max);
		return false;
	}
	o->flags[o->flag_count++] = must_format("%s%s%s", key,
	    value != NULL ? "=" : "", value != NULL ? value : "");
	return true;
}

/* Our own options, then Consul's, as the table of config keys names them. */
static void
long_options(struct option *list, size_t size)
{
	static const struct option	own[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "option", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "watch", no_argument, NULL, OPT_WATCH },
		{ "example", no_argument, NULL, OPT_EXAMPLE },
		{ "dot", no_argument, NULL, OPT_DOT },
		{ "master-host", required_argument, NULL, OPT_HOST },
		{ "master-port", required_argument, NULL, OPT_PORT },
		{ "master", required_argument, NULL, OPT_MASTER },
		{ "epoch", required_argument, NULL, OPT_EPOCH },
		{ "yes", no_argument, NULL, OPT_YES },
		{ "quiet", no_argument, NULL, OPT_QUIET },
		{ "live", no_argument, NULL, OPT_LIVE },
		{ "kill", no_argument, NULL, OPT_KILL },
		{ "probe", required_argument, NULL, OPT_PROBE },
		{ "target", required_argument, NULL, OPT_TARGET },
		{ "since", required_argument, NULL, OPT_SINCE },
		{ "guard", required_argument, NULL, OPT_GUARD },
		{ "help", no_argument, NULL, 'h' },
	};
	size_t		 n = sizeof own / sizeof own[0], i;
	const char	*name;

	memset(list, 0, size * sizeof *list);
	memcpy(list, own, sizeof own);
	for (i = 0; (name = config_flag_name(i)) != NULL && n + 1 < size; i++)
		list[n++] = (struct option){ name, required_argument, NULL,
		    OPT_CONFIG_FLAG };
}

static bool
refuse(const char *name, const char *wanted)
{
	fail(EXIT_USAGE, "--%s needs %s, not \"%s\"", name, wanted, optarg);
	return false;
}

/* A whole number of at least least. */
static bool
take_number(const char *name, uint64_t least, uint64_t most, uint64_t *number)
{
	char	 wanted[64], *end;

	errno = 0;
	*number = strtoull(optarg, &end, 10);
	if (isdigit((unsigned char)optarg[0]) && *end == '\0' && errno == 0 &&
	    *number >= least && *number <= most)
		return true;
	snprintf(wanted, sizeof wanted, "a number from %" PRIu64 " to %" PRIu64,
	    least, most);
	return refuse(name, wanted);
}

static bool
take_master(struct options *o)
{
	struct error	err;
	int		port;

	if (!value_split_address(optarg, o->master, sizeof o->master, &port,
	    &err) || o->master[0] == '\0')
		return refuse("master", "HOST:PORT");
	o->master_host = o->master;
	o->master_port = port;
	return true;
}

static bool
take_option(struct options *o, int c, const char *name)
{
	uint64_t	number;

	switch (c) {
	case 'c':
		o->config_file = optarg;
		return true;
	case 'o':
		return add_flag(o, optarg, NULL);
	case 'h':
		o->help = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_WATCH:
		o->watch = true;
		return true;
	case OPT_EXAMPLE:
		o->example = true;
		return true;
	case OPT_DOT:
		o->dot = true;
		return true;
	case OPT_HOST:
		o->master_host = optarg;
		return true;
	case OPT_PORT:
		if (!take_number(name, 1, 65535, &number))
			return false;
		o->master_port = (int)number;
		return true;
	case OPT_MASTER:
		return take_master(o);
	case OPT_YES:
		o->yes = true;
		return true;
	case OPT_QUIET:
		o->quiet = true;
		return true;
	case OPT_LIVE:
		o->live = true;
		return true;
	case OPT_KILL:
		o->kill = true;
		return true;
	case OPT_PROBE:
		o->probe = optarg;
		return true;
	case OPT_EPOCH:
		return take_number(name, 0, UINT64_MAX, &o->epoch);
	case OPT_TARGET:
		o->target = optarg;
		return true;
	case OPT_GUARD:
		if (!take_number(name, 1, INT_MAX, &number))
			return false;
		o->guard = (int)number;
		return true;
	case OPT_SINCE:
		return (value_duration(optarg, &o->since_ms) &&
		    o->since_ms > 0) || refuse(name, "a time like 30m or 2h");
	case OPT_CONFIG_FLAG:
		return add_flag(o, config_flag_key(name), optarg);
	}
	return false;
}

/* Of a short option getopt does not give the row. */
static const char *
option_name(const struct option *list, int c, int i)
{
	if (c > UCHAR_MAX)
		return list[i].name;
	while (list->name != NULL && list->val != c)
		list++;
	return list->name;
}

static void
note_given(struct options *o, const char *name)
{
	size_t	 i;

	for (i = 0; i < o->given_count; i++)
		if (strcmp(o->given[i], name) == 0)
			return;
	o->given[o->given_count++] = name;
}

bool
options_parse(struct options *o, int argc, char **argv)
{
	struct option	 list[FLAGS_MAX];
	const char	*name;
	int		 c, i = 0;

	long_options(list, FLAGS_MAX);
	optind = 0;		/* glibc: from the beginning */
	while ((c = getopt_long(argc, argv, "c:o:h", list, &i)) != -1) {
		name = option_name(list, c, i);
		if (!take_option(o, c, name))
			return false;
		note_given(o, name);
	}
	o->rest = argv + optind;
	o->rest_count = argc - optind;
	return true;
}

void
options_free(struct options *o)
{
	while (o->flag_count > 0)
		free(o->flags[--o->flag_count]);
}

/*
 * history_value.h - the last changes of master, in the key
 * lock/SERVICE/history: {"format": 1, "changes": [...]}, newest first.
 * consul-failover(8) documents the members of a change.
 */
#ifndef HISTORY_VALUE_H
#define HISTORY_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "consul.h"
#include "error.h"
#include "json.h"

#define HISTORY_FORMAT		1	/* raised when a member changes its
					 * meaning; new ones may be added */
#define HISTORY_CHANGES		50
#define HISTORY_VALUE_MAX	(128 * 1024)	/* bytes, of the key's value */

/* Another copy has become the master; "" for what is unknown. */
struct history_change {
	int64_t		 at_ms;		/* wall_ms */
	const char	*node, *service_id, *address;	/* of the new master */
	int64_t		 port;
	uint64_t	 epoch;
	const char	*previous;	/* the node that was master */
	bool		 planned;	/* see struct lock_reason */
	const char	*why;		/* what ended the previous one */
	int64_t		 without_ms;	/* no master; -1: unknown */
	const char	*doubt;		/* what was against it: data that the
					 * new master lacks, a better copy */
};

enum history_merge {
	HISTORY_ADDED,
	HISTORY_THERE,		/* it has this change already */
	HISTORY_FOREIGN,	/* the value is not a history of ours: leave it
				 * alone */
};

void		 history_value_path(const struct config *,
		    char path[CONSUL_NAME_MAX]);
/* One change, as JSON; the caller frees it. */
char		*history_value_change(const struct history_change *);
/* The value, parsed (free it with yajl_tree_free), with "changes" a list of
 * objects.  NULL, and the reason, if we can't read it. */
yajl_val	 history_value_parse(const char *value, struct error *);
/* Puts a change on top of the value, "" for none, and drops the oldest if there
 * are too many.  *out is the new value if it is ADDED; the caller frees it. */
enum history_merge history_value_add(const char *value, const char *change,
		    char **out, struct error *);

#endif

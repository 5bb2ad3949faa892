/* conform.h - consul-failover plugin test: does a plugin keep its promises? */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "handler.h"

struct conform_terms {
	bool		 may_change;	/* make the copy master and slave */
	const char	*master_host;	/* for ensure_slave; NULL: none */
	uint16_t	 master_port;
	uint64_t	 epoch;
};

/*
 * Prints one line a check to standard output, "ok", "FAILED" or "skipped", and
 * what is wrong; false if one has failed.  Without a config (NULL) only what the
 * plugin says about itself is looked at.  Blocks, and keeps an agent from being
 * started meanwhile if it may change the copy; err is set, and nothing done,
 * where one runs already.
 */
bool	conform_test(const struct plugin_description *, const struct config *,
	    const struct conform_terms *, struct error *err);

/* The longest that one call may take. */
int64_t	conform_deadline(const struct config *, enum handler_op);

#endif

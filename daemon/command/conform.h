/* conform.h - consul-failover plugin test: does a plugin keep its promises? */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>

#include "config.h"
#include "description.h"
#include "error.h"
#include "trial.h"

/*
 * Prints one line a check to standard output, "ok", "FAILED" or "skipped", and
 * what is wrong; false if one has failed.  Without a config (NULL) only what the
 * plugin says about itself is looked at.  Blocks, and keeps an agent from being
 * started meanwhile if it may change the copy; err is set, and nothing done,
 * where one runs already.
 */
bool	conform_test(const struct plugin_description *, const struct config *,
	    const struct trial_terms *, struct error *err) CHECKED;

#endif

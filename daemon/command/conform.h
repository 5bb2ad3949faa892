/* conform.h - consul-failover plugin test: does a plugin keep its promises? */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>

#include "config.h"
#include "description.h"
#include "error.h"
#include "trial.h"

/*
 * Prints one line a check to standard output, "ok", "FAILED" or "skipped", with
 * the problem; false if one has failed.  Without a config (NULL) it checks only
 * the plugin's description.  Blocks.  If it may change the copy, no agent can
 * be started meanwhile; if one runs already, err is set and nothing is done.
 */
bool	conform_test(const struct plugin_description *, const struct config *,
	    const struct trial_terms *, struct error *err) CHECKED;

#endif

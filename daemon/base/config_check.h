/* config_check.h - the rules between keys. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>

#include "config.h"
#include "error.h"

/* F + D + 1 s <= L <= 60 s and the other rules, and each time in its range;
 * reports the first error.  config_load finds all. */
bool	config_check_times(const struct config *, struct error *) CHECKED;

/* One rule each; NULL after the last. */
typedef bool	config_check_rule(const struct config *, struct error *);
extern config_check_rule	*const config_check_rules[];

#endif

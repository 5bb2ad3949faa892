/*
 * config_keys.h - the table of all keys.
 *
 * Every key is one row of config_keys; the parser, the flags, the environment
 * and the example file read the same row.  No other code reads the table.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

/* Milliseconds. */
#define MS	INT64_C(1)
#define SECOND	(1000 * MS)
#define LOCK_DELAY_MAX	(60 * SECOND)	/* Consul refuses more */

struct config_key {
	const char		*section, *name;
	const char		*path;		/* "section.name" */
	value_setter		*set;
	size_t			 offset;	/* in struct config */
	struct value_range	 range;		/* of a number or duration */
	bool			 required;
	const char		*text;		/* default; else a sample */
	const char		*env, *flag;	/* NULL: none */
	const char		*meaning;
};

extern const struct config_key	config_keys[];
extern const size_t		config_keys_count;

struct config_section {
	const char	*name, *meaning;
};

/* In the order in which they are printed. */
extern const struct config_section	config_sections[];
extern const size_t			config_sections_count;

#endif

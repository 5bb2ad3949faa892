/* value.h - one value: checks its text, and converts it. */
#ifndef VALUE_H
#define VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The longest of each.  Buffers elsewhere have room for that and more, because
 * a truncated value means something else.  Bytes, without the NUL. */
#define VALUE_TAGS_MAX	1000
#define VALUE_HOST_MAX	253		/* the limit of DNS */
#define VALUE_PATH_MAX	3584		/* PATH_MAX, less what we append */

struct value_range {
	int64_t	 low, high;
};

/*
 * Checks text and writes it to the field: an int64_t, a bool, or a char *,
 * whose old string is freed and which then owns the new one.  Only integer and
 * duration use the range.  The reason quotes text, except for a secret.
 */
typedef bool	value_setter(const char *text, const struct value_range *,
		    void *field, struct error *);

extern value_setter
	value_set_string,	/* anything but control characters */
	value_set_path,		/* and not empty */
	value_set_name,		/* a DNS label */
	value_set_id,		/* "" or a word */
	value_set_host,		/* "", an address or a name */
	value_set_tags,		/* "a, b" becomes "a,b" */
	value_set_address,	/* of Consul */
	value_set_listen,	/* see value_split_address */
	value_set_secret,
	value_set_integer,
	value_set_limit,	/* or "any": -1 */
	value_set_duration,
	value_set_boolean,
	value_set_heed,		/* enum value_heed, in an int64_t */
	value_set_format;	/* true: json, false: plain */

enum value_heed { VALUE_HEED_ALL, VALUE_HEED_MAINTENANCE, VALUE_HEED_NONE };

/* "2s", "500ms", "1m", "1h" to milliseconds. */
bool	value_duration(const char *text, int64_t *ms) CHECKED;
bool	value_boolean(const char *text, bool *yes) CHECKED;
bool	value_in_range(int64_t ms, const struct value_range *, struct error *)
	    CHECKED;

/* Splits "127.0.0.1:8000", "[::1]:8000", ":8000".  Gives host ("" for all
 * addresses) in a buffer of size bytes. */
bool	value_split_address(const char *text, char *host, size_t size,
	    int *port, struct error *) CHECKED;

/* Is it an address, or a name like localhost, by which every host refers to
 * itself? */
bool	value_is_loopback(const char *host);

struct value_text {
	char	 text[32];
};

/* 90000 is "90s", not "1m30s", so value_duration accepts it. */
struct value_text	value_duration_text(int64_t ms);

/* Letters and digits at both ends, between them also what is in inner. */
bool	value_is_word(const char *text, const char *inner, size_t longest);

#endif

/* json.h - reading and writing JSON, by yajl. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include "error.h"

#define JSON_DEPTH	32	/* the maximum: yajl_tree_free recurses */

/* Gives a tree (free it with yajl_tree_free), or NULL and the reason, which
 * quotes the beginning of the text.  The text may contain anything. */
yajl_val	 json_parse(const char *text, size_t length, struct error *);

/* A member of an object; NULL if v is not an object or has no such member. */
yajl_val	 json_get(yajl_val v, const char *name);

/* A member's value; the fallback if it is missing or of another type.  Strings
 * are borrowed from the tree. */
const char	*json_string(yajl_val v, const char *name, const char *fallback);
uint64_t	 json_uint(yajl_val v, const char *name, uint64_t fallback);

/* Each byte that is not UTF-8, for example of a truncated character, becomes
 * '?'. */
void		 json_mend(char *text);

/* Writing: thin wrappers of yajl_gen.  json_free frees the generator; json_text
 * is borrowed from the generator; length may be NULL.  Text that is not UTF-8
 * is written with each bad byte as U+FFFD. */
yajl_gen	 json_new(void);
void		 json_free(yajl_gen);
const char	*json_text(yajl_gen, size_t *length);
void		 json_put(yajl_gen, const char *string);
/* A parsed value, with all that is in it. */
void		 json_put_value(yajl_gen, yajl_val);
void		 json_put_member(yajl_gen, const char *name, const char *string);
void		 json_put_member_int(yajl_gen, const char *name, int64_t);
void		 json_put_member_bool(yajl_gen, const char *name, bool);
void		 json_put_member_null(yajl_gen, const char *name);

#endif

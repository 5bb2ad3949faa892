/*
 * consul_answer.h - functions that read an answer of Consul.
 *
 * Nothing in an answer is taken for granted: if it is not exactly what Consul
 * would send, it is CONSUL_UNKNOWN, never "free", "gone" or "done".
 */
#ifndef CONSUL_ANSWER_H
#define CONSUL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consul_reply.h"
#include "error.h"
#include "http.h"
#include "json.h"

struct consul_request;

/* Holds an answer; valid until the callback returns. */
struct consul_answer {
	const struct consul_request	*request;
	const struct http_reply	*http;
	struct consul_reply	 reply;
	struct consul_key	 key;
	struct consul_record	*records;
	struct consul_session	*sessions;
	struct consul_instance	*instances;
	yajl_val		 root;
	char			**owned;	/* strings, and how many */
	size_t			 owned_count;
	const char		*words;		/* Consul's own reason */
	char			 text[1024];
};

/* Makes the answer own text. */
const char	*consul_answer_keep(struct consul_answer *, char *text);
/* Frees what it owns, not the answer itself. */
void		 consul_answer_free(struct consul_answer *);

/* Is this Consul's error with these words?  They are a part of it; case does
 * not matter. */
bool		 consul_answer_says(const struct consul_answer *, int status,
		    const char *words);
/* The JSON of a good answer, the answer's own; NULL if it is not JSON. */
yajl_val	 consul_answer_root(struct consul_answer *, int status);
/* OK for "true", REFUSED for "false". */
enum consul_outcome	consul_answer_true(struct consul_answer *);

/* Copies a string member, cut to size; false if it is not a string. */
bool		 consul_answer_string(yajl_val v, const char *name, char *out,
		    size_t size) CHECKED;
/* The same for a name, of CONSUL_NAME_MAX; false if it would be cut. */
bool		 consul_answer_name(yajl_val v, const char *name, char *out)
		    CHECKED;
/* And for an id, of CONSUL_ID_MAX; false if it is empty, too. */
bool		 consul_answer_id(yajl_val v, const char *name, char *out)
		    CHECKED;
/* False if it is not a number. */
bool		 consul_answer_uint(yajl_val v, const char *name,
		    uint64_t *out) CHECKED;
/* A list of strings, joined with ','; the answer's own; NULL if it is not such
 * a list. */
const char	*consul_answer_join(struct consul_answer *, yajl_val list);

#endif

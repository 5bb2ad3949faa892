/* consul_answer.c - functions that read an answer of Consul. */
#include "consul_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

const char *
consul_answer_keep(struct consul_answer *a, char *text)
{
	a->owned = must_grow(a->owned, a->owned_count + 1,
	    sizeof *a->owned);
	a->owned[a->owned_count++] = text;
	return text;
}

/* Client agents put words of their own before it, versions differ in
 * capitals. */
bool
consul_answer_says(const struct consul_answer *a, int status, const char *words)
{
	return a->http->status == status &&
	    strcasestr(a->http->body, words) != NULL;
}

yajl_val
consul_answer_root(struct consul_answer *a, int status)
{
	struct error	 err;

	if (a->http->status == status)
		a->root = json_parse(a->http->body, a->http->length, &err);
	return a->root;
}

bool
consul_answer_string(yajl_val v, const char *name, char *out, size_t size)
{
	const char	*text = json_string(v, name, NULL);

	if (text != NULL)
		snprintf(out, size, "%s", text);
	return text != NULL;
}

/* It would be another one if it were cut. */
bool
consul_answer_name(yajl_val v, const char *name, char *out)
{
	return strlen(json_string(v, name, "")) < CONSUL_NAME_MAX &&
	    consul_answer_string(v, name, out, CONSUL_NAME_MAX);
}

bool
consul_answer_id(yajl_val v, const char *name, char *out)
{
	const char	*id = json_string(v, name, "");

	if (id[0] == '\0' || strlen(id) >= CONSUL_ID_MAX)
		return false;
	snprintf(out, CONSUL_ID_MAX, "%s", id);
	return true;
}

bool
consul_answer_uint(yajl_val v, const char *name, uint64_t *out)
{
	*out = json_uint(v, name, UINT64_MAX);
	return *out != UINT64_MAX;
}

/* Go writes an empty list as null. */
const char *
consul_answer_join(struct consul_answer *a, yajl_val list)
{
	size_t	 count = YAJL_IS_ARRAY(list) ? list->u.array.len : 0, i;
	size_t	 size = 1;
	char	*text, *to;

	if (list != NULL && !YAJL_IS_ARRAY(list) && !YAJL_IS_NULL(list))
		return NULL;
	for (i = 0; i < count; i++) {
		if (!YAJL_IS_STRING(list->u.array.values[i]))
			return NULL;
		size += strlen(list->u.array.values[i]->u.string) + 1;
	}
	to = text = must_zeroed(1, size);
	for (i = 0; i < count; i++) {
		if (i > 0)
			*to++ = ',';
		to = stpcpy(to, list->u.array.values[i]->u.string);
	}
	return consul_answer_keep(a, text);
}

enum consul_outcome
consul_answer_true(struct consul_answer *a)
{
	size_t	 n = strcspn(a->http->body, "\n");

	if (a->http->status != 200 || a->http->length > n + 1)
		return CONSUL_UNKNOWN;
	if (n == 4 && memcmp(a->http->body, "true", n) == 0)
		return CONSUL_OK;
	if (n == 5 && memcmp(a->http->body, "false", n) == 0)
		return CONSUL_REFUSED;
	return CONSUL_UNKNOWN;
}

void
consul_answer_free(struct consul_answer *a)
{
	size_t	 i;

	for (i = 0; i < a->owned_count; i++)
		free(a->owned[i]);
	free(a->owned);
	free(a->records);
	free(a->sessions);
	free(a->instances);
	yajl_tree_free(a->root);
}

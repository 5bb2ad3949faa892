/* json.c - reading and writing JSON, by yajl. */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "printable.h"
#include "utf8.h"

/* Fills quote with the beginning of a text that may hold anything. */
static const char *
json_quote(const char *text, size_t length, char *quote, size_t size)
{
	size_t	 i;

	for (i = 0; i < length && i < size - 1; i++)
		quote[i] = text[i] != '\0' ? text[i] : '?';
	quote[i] = '\0';
	return printable(quote);
}

/*
 * Tells why a text must not reach yajl, or NULL.  Its tree is freed by
 * recursion, and it would take comments, which can hide brackets from this
 * count: outside of a string, a '/' is no JSON.
 */
static const char *
json_refuse(const char *text, size_t length)
{
	bool	 string = false;
	size_t	 depth = 0, i;

	for (i = 0; i < length; i++) {
		if (text[i] == '\0')
			return "it holds a NUL byte";
		if (string) {
			if (text[i] == '\\' && i + 1 < length &&
			    text[i + 1] != '\0')
				i++;
			else if (text[i] == '"')
				string = false;
		} else if (text[i] == '"')
			string = true;
		else if (text[i] == '/')
			return "it holds a comment";
		else if (text[i] == '[' || text[i] == '{') {
			if (++depth > JSON_DEPTH)
				return "it is nested too deeply";
		} else if ((text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
	}
	return NULL;
}

yajl_val
json_parse(const char *text, size_t length, struct error *err)
{
	char		 quote[81], reason[256] = "";
	const char	*why = json_refuse(text, length);
	char		*copy;
	yajl_val	 v = NULL;

	if (why == NULL) {
		copy = must(strndup(text, length));
		v = yajl_tree_parse(copy, reason, sizeof reason);
		free(copy);
		reason[strcspn(reason, "\n")] = '\0';	/* then a drawing */
		why = reason[0] == '\0' ? "it is empty" : reason;
	}
	if (v == NULL)
		error_set(err, "can't parse this JSON (%s): %s", why,
		    json_quote(text, length, quote, sizeof quote));
	return v;
}

yajl_val
json_get(yajl_val v, const char *name)
{
	size_t	 i;

	if (!YAJL_IS_OBJECT(v))
		return NULL;
	for (i = 0; i < v->u.object.len; i++)
		if (strcmp(v->u.object.keys[i], name) == 0)
			return v->u.object.values[i];
	return NULL;
}

const char *
json_string(yajl_val v, const char *name, const char *fallback)
{
	yajl_val	 member = json_get(v, name);

	return YAJL_IS_STRING(member) ? YAJL_GET_STRING(member) : fallback;
}

/* yajl's own integers end at 2^63, Consul's indexes at 2^64: the digits are
 * what both have. */
uint64_t
json_uint(yajl_val v, const char *name, uint64_t fallback)
{
	yajl_val	 member = json_get(v, name);
	const char	*digits;
	uint64_t	 n;

	if (!YAJL_IS_NUMBER(member))
		return fallback;
	digits = YAJL_GET_NUMBER(member);
	if (digits[strspn(digits, "0123456789")] != '\0')
		return fallback;
	errno = 0;
	n = strtoull(digits, NULL, 10);
	return errno == 0 ? n : fallback;
}

void
json_mend(char *text)
{
	size_t	 n;

	for (; *text != '\0'; text += n > 0 ? n : 1)
		if ((n = utf8_length((unsigned char *)text)) == 0)
			*text = '?';
}

yajl_gen
json_new(void)
{
	return must(yajl_gen_alloc(NULL));
}

void
json_free(yajl_gen g)
{
	if (g != NULL)
		yajl_gen_free(g);
}

const char *
json_text(yajl_gen g, size_t *length)
{
	const unsigned char	*text = NULL;
	size_t			 size = 0;

	yajl_gen_get_buf(g, &text, &size);
	if (length != NULL)
		*length = size;
	return (const char *)text;
}

/* yajl escapes quotes and control characters, but does not look at UTF-8. */
void
json_put(yajl_gen g, const char *string)
{
	const unsigned char	*s = (const unsigned char *)string;
	unsigned char		*clean = must_zeroed(3 * strlen(string) + 1, 1);
	size_t			 length = 0, n;

	while (*s != '\0') {
		if ((n = utf8_length(s)) > 0) {
			memcpy(clean + length, s, n);
			length += n;
			s += n;
		} else {
			memcpy(clean + length, "\xef\xbf\xbd", 3);
			length += 3;
			s++;
		}
	}
	yajl_gen_string(g, clean, length);
	free(clean);
}

void
json_put_value(yajl_gen g, yajl_val v)
{
	size_t	 i;

	if (YAJL_IS_STRING(v))
		json_put(g, YAJL_GET_STRING(v));
	else if (YAJL_IS_NUMBER(v))
		yajl_gen_number(g, YAJL_GET_NUMBER(v),
		    strlen(YAJL_GET_NUMBER(v)));
	else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v))
		yajl_gen_bool(g, YAJL_IS_TRUE(v));
	else if (YAJL_IS_ARRAY(v)) {
		yajl_gen_array_open(g);
		for (i = 0; i < v->u.array.len; i++)
			json_put_value(g, v->u.array.values[i]);
		yajl_gen_array_close(g);
	} else if (YAJL_IS_OBJECT(v)) {
		yajl_gen_map_open(g);
		for (i = 0; i < v->u.object.len; i++) {
			json_put(g, v->u.object.keys[i]);
			json_put_value(g, v->u.object.values[i]);
		}
		yajl_gen_map_close(g);
	} else
		yajl_gen_null(g);
}

void
json_put_member(yajl_gen g, const char *name, const char *string)
{
	json_put(g, name);
	json_put(g, string);
}

void
json_put_member_int(yajl_gen g, const char *name, int64_t n)
{
	json_put(g, name);
	yajl_gen_integer(g, n);
}

void
json_put_member_bool(yajl_gen g, const char *name, bool yes)
{
	json_put(g, name);
	yajl_gen_bool(g, yes);
}

void
json_put_member_null(yajl_gen g, const char *name)
{
	json_put(g, name);
	yajl_gen_null(g);
}

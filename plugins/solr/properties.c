/*
 * properties.c - Java's format of core.properties: one key changed, every other
 * byte kept.
 *
 * A logical line continues after a backslash at its end, except in a comment.
 * The key ends at the first =, : or white space that has no backslash before
 * it.
 */
#include "properties.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANK	" \t\f"

/* The end of the logical line that begins here, with its line end. */
static const char *
line_end(const char *s)
{
	const char	*start = s + strspn(s, BLANK);
	bool		 comment = *start == '#' || *start == '!';

	for (; *s != '\0'; s++) {
		if (*s == '\\' && !comment && s[1] != '\0') {
			s++;
			if (s[0] == '\r' && s[1] == '\n')
				s++;
		} else if (*s == '\n')
			return s + 1;
		else if (*s == '\r')
			return s[1] == '\n' ? s + 2 : s + 1;
	}
	return s;
}

static unsigned
hex(const char **s)
{
	static const char	 digits[] = "0123456789abcdefABCDEF";
	const char		*at;
	unsigned		 value = 0;
	int			 n;

	for (n = 0; n < 4 && **s != '\0' &&
	    (at = strchr(digits, **s)) != NULL; n++, (*s)++)
		value = value * 16 + (unsigned)(at - digits) -
		    (at - digits > 15 ? 6 : 0);
	return value;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800)
		*to++ = (char)(0xc0 | c >> 6);
	else {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* Moves one word without its escapes to to, until one of these characters; at
 * most as long as it was. */
static const char *
word(const char *s, const char *end, const char *until, char *to)
{
	static const char	 names[] = "tnrf", values[] = "\t\n\r\f";
	const char		*at;

	while (s < end && (*s == '\\' || strchr(until, *s) == NULL)) {
		if (*s != '\\' || s + 1 == end) {
			if (*s != '\\')
				*to++ = *s;
			s++;
		} else if (*++s == 'u') {
			s++;
			to = put_utf8(to, hex(&s));
		} else if (*s == '\r' || *s == '\n') {
			s += s[0] == '\r' && s[1] == '\n' ? 2 : 1;
			s += strspn(s, BLANK);
		} else {
			at = strchr(names, *s);
			*to++ = at == NULL ? *s : values[at - names];
			s++;
		}
	}
	*to = '\0';
	return s;
}

/* Is it a line of this key?  Then to, which has room for the line, gets the
 * value. */
static bool
line_is(const char *s, const char *end, const char *key, char *to)
{
	s += strspn(s, BLANK);
	if (s >= end || strchr("#!\r\n", *s) != NULL)
		return false;
	s = word(s, end, "=:\r\n" BLANK, to);
	if (strcmp(to, key) != 0)
		return false;
	s += strspn(s, BLANK);
	if (*s == '=' || *s == ':') {
		s++;
		s += strspn(s, BLANK);
	}
	if (s < end)
		word(s, end, "\r\n", to);
	else
		*to = '\0';
	return true;
}

char *
properties_get(const char *text, const char *key)
{
	char		*value = malloc(strlen(text) + 1);
	char		*found = NULL;
	const char	*end;

	for (; value != NULL && *text != '\0'; text = end) {
		end = line_end(text);
		if (!line_is(text, end, key, value))
			continue;
		free(found);
		found = strdup(value);
	}
	free(value);
	return found;
}

/* What would not be read back as it is gets a backslash. */
static char *
put_escaped(char *to, const char *s, const char *special)
{
	for (; *s != '\0'; s++) {
		if (strchr(special, *s) != NULL)
			*to++ = '\\';
		*to++ = *s == '\n' ? 'n' : *s == '\r' ? 'r' : *s;
	}
	return to;
}

static char *
put_line(char *to, const char *key, const char *value)
{
	to = put_escaped(to, key, "\\ \t\f\r\n=:#!");
	*to++ = '=';
	if (*value == ' ' || *value == '\t' || *value == '\f')
		*to++ = '\\';
	to = put_escaped(to, value, "\\\r\n");
	*to++ = '\n';
	return to;
}

char *
properties_set(const char *text, const char *key, const char *value)
{
	size_t		 length = strlen(text);
	char		*new = malloc(length + 2 * strlen(key) +
			    2 * strlen(value) + 6);
	char		*scratch = malloc(length + 1), *to = new;
	const char	*end;
	bool		 done = false;

	if (new == NULL || scratch == NULL) {
		free(scratch);
		free(new);
		return NULL;
	}
	for (; *text != '\0'; text = end) {
		end = line_end(text);
		if (!line_is(text, end, key, scratch)) {
			memcpy(to, text, (size_t)(end - text));
			to += end - text;
		} else if (!done) {
			to = put_line(to, key, value);
			done = true;
		}
	}
	if (!done) {
		if (to != new && to[-1] != '\n')
			*to++ = '\n';
		to = put_line(to, key, value);
	}
	*to = '\0';
	free(scratch);
	return new;
}

/*
 * inifile.c - parses an INI file, so that nothing in it is ignored.
 *
 * inih parses the lines, but does not report a line that it can't read, cuts
 * long ones, and skips sections without keys; so this file reads the lines for
 * it, and reports what it would ignore.
 */
#include "inifile.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "must.h"

#define INIFILE_MAX		(1024 * 1024)
#define INIFILE_LINE_MAX	4096

/* Debian's inih lets us choose; elsewhere the variable is missing, and so a
 * line has the length that inih was built for: 198 unless told otherwise. */
extern int	ini_max_line __attribute__((weak));

struct inifile {
	const struct inifile_calls	*calls;
	void				*arg;
	const char			*rest, *end;	/* of the file */
	int				 line;
	bool				 skip;		/* this section */
	bool				 pending;	/* inih owes us a key */
};

static void __attribute__((format(printf, 2, 3)))
mistake(struct inifile *f, const char *fmt, ...)
{
	char	 what[INIFILE_LINE_MAX + 128];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	f->calls->mistake(f->arg, f->line, what);
}

/* Reads the whole file; gives it in *text. */
static CHECKED bool
slurp(const char *file, char **text, size_t *length, struct error *err)
{
	FILE	*f = fopen(file, "re");
	bool	 ok = false;

	*text = must_zeroed(INIFILE_MAX + 1, 1);
	if (f == NULL) {
		error_set(err, "%s", strerror(errno));
		goto out;
	}
	*length = fread(*text, 1, INIFILE_MAX + 1, f);
	if (ferror(f))
		error_set(err, "%s", strerror(errno));
	else if (*length > INIFILE_MAX)
		error_set(err, "longer than 1 MiB: not a configuration");
	else
		ok = true;
out:
	if (f != NULL)
		fclose(f);
	if (!ok) {
		free(*text);
		*text = NULL;
	}
	return ok;
}

static bool
has_control(const char *text, const char *end)
{
	for (; text < end; text++)
		if (iscntrl((unsigned char)*text) && *text != '\t')
			return true;
	return false;
}

/* The next line, without the blanks around it, so that inih never takes an
 * indented line for more of the value above.  A bad one becomes empty. */
static void
next_line(struct inifile *f, char *line, size_t longest)
{
	const char	*text = f->rest, *end;
	size_t		 n;

	end = memchr(text, '\n', (size_t)(f->end - text));
	if (end == NULL)
		end = f->end;
	f->rest = end < f->end ? end + 1 : end;
	f->line++;
	while (text < end && isspace((unsigned char)*text))
		text++;
	while (text < end && isspace((unsigned char)end[-1]))
		end--;
	n = (size_t)(end - text);
	if (n > longest) {
		mistake(f, "the line is too long: %zu characters, at most %zu "
		    "are allowed", n, longest);
		n = 0;
	} else if (has_control(text, end)) {
		mistake(f, "the line holds control characters");
		n = 0;
	}
	memcpy(line, text, n);
	line[n] = '\0';
}

/* A [section] in line. */
static void
read_section(struct inifile *f, char *line)
{
	char		*end = strchr(line, ']');
	const char	*rest;

	f->skip = true;
	if (end == NULL) {
		mistake(f, "a section without its ]");
		return;
	}
	rest = end + 1 + strspn(end + 1, " \t");
	*end = '\0';		/* for now: inih shall read it too */
	if (rest[0] != '\0' && strchr(";#", rest[0]) == NULL)
		mistake(f, "text after [%s]", line + 1);
	else
		f->skip = !f->calls->section(f->arg, f->line, line + 1);
	*end = ']';
}

/* Was there a key in the last line? */
static void
settle(struct inifile *f)
{
	if (f->pending && !f->skip)
		mistake(f, "no \"=\" in this line: write key = value, and # in "
		    "front of a comment");
	f->pending = false;
}

/*
 * To inih a ';' behind a blank begins a comment, in a command's line too: what
 * stands there would be lost without a word.  A '#' does not, but whoever
 * writes one outside quotes means it so.  NULL: the value is whole.
 */
static const char *
comment_in_value(const char *line)
{
	const char	*value = strchr(line, '='), *p;

	if (value == NULL)
		return NULL;
	for (p = value + 1; *p != '\0'; p++)
		if (isspace((unsigned char)p[-1]) && (*p == ';' ||
		    (*p == '#' && strcspn(value, "'\"") > (size_t)(p - value))))
			return p;
	return NULL;
}

/* What inih calls to read a line. */
static char *
read_line(char *line, int size, void *arg)
{
	struct inifile	*f = arg;
	const char	*comment;

	settle(f);
	if (f->rest == f->end)
		return NULL;
	next_line(f, line, (size_t)size - 2);	/* a newline and a NUL */
	if (line[0] == '[') {
		read_section(f, line);
	} else if (line[0] != '\0' && strchr(";#", line[0]) == NULL) {
		f->pending = true;
		if ((comment = comment_in_value(line)) != NULL) {
			mistake(f, "a blank and a '%c' would begin a comment: "
			    "put a comment on its own line, and no blank "
			    "before a '%c' in the value", *comment, *comment);
			f->pending = false;
			line[0] = '\0';
		}
	}
	return strcat(line, "\n");
}

/* What inih calls for each key; in some builds also for lines without one. */
static int
read_key(void *arg, const char *section, const char *name, const char *value)
{
	struct inifile	*f = arg;

	if (name == NULL || value == NULL)
		return 1;
	f->pending = false;
	if (f->skip)
		return 1;
	if (section[0] == '\0')
		mistake(f, "%s is before the first [section]", name);
	else
		f->calls->key(f->arg, f->line, section, name, value);
	return 1;
}

bool
inifile_read(const char *file, const struct inifile_calls *calls, void *arg,
    struct error *err)
{
	struct inifile	 f = { .calls = calls, .arg = arg };
	char		*text;
	size_t		 length;
	bool		 ok;

	if (!slurp(file, &text, &length, err))
		return false;
	f.rest = text;
	f.end = text + length;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		f.rest += 3;		/* a byte order mark */
	if (&ini_max_line != NULL)
		ini_max_line = INIFILE_LINE_MAX + 2;
	ok = ini_parse_stream(read_line, &f, read_key, &f) != -2 ||
	    error_set(err, "out of memory");
	settle(&f);		/* a build that stops at the first error */
	free(text);
	return ok;
}

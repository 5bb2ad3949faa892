/* defaults.c - the client's option file, as the library reads it. */
#include "defaults.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH	10	/* of files that include others */
#define LINE	4000	/* bytes: the library cuts longer ones */

struct reader {
	struct defaults	*to;
	char		*why;
	size_t		 size;
	unsigned	 depth;
	bool		 known;		/* a group for us was seen */
};

struct line {
	const char	*path;
	unsigned	 number;
	enum { NO_GROUP, OTHER_GROUP, OUR_GROUP } group;
};

static bool	read_file(struct reader *, const char *path);

static bool __attribute__((format(printf, 2, 3)))
fail(struct reader *r, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return false;
}

/* Without blanks at both ends. */
static char *
trim(char *text)
{
	char	*end;

	text += strspn(text, " \t\r\n\f\v");
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

static bool
is_ours(const char *group)
{
	static const char *const	ours[] = { "client", "client-server",
					    "client-mariadb", "consul-failover" };
	size_t				i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(group, ours[i]) == 0)
			return true;
	return false;
}

/* It reads them in the order of the folder, and so do we. */
static bool
read_folder(struct reader *r, const struct line *l, const char *path)
{
	struct dirent	*e;
	DIR		*folder = opendir(path);
	char		 file[PATH_MAX];
	size_t		 length;
	bool		 ok = true;

	if (folder == NULL)
		return fail(r, "%s:%u: can't read the folder %s: %s", l->path,
		    l->number, path, strerror(errno));
	while (ok && (e = readdir(folder)) != NULL) {
		length = strlen(e->d_name);
		if (length < 5 || strcmp(e->d_name + length - 4, ".cnf") != 0)
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", path, e->d_name) >=
		    (int)sizeof(file))
			ok = fail(r, "%s:%u: the path of %s is too long",
			    l->path, l->number, e->d_name);
		else
			ok = read_file(r, file);
	}
	closedir(folder);
	return ok;
}

static bool
read_directive(struct reader *r, const struct line *l, char *text)
{
	char	*path = text + strcspn(text, " \t");

	if (*path != '\0')
		*path++ = '\0';
	path = trim(path);
	if (strcmp(text, "!include") != 0 && strcmp(text, "!includedir") != 0)
		return fail(r, "%s:%u: %.64s is not supported, only !include "
		    "and !includedir", l->path, l->number, text);
	if (*path != '/')
		return fail(r, "%s:%u: %s needs an absolute path", l->path,
		    l->number, text);
	return strcmp(text, "!include") == 0 ? read_file(r, path) :
	    read_folder(r, l, path);
}

/* Without its quotes; none of our values has a backslash. */
static char *
unquote(char *value)
{
	size_t	 length;

	value = trim(value);
	length = strlen(value);
	if (length < 2 || (*value != '\'' && *value != '"') ||
	    value[length - 1] != *value)
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

static bool
keep(struct reader *r, const struct line *l, char *text)
{
	struct defaults	*d = r->to;
	char		*value = strchr(text, '='), *key = text, *to = NULL;
	size_t		 room = 0;

	if (value == NULL)
		return true;
	*value++ = '\0';
	key = trim(key);
	value = unquote(value);
	if (strcmp(key, "socket") == 0 || strcmp(key, "unix_socket") == 0) {
		to = d->socket;
		room = sizeof(d->socket);
	} else if (strcmp(key, "host") == 0 || strcmp(key, "servername") == 0) {
		to = d->host;
		room = sizeof(d->host);
	} else if (strcmp(key, "protocol") == 0) {
		to = d->protocol;
		room = sizeof(d->protocol);
	}
	if (to == NULL)
		return true;
	if (strlen(value) >= room || strchr(value, '\\') != NULL)
		return fail(r, "%s:%u: %s is too long, or has a backslash",
		    l->path, l->number, key);
	memcpy(to, value, strlen(value) + 1);
	return true;
}

static bool
read_line(struct reader *r, struct line *l, char *text)
{
	text = trim(text);
	if (*text == '\0' || *text == '#' || *text == ';')
		return true;
	if (*text == '!')
		return read_directive(r, l, text);
	if (*text == '[') {
		if (strchr(text, ']') == NULL)
			return fail(r, "%s:%u: there is no ] after the name of "
			    "a group", l->path, l->number);
		*strchr(text, ']') = '\0';
		l->group = is_ours(trim(text + 1)) ? OUR_GROUP : OTHER_GROUP;
		r->known = r->known || l->group == OUR_GROUP;
		return true;
	}
	if (l->group == NO_GROUP)
		return fail(r, "%s:%u: this line is in no [group]: the "
		    "client's library stops reading here", l->path, l->number);
	return l->group == OTHER_GROUP || keep(r, l, text);
}

static bool
read_file(struct reader *r, const char *path)
{
	struct line	 l = { .path = path };
	FILE		*file;
	char		*text = NULL;
	size_t		 size = 0;
	ssize_t		 length;
	bool		 ok = true;

	if (r->depth == DEPTH)
		return fail(r, "%s: more than %d files include one another",
		    path, DEPTH);
	if ((file = fopen(path, "re")) == NULL)
		return fail(r, "%s: %s", path, strerror(errno));
	r->depth++;
	errno = 0;
	while (ok && (length = getline(&text, &size, file)) != -1) {
		l.number++;
		ok = length <= LINE ? read_line(r, &l, text) :
		    fail(r, "%s:%u: the line is too long", path, l.number);
	}
	if (ok && ferror(file))		/* a folder opens, too */
		ok = fail(r, "%s: %s", path, strerror(errno));
	r->depth--;
	free(text);
	fclose(file);
	return ok;
}

bool
defaults_read(struct defaults *d, const char *path, char *why, size_t size)
{
	struct reader	 r = { .to = d, .why = why, .size = size };

	*d = (struct defaults){ 0 };
	if (*path != '/')
		return fail(&r, "%s is not an absolute path", path);
	if (!read_file(&r, path))
		return false;
	return r.known || fail(&r, "%s has none of the groups [client], "
	    "[client-server], [client-mariadb] and [consul-failover]: is it "
	    "the right file?", path);
}

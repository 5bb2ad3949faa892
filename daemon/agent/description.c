/* description.c - a plugin's description of itself, and its options. */
#include "description.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

#include "child.h"
#include "clock.h"
#include "must.h"
#include "trust.h"
#include "value.h"
#include "wire.h"

#define END_LIMIT	500	/* ms, of a process that was killed */

/* All strings of the description point into its packet. */
struct described {
	struct plugin_description	 d;	/* first: the caller's view */
	struct wire			 packet;

	/* Its handler, until that has said it. */
	pid_t				 pid;
	int				 channel;
};

static void
description_read_function(struct plugin_description *d, const char *name)
{
	enum operation	 op;

	if (operation_find(name, &op))
		d->ops |= 1u << op;
	else if (strcmp(name, "watch_fd") == 0)
		d->has_watch_fd = true;
	else if (strcmp(name, "plugin_start") == 0)
		d->has_start = true;
	else if (strcmp(name, "plugin_stop") == 0)
		d->has_stop = true;
	else if (strchr(name, '=') != NULL)
		d->near = name;
}

static void
description_read_option(struct plugin_description *d, struct wire *w,
    const char *name)
{
	struct plugin_option	*o;
	bool			 has_fallback;

	d->options = must_grow(d->options, d->option_count + 1, sizeof *o);
	o = &d->options[d->option_count++];
	o->name = name;
	o->type = (int)wire_number(w);
	has_fallback = wire_number(w) != 0;
	o->fallback = wire_string(w);
	if (!has_fallback)
		o->fallback = NULL;
	o->meaning = wire_string(w);
}

static CHECKED bool
description_read(struct described *a, struct error *err)
{
	struct plugin_description	*d = &a->d;
	struct wire			*w = &a->packet;
	enum wire_type			 type = wire_type(w);
	const char			*name;

	if (type == WIRE_REFUSED && (name = wire_string(w))[0] != '\0')
		return error_set(err, "%s", name);
	d->abi = (uint32_t)wire_number(w);
	d->name = wire_string(w);
	d->version = wire_string(w);
	d->summary = wire_string(w);
	while (*(name = wire_string(w)) != '\0')
		description_read_function(d, name);
	while (*(name = wire_string(w)) != '\0')
		description_read_option(d, w, name);
	if (type != WIRE_DESCRIPTION || !wire_end(w))
		return error_set(err, "plugin %s: its description can't be "
		    "read", a->d.image.path);
	return true;
}

/* Blocks until the handler has said what it loaded, has ended, or is late. */
static CHECKED bool
description_receive(struct described *a, int64_t limit_ms, struct error *err)
{
	struct pollfd	 p = { .fd = a->channel, .events = POLLIN };
	int64_t		 until = clock_ms() + limit_ms, left;
	char		 end[64];
	int		 n, status;

	do {
		left = until - clock_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(err, "plugin %s did not load within %.1f s",
		    a->d.image.path, (double)limit_ms / 1000);
	if (wire_receive(a->channel, &a->packet, 0) == 1)
		return description_read(a, err);
	if (!child_ended(a->pid, END_LIMIT, &status))
		return error_set(err, "plugin %s closed its handler's channel "
		    "when it was loaded", a->d.image.path);
	child_describe_end(end, sizeof end, status);
	return error_set(err, "plugin %s ended its handler when it was loaded: "
	    "%s", a->d.image.path, end);
}

/* dlopen would find these too, but says "invalid ELF header" or "file too
 * short", which tells an operator little. */
static CHECKED bool
description_check_file(const char *path, struct error *err)
{
	char	 magic[4];
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t	 n;

	if (fd < 0)
		return error_set(err, "plugin %s: %s", path, strerror(errno));
	n = read(fd, magic, sizeof magic);
	close(fd);
	return (n == sizeof magic &&
	    memcmp(magic, "\177ELF", sizeof magic) == 0) ||
	    error_set(err, "plugin %s is not a shared object", path);
}

static CHECKED bool
description_take(struct plugin_description *d, const char *name,
    struct error *err)
{
	char		path[PATH_MAX];
	struct error	why;

	child_find_plugin(path, name);
	if (strchr(name, '/') == NULL && access(path, F_OK) != 0)
		return error_set(err, "plugin %s is not installed: there is no "
		    "%s; to use a plugin elsewhere, give its path, with a /",
		    name, path);
	return description_check_file(path, err) &&
	    (trust_file(path, &why) || error_set(err, "plugin %s: %s", path,
	    why.text)) && (image_take(&d->image, path, IMAGE_COPIED, &why) ||
	    error_set(err, "plugin %s", why.text));
}

bool
plugin_spawn(pid_t *pid, const char *name, const struct plugin_description *d,
    int output, int channel, struct error *err)
{
	struct image	*program = image_program(IMAGE_HANDLER, err);
	char		 parent[16];

	if (program == NULL)
		return false;
	snprintf(parent, sizeof parent, "%ld", (long)getpid());
	return child_spawn(pid, (char *[]){ program->path, (char *)name,
	    (char *)d->image.path, parent, NULL }, CHILD_OTHERS,
	    &(struct child_files){ .output = output, .channel = channel,
	    .plugin = d->image.fd, .program = program->fd }, err);
}

bool
plugin_describe_begin(struct plugin_description **d, const char *name,
    struct error *err)
{
	struct described *a = must_zeroed(1, sizeof *a);
	int		 channel[2];
	bool		 ok;

	*d = NULL;
	if (!description_take(&a->d, name, err))
		goto fail;
	if (!wire_pair(channel, err))
		goto fail;
	/* What it prints while it is loaded is best seen as it is. */
	ok = plugin_spawn(&a->pid, "describe", &a->d, STDERR_FILENO, channel[1],
	    err);
	close(channel[1]);
	a->channel = channel[0];
	if (ok) {
		*d = &a->d;
		return true;
	}
	close(a->channel);
fail:
	plugin_description_free(&a->d);
	return false;
}

bool
plugin_describe_end(struct plugin_description **d, int64_t limit_ms,
    struct error *err)
{
	struct described *a = (struct described *)*d;
	int		 status;
	bool		 ok = description_receive(a, limit_ms, err);

	child_kill(a->pid);
	if (child_ended(a->pid, END_LIMIT, &status))
		child_reap(a->pid);
	close(a->channel);
	if (ok)
		return true;
	plugin_description_free(*d);
	*d = NULL;
	return false;
}

bool
plugin_describe(struct plugin_description **d, const char *name,
    int64_t limit_ms, struct error *err)
{
	return plugin_describe_begin(d, name, err) &&
	    plugin_describe_end(d, limit_ms, err);
}

void
plugin_description_free(struct plugin_description *d)
{
	if (d == NULL)
		return;
	image_drop(&d->image);
	free(d->options);
	free(d);	/* a struct described begins with it */
}

/* Does one name become the other by so many changes of a letter? */
static bool
option_is_near(const char *a, const char *b, int changes)
{
	for (; *a != '\0' && *a == *b; b++)
		a++;
	if (changes == 0 || strcmp(a, b) == 0)
		return strcmp(a, b) == 0;
	return (*a != '\0' && option_is_near(a + 1, b, changes - 1)) ||
	    (*b != '\0' && option_is_near(a, b + 1, changes - 1)) ||
	    (*a != '\0' && *b != '\0' &&
	    option_is_near(a + 1, b + 1, changes - 1));
}

/* Where an option was given. */
static void
option_place(const struct config *c, const struct config_option *set,
    FILE *errors)
{
	if (set->line == 0)
		fprintf(errors, "flag options.%s: ", set->name);
	else
		fprintf(errors, "%s:%d: ", c->file, set->line);
}

static void
option_refuse_unknown(const struct plugin_description *d,
    const struct config *c, const struct config_option *set, FILE *errors)
{
	const char	*near = NULL;
	size_t		 i;
	int		 changes;

	for (changes = 1; changes <= 2 && near == NULL; changes++)
		for (i = 0; i < d->option_count && near == NULL; i++)
			if (option_is_near(d->options[i].name, set->name,
			    changes))
				near = d->options[i].name;
	option_place(c, set, errors);
	fprintf(errors, "plugin %s has no option %s", d->name, set->name);
	if (near != NULL)
		fprintf(errors, "; do you mean %s?\n", near);
	else if (d->option_count == 0)
		fputs(", nor any other\n", errors);
	else {
		for (i = 0; i < d->option_count; i++)
			fprintf(errors, "%s %s", i == 0 ? "; it has" : ",",
			    d->options[i].name);
		fputc('\n', errors);
	}
}

/* The value as a number; what is wrong with it, or NULL. */
static const char *
option_parse(int type, const char *value, int64_t *number)
{
	char	*end;
	bool	 yes;

	*number = 0;
	switch (type & ~FAILOVER_REQUIRED) {
	case FAILOVER_INTEGER:
		errno = 0;
		*number = strtoll(value, &end, 10);
		if (*value == '\0' || *end != '\0' || errno != 0)
			return "is not a whole number";
		break;
	case FAILOVER_BOOLEAN:
		if (!value_boolean(value, &yes))
			return "is neither yes nor no";
		*number = yes;
		break;
	case FAILOVER_DURATION:
		if (!value_duration(value, number))
			return "is not a duration such as 500ms, 2s or 1m";
		break;
	}
	return NULL;
}

bool
plugin_option_is_secret(const struct plugin_option *o)
{
	return (o->type & ~FAILOVER_REQUIRED) == FAILOVER_SECRET ||
	    strstr(o->name, "password") != NULL ||
	    strstr(o->name, "secret") != NULL ||
	    strstr(o->name, "token") != NULL;
}

bool
plugin_option_is_secret_file(const struct plugin_option *o)
{
	size_t	 length = strlen(o->name);

	return (o->type & ~FAILOVER_REQUIRED) == FAILOVER_SECRET ||
	    (length > 5 && strcmp(o->name + length - 5, "_file") == 0 &&
	    plugin_option_is_secret(o));
}

static char *
option_read_secret(const char *path)
{
	char		 line[FAILOVER_SENTENCE], *secret = NULL;
	struct stat	 st;
	FILE		*file;

	/* A fifo would wait for who writes into it. */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	file = fopen(path, "re");
	if (file != NULL && fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		secret = must_copy(line);
	}
	if (file != NULL)
		fclose(file);
	explicit_bzero(line, sizeof line);
	return secret;
}

void
plugin_leave_out(struct plugin_description *d, const struct config *c)
{
	const struct plugin_option	*o;
	const struct config_option	*set;
	enum operation			 op;

	for (o = d->options; o < d->options + d->option_count; o++) {
		set = config_option_find(c, o->name);
		if ((o->type & FAILOVER_REQUIRED) == 0 &&
		    operation_find(o->name, &op) &&
		    !operation_rows[op].required &&
		    !operation_rows[op].ensures && (set != NULL ?
		    set->value[0] : o->fallback != NULL && o->fallback[0]) == 0)
			d->ops &= ~(1u << op);
	}
}

void
plugin_keep_secrets(struct config *c, const struct plugin_description *d)
{
	const struct plugin_option	*o;
	struct config_option		*set;

	for (o = d->options; o < d->options + d->option_count; o++) {
		set = config_option_find(c, o->name);
		if (set != NULL && set->secret == NULL &&
		    plugin_option_is_secret_file(o))
			set->secret = option_read_secret(set->value);
	}
}

const char *
plugin_option_secret(const struct plugin_option *o, const struct config *c)
{
	const struct config_option	*set = config_option_find(c,
					    o->name);

	return set == NULL ? NULL : set->secret;
}

static void
option_check(const struct plugin_description *d, const struct plugin_option *o,
    const struct config *c, FILE *errors)
{
	const struct config_option	*set = config_option_find(c,
					    o->name);
	const char			*wrong;
	int64_t				 number;

	if (set == NULL) {
		if ((o->type & FAILOVER_REQUIRED) != 0)
			fprintf(errors, "%s: [options] %s is missing, and "
			    "plugin %s needs it: %s\n", c->file, o->name,
			    d->name, o->meaning);
		return;
	}
	if ((o->type & FAILOVER_REQUIRED) != 0 && set->value[0] == '\0')
		wrong = "is empty";
	else
		wrong = option_parse(o->type, set->value, &number);
	if (wrong == NULL)
		return;
	option_place(c, set, errors);
	fprintf(errors, "[options] %s: \"%s\" %s (%s)\n", o->name, set->value,
	    wrong, o->meaning);
}

bool
plugin_check_options(const struct plugin_description *d,
    const struct config *c, char **errors)
{
	static const enum operation	measures[] = { OPERATION_POSITION,
					    OPERATION_BEHIND };
	size_t	 size, i, j;
	FILE	*text = must(open_memstream(errors, &size));

	for (i = 0; i < c->option_count; i++) {
		for (j = 0; j < d->option_count; j++)
			if (strcmp(d->options[j].name,
			    c->options[i].name) == 0)
				break;
		if (j == d->option_count)
			option_refuse_unknown(d, c, &c->options[i], text);
	}
	for (i = 0; i < d->option_count; i++)
		option_check(d, &d->options[i], c, text);
	for (i = 0; c->max_behind >= 0 && i < 2; i++)
		if ((d->ops & 1u << measures[i]) == 0)
			fprintf(text, "%s: [election] max_behind: plugin %s "
			    "can't report how far a copy is behind (it has no "
			    "function %s, or not with these [options])\n",
			    c->file, d->name, operation_name(measures[i]));
	fclose(text);
	if (size > 0)
		return false;
	free(*errors);		/* even of nothing there is a byte */
	*errors = NULL;
	return true;
}

const char *
plugin_option_value(const struct plugin_option *o, const struct config *c,
    int64_t *number)
{
	const struct config_option	*set = config_option_find(c,
					    o->name);
	const char			*value = o->fallback;

	if (set != NULL)
		value = set->value;
	*number = 0;
	if (value != NULL)
		option_parse(o->type, value, number);
	return value;
}

/* description.c - what a plugin says about itself, and the options it takes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

#include "clock.h"
#include "handler.h"
#include "child.h"
#include "value.h"
#include "wire.h"

#define END_LIMIT	500	/* ms, of a process that was killed */

/* All strings of the description point into path and packet. */
struct described {
	struct plugin_description	 d;	/* first: the caller's view */
	char				 path[PATH_MAX];
	struct wire			 packet;
};

static void
description_read_function(struct plugin_description *d, const char *name)
{
	enum handler_op	 op;

	if (handler_op_find(name, &op))
		d->ops |= 1u << op;
	else if (strcmp(name, "watch_fd") == 0)
		d->has_watch_fd = true;
	else if (strcmp(name, "plugin_start") == 0)
		d->has_start = true;
	else if (strcmp(name, "plugin_stop") == 0)
		d->has_stop = true;
}

static bool
description_read_option(struct plugin_description *d, struct wire *w,
    const char *name)
{
	struct plugin_option	*o, *grown;
	bool			 has_fallback;

	grown = realloc(d->options, (d->option_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	d->options = grown;
	o = &grown[d->option_count++];
	o->name = name;
	o->type = (int)wire_number(w);
	has_fallback = wire_number(w) != 0;
	o->fallback = wire_string(w);
	if (!has_fallback)
		o->fallback = NULL;
	o->meaning = wire_string(w);
	return true;
}

static bool
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
		if (!description_read_option(d, w, name))
			return error_set(err, "out of memory");
	if (type != WIRE_DESCRIPTION || !wire_end(w))
		return error_set(err, "plugin %s described itself in a way "
		    "that can't be read", a->path);
	return true;
}

/* Blocks until the handler has said what it loaded, has ended, or is late. */
static bool
description_receive(struct described *a, int channel, pid_t pid,
    int64_t limit, struct error *err)
{
	struct pollfd	 p = { .fd = channel, .events = POLLIN };
	int64_t		 until = clock_ms() + limit, left;
	char		 end[64];
	int		 n, status;

	do {
		left = until - clock_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(err, "plugin %s did not load within %.1f s",
		    a->path, (double)limit / 1000);
	if (wire_receive(channel, &a->packet, 0) == 1)
		return description_read(a, err);
	if (!child_ended(pid, END_LIMIT, &status))
		return error_set(err, "plugin %s closed its handler's channel "
		    "when it was loaded", a->path);
	child_describe_end(end, sizeof(end), status);
	return error_set(err, "plugin %s ended its handler when it was loaded: "
	    "%s", a->path, end);
}

bool
plugin_describe(struct plugin_description **d, const char *name,
    int64_t limit, struct error *err)
{
	char		 program[PATH_MAX], parent[16];
	struct described *a = calloc(1, sizeof(*a));
	char		*argv[] = { program, "describe", NULL, parent, NULL };
	int		 channel[2] = { -1, -1 }, status;
	pid_t		 pid = -1;
	bool		 ok = false;

	*d = NULL;
	if (a == NULL)
		return error_set(err, "out of memory");
	a->d.path = argv[2] = a->path;
	child_find_plugin(a->path, name);
	child_find_program(program, "consul-failover-handler");
	snprintf(parent, sizeof(parent), "%ld", (long)getpid());

	if (strchr(name, '/') == NULL && access(a->path, F_OK) != 0) {
		error_set(err, "no plugin %s is installed: there is no %s; a "
		    "plugin elsewhere is named by its path, with a /", name,
		    a->path);
		goto out;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    channel) != 0) {
		error_set(err, "can't make a channel: %s", strerror(errno));
		goto out;
	}
	/* What it prints while it is loaded is best seen as it is. */
	if (!child_spawn(&pid, argv, CHILD_OTHERS, STDERR_FILENO,
	    channel[1], err))
		goto out;
	close(channel[1]);
	channel[1] = -1;
	ok = description_receive(a, channel[0], pid, limit, err);
	child_kill(pid);
	if (child_ended(pid, END_LIMIT, &status))
		child_reap(pid);
out:
	if (channel[0] >= 0)
		close(channel[0]);
	if (channel[1] >= 0)
		close(channel[1]);
	if (ok)
		*d = &a->d;
	else
		plugin_description_free(&a->d);
	return ok;
}

void
plugin_description_free(struct plugin_description *d)
{
	if (d != NULL)
		free(d->options);
	free(d);	/* a struct described begins with it */
}

/* Does one name become the other by so many changes of a letter? */
static bool
option_is_near(const char *a, const char *b, int changes)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
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

static const struct config_option *
option_find(const struct config *c, const char *name)
{
	size_t	 i;

	for (i = 0; i < c->option_count; i++)
		if (strcmp(c->options[i].name, name) == 0)
			return &c->options[i];
	return NULL;
}

static void
option_check(const struct plugin_description *d, const struct plugin_option *o,
    const struct config *c, FILE *errors)
{
	const struct config_option	*set = option_find(c, o->name);
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
	size_t	 size, i, j;
	FILE	*text = open_memstream(errors, &size);

	if (text == NULL) {
		*errors = NULL;
		return false;
	}
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
	if (c->max_behind >= 0 && (d->ops & 1u << HANDLER_BEHIND) == 0)
		fprintf(text, "%s: [election] max_behind: plugin %s can't tell "
		    "how far a copy is behind (it has no function behind)\n",
		    c->file, d->name);
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
	const struct config_option	*set = option_find(c, o->name);
	const char			*value = o->fallback;

	if (set != NULL)
		value = set->value;
	*number = 0;
	if (value != NULL)
		option_parse(o->type, value, number);
	return value;
}

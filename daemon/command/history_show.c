/* history_show.c - prints the changes of master, and of this node's state. */
#include "history_show.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "consul.h"
#include "fail.h"
#include "history_value.h"
#include "journal.h"
#include "must.h"
#include "printable.h"
#include "wall.h"

#define STATES	50	/* of this node, unless --since asks for more */

struct history_list {
	yajl_val	*values;
	size_t		 count;
};

struct history_show {
	const struct config	*config;
	struct event_base	*base;
	struct consul		*consul;
	char			 path[CONSUL_NAME_MAX];	/* of the key */
	char			 since[WALL_TEXT];	/* "": no limit */
	yajl_val		 root;		/* the key's value; or NULL */
	struct history_list	 changes;	/* of it, newest first */
	struct error		 why;		/* there are none */
	bool			 has_states;
	struct history_list	 states;	/* oldest first */
};

/*
 * What there is.
 */

/* False: it is too old. */
static bool
history_add(struct history_list *l, yajl_val v, const char *since)
{
	if (strcmp(json_string(v, "at", ""), since) < 0)
		return false;
	l->values = must_grow(l->values, l->count + 1, sizeof *l->values);
	l->values[l->count++] = v;
	return true;
}

static void
history_read_changes(struct history_show *s, const char *value)
{
	struct error	 err;
	yajl_val	 list;
	size_t		 i;

	s->root = history_value_parse(value, &err);
	if (s->root == NULL) {
		error_set(&s->why, "the key %s can't be used: %.500s", s->path,
		    err.text);
		return;
	}
	list = json_get(s->root, "changes");
	for (i = 0; i < list->u.array.len; i++)
		history_add(&s->changes, list->u.array.values[i], s->since);
	error_set(&s->why, "no change of master is recorded %s%s",
	    s->since[0] != '\0' ? "since " : "yet", s->since);
}

static void
history_fetched(const struct consul_reply *r, void *arg)
{
	struct history_show	*s = arg;

	if (r->outcome != CONSUL_OK)
		error_set(&s->why, "%s", r->text);
	else if (r->record_count == 0)
		error_set(&s->why, "no change of master is recorded yet: there "
		    "is no key %s", s->path);
	else
		history_read_changes(s, r->records[0].value);
	event_base_loopbreak(s->base);
}

static void
history_ask(struct history_show *s)
{
	s->base = must(event_base_new());
	if (consul_new(&s->consul, s->base, s->config, &s->why)) {
		consul_fetch(s->consul, s->path, history_fetched, s);
		event_base_dispatch(s->base);
	}
	consul_free(s->consul);
	event_base_free(s->base);
}

static void
history_read_state(yajl_val v, void *arg)
{
	struct history_show	*s = arg;

	if (!history_add(&s->states, v, s->since))
		yajl_tree_free(v);
}

/* The oldest of this node's states that are of interest. */
static size_t
history_first_state(const struct history_show *s)
{
	return s->since[0] == '\0' && s->states.count > STATES ?
	    s->states.count - STATES : 0;
}

/*
 * As a table.
 */

static int
history_width(const struct history_list *l, const char *name, const char *head)
{
	size_t	width = strlen(head), i, n;

	for (i = 0; i < l->count; i++)
		if ((n = strlen(json_string(l->values[i], name, "-"))) > width)
			width = n;
	return (int)width;
}

/* Other nodes wrote it, and this may be a terminal.  Frees line. */
static void
history_print(char *line)
{
	puts(printable(line));
	free(line);
}

static void
history_print_change(yajl_val v, int node_width, int previous_width)
{
	uint64_t	 ms = json_uint(v, "without_master_ms", UINT64_MAX);
	const char	*doubt = json_string(v, "doubt", "");
	char		 without[32] = "-";

	if (ms < 1000)
		snprintf(without, sizeof without, "%" PRIu64 " ms", ms);
	else if (ms != UINT64_MAX)
		snprintf(without, sizeof without, "%.1f s", (double)ms / 1000);
	history_print(must_format("%-24s  %-*s  %-9" PRIu64 "  %-*s  %-9s  "
	    "%s%s%s%s", json_string(v, "at", "-"), node_width,
	    json_string(v, "node", "-"), json_uint(v, "epoch", 0),
	    previous_width, json_string(v, "previous", "-"), without,
	    YAJL_IS_TRUE(json_get(v, "planned")) ? "planned: " : "",
	    json_string(v, "why", "-"), doubt[0] != '\0' ? "; but " : "",
	    doubt));
}

static void
history_print_text(const struct history_show *s)
{
	int		 node = history_width(&s->changes, "node", "MASTER");
	int		 previous = history_width(&s->changes, "previous",
			    "BEFORE");
	char		 path[PATH_MAX];
	size_t		 i;

	if (s->changes.count > 0) {
		printf("The last changes of master of %s, newest first:\n\n"
		    "%-24s  %-*s  %-9s  %-*s  %-9s  %s\n",
		    s->config->service_name, "AT", node, "MASTER", "EPOCH",
		    previous, "BEFORE", "NO MASTER", "WHY");
		for (i = 0; i < s->changes.count; i++)
			history_print_change(s->changes.values[i], node,
			    previous);
	}
	if (!s->has_states)
		return;
	journal_path(s->config, path);
	printf("%sThe last states of this node, from %s, newest first:\n\n",
	    s->changes.count > 0 ? "\n" : "", path);
	for (i = s->states.count; i-- > history_first_state(s); ) {
		yajl_val	v = s->states.values[i];

		history_print(must_format("%-24s  %s -> %s: %s",
		    json_string(v, "at", "-"), json_string(v, "from", "-"),
		    json_string(v, "to", "-"), json_string(v, "why", "-")));
	}
}

/*
 * As JSON.
 */

static void
history_put_list(yajl_gen g, const char *name, const yajl_val *values,
    size_t count, bool backwards)
{
	size_t	i;

	json_put(g, name);
	yajl_gen_array_open(g);
	for (i = 0; i < count; i++)
		json_put_value(g, values[backwards ? count - 1 - i : i]);
	yajl_gen_array_close(g);
}

static void
history_print_json(const struct history_show *s)
{
	yajl_gen	 g = json_new();
	size_t		 first = history_first_state(s);

	yajl_gen_map_open(g);
	json_put_member(g, "service", s->config->service_name);
	json_put_member(g, "key", s->path);
	if (s->root == NULL)
		json_put_member_null(g, "changes");
	else
		history_put_list(g, "changes", s->changes.values,
		    s->changes.count, false);
	if (!s->has_states)
		json_put_member_null(g, "states");
	else
		history_put_list(g, "states", s->states.values + first,
		    s->states.count - first, true);
	yajl_gen_map_close(g);
	history_print(must_copy(json_text(g, NULL)));
	json_free(g);
}

bool
history_show(const struct config *c, bool json, int64_t since_ms)
{
	struct history_show	s = { .config = c };
	struct error		err;
	size_t			i;
	bool			ok, missing;

	if (since_ms > 0)
		may_fail(wall_text(wall_ms() - since_ms, s.since),
		    "before 1970 there was nothing");
	history_value_path(c, s.path);
	history_ask(&s);
	/* Without a file the folder is not known. */
	s.has_states = c->file[0] != '\0' &&
	    journal_read(c, history_read_state, &s, &err);
	missing = c->file[0] == '\0' || s.has_states || errno == ENOENT;
	if (json)
		history_print_json(&s);
	else
		history_print_text(&s);
	fflush(stdout);
	if (!missing)
		fail(EXIT_FAILURE, "history: %s", err.text);
	ok = s.changes.count > 0;
	if (!ok)
		fail(EXIT_FAILURE, "history: %s", s.why.text);
	for (i = 0; i < s.states.count; i++)
		yajl_tree_free(s.states.values[i]);
	free(s.states.values);
	free(s.changes.values);
	yajl_tree_free(s.root);
	return ok;
}

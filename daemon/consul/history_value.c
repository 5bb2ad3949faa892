/* history_value.c - the last changes of master, as they are kept in Consul. */
#include "history_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "wall.h"

/* Of a sentence: 50 changes fit, and each into one line. */
#define SENTENCE	400

void
history_value_path(const struct config *c, char path[CONSUL_NAME_MAX])
{
	snprintf(path, CONSUL_NAME_MAX, "lock/%s/history", c->service_name);
}

static void
put_text(yajl_gen g, const char *name, const char *text)
{
	char	cut[SENTENCE];

	if (text[0] == '\0')
		return;
	snprintf(cut, sizeof cut, "%s", text);
	json_put_member(g, name, cut);
}

char *
history_value_change(const struct history_change *c)
{
	yajl_gen	 g = json_new();
	char		 at[WALL_TEXT], *text;

	may_fail(wall_text(c->at_ms, at), "then it is left out");
	yajl_gen_map_open(g);
	put_text(g, "at", at);
	put_text(g, "node", c->node);
	put_text(g, "service_id", c->service_id);
	put_text(g, "address", c->address);
	json_put_member_int(g, "port", c->port);
	json_put_member_int(g, "epoch", (int64_t)c->epoch);
	put_text(g, "previous", c->previous);
	json_put_member_bool(g, "planned", c->planned);
	put_text(g, "why", c->why);
	if (c->without_ms >= 0)
		json_put_member_int(g, "without_master_ms", c->without_ms);
	put_text(g, "doubt", c->doubt);
	yajl_gen_map_close(g);
	text = must_copy(json_text(g, NULL));
	json_free(g);
	return text;
}

static CHECKED bool
is_history(yajl_val root, struct error *err)
{
	yajl_val	 list = json_get(root, "changes");
	uint64_t	 format = json_uint(root, "format", 0);
	size_t		 i;

	if (format > HISTORY_FORMAT)
		return error_set(err, "a newer consul-failover wrote it (format "
		    "%" PRIu64 ", and this one reads up to %d)", format,
		    HISTORY_FORMAT);
	if (format == 0 || !YAJL_IS_ARRAY(list))
		return error_set(err, "it is not a history of masters");
	for (i = 0; i < list->u.array.len; i++)
		if (!YAJL_IS_OBJECT(list->u.array.values[i]))
			return error_set(err, "change %zu of it is no object",
			    i + 1);
	return true;
}

yajl_val
history_value_parse(const char *value, struct error *err)
{
	size_t		 length = strlen(value);
	yajl_val	 root = NULL;

	if (length > HISTORY_VALUE_MAX)
		error_set(err, "it has %zu bytes, and a history has at most %d",
		    length, HISTORY_VALUE_MAX);
	else
		root = json_parse(value, length, err);
	if (root != NULL && !is_history(root, err)) {
		yajl_tree_free(root);
		root = NULL;
	}
	return root;
}

/* An epoch is given once, and a node may have it only once. */
static bool
has(yajl_val list, yajl_val change)
{
	yajl_val	 other;
	size_t		 i;

	for (i = 0; i < list->u.array.len; i++) {
		other = list->u.array.values[i];
		if (json_uint(other, "epoch", 0) ==
		    json_uint(change, "epoch", 0) &&
		    strcasecmp(json_string(other, "node", ""),
		    json_string(change, "node", "")) == 0)
			return true;
	}
	return false;
}

/* Members that we do not know are kept. */
static char *
add(yajl_val list, yajl_val change, size_t keep)
{
	yajl_gen	 g = json_new();
	char		*text;
	size_t		 i;

	yajl_gen_map_open(g);
	json_put_member_int(g, "format", HISTORY_FORMAT);
	json_put(g, "changes");
	yajl_gen_array_open(g);
	json_put_value(g, change);
	for (i = 0; list != NULL && i < list->u.array.len && i < keep; i++)
		json_put_value(g, list->u.array.values[i]);
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
	text = must_copy(json_text(g, NULL));
	json_free(g);
	return text;
}

enum history_merge
history_value_add(const char *value, const char *change, char **out,
    struct error *err)
{
	yajl_val		 root = NULL, list, new;
	enum history_merge	 done = HISTORY_ADDED;
	size_t			 keep = HISTORY_CHANGES - 1;

	*out = NULL;
	if (value[0] != '\0' &&
	    (root = history_value_parse(value, err)) == NULL)
		return HISTORY_FOREIGN;
	new = must(json_parse(change, strlen(change), err));
	list = json_get(root, "changes");
	if (list != NULL && has(list, new))
		done = HISTORY_THERE;
	else
		*out = add(list, new, keep);
	/* We could not read it again. */
	while (*out != NULL && keep > 0 && strlen(*out) > HISTORY_VALUE_MAX) {
		free(*out);
		*out = add(list, new, --keep);
	}
	yajl_tree_free(new);
	yajl_tree_free(root);
	return done;
}

/* candidates_record.c - the record of a candidate, in JSON. */
#include "candidates_record.h"

#include <stdlib.h>
#include <string.h>

#include "must.h"

const char *const *
candidates_record_yields(yajl_val v)
{
	size_t		 n = YAJL_IS_ARRAY(v) ? v->u.array.len : 0, i, k = 0;
	const char	**list = must_zeroed(n + 1, sizeof *list);

	for (i = 0; i < n; i++)
		if (YAJL_IS_STRING(v->u.array.values[i]))
			list[k++] = v->u.array.values[i]->u.string;
	return list;
}

yajl_val
candidates_record_read(const struct consul_record *r,
    struct election_record *e)
{
	struct error	 err;
	yajl_val	 v = json_parse(r->value, strlen(r->value), &err);

	e->id = json_string(v, "id", "");
	if (e->id[0] == '\0') {
		yajl_tree_free(v);
		return NULL;
	}
	e->alive = r->session[0] != '\0';
	e->compares = YAJL_IS_TRUE(json_get(v, "compares"));
	e->priority = (int64_t)json_uint(v, "priority", 0);
	e->epoch = json_uint(v, "epoch", UINT64_MAX);
	e->position = json_string(v, "position", "");
	e->yields = candidates_record_yields(json_get(v, "yields"));
	return v;
}

yajl_gen
candidates_record_begin(const char *id, int64_t priority, bool compares)
{
	yajl_gen	 g = json_new();

	yajl_gen_map_open(g);
	json_put_member(g, "id", id);
	json_put_member_int(g, "priority", priority);
	json_put_member_bool(g, "compares", compares);
	return g;
}

void
candidates_record_put_position(yajl_gen g, uint64_t epoch,
    const char *position)
{
	json_put_member_int(g, "epoch", (int64_t)epoch);
	json_put_member(g, "position", position);
}

void
candidates_record_put_yields(yajl_gen g, const char *const *yields)
{
	json_put(g, "yields");
	yajl_gen_array_open(g);
	for (; *yields != NULL; yields++)
		json_put(g, *yields);
	yajl_gen_array_close(g);
}

char *
candidates_record_finish(yajl_gen g)
{
	char	*text;

	yajl_gen_map_close(g);
	text = must_copy(json_text(g, NULL));
	json_free(g);
	return text;
}

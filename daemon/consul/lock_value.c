/* lock_value.c - the lock key in Consul, and its value. */

#include "lock_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

/*
 * The key's value says who holds the lock, and how it was given up.  An older
 * program, or a hand, may have written something else or nothing.
 */

void
lock_value_path(const struct config *c, char path[CONSUL_NAME_MAX])
{
	snprintf(path, CONSUL_NAME_MAX, "lock/%s/leader", c->service_name);
}

static void
put_who(yajl_gen g, const char *node, const char *service_id,
    const char *address, int64_t port)
{
	if (node[0] != '\0')
		json_put_member(g, "node", node);
	json_put_member(g, "service_id", service_id);
	if (address[0] != '\0')
		json_put_member(g, "address", address);
	json_put_member_int(g, "port", port);
}

/* Not whether it was final: he who carries it may have written since. */
static void
put_carried(yajl_gen g, const struct lock_before *b)
{
	json_put(g, "before");
	yajl_gen_map_open(g);
	put_who(g, b->node, b->service_id, b->host, b->port);
	json_put_member(g, "position", b->position);
	yajl_gen_map_close(g);
}

static void
put_reason(yajl_gen g, const struct lock_reason *r)
{
	if (r->text[0] != '\0')
		json_put_member(g, "why", r->text);
	if (r->planned)
		json_put_member_bool(g, "planned", true);
	if (r->unpromoted)
		json_put_member_bool(g, "unpromoted", true);
}

char *
lock_value_make(const struct config *c, const char *state, const char *session,
    const char *node, const char *address, const char *position, bool final,
    const struct lock_reason *reason, const char *mark,
    const struct lock_before *carried)
{
	yajl_gen	 g = json_new();
	char		*text;

	yajl_gen_map_open(g);
	json_put_member(g, "state", state);
	json_put_member(g, "session", session);
	put_who(g, node, c->service_id, address, c->service_port);
	if (position[0] != '\0') {
		json_put_member(g, "position", position);
		json_put_member_bool(g, "final", final);
	}
	if (reason != NULL)
		put_reason(g, reason);
	if (mark != NULL)
		json_put_member_bool(g, mark, true);
	if (carried != NULL)
		put_carried(g, carried);
	yajl_gen_map_close(g);
	text = must_copy(json_text(g, NULL));
	json_free(g);
	if ((position[0] == '\0' && reason == NULL && carried == NULL) ||
	    strlen(text) < CONSUL_VALUE_MAX)
		return text;
	/* It would come back cut, and then not even say who wrote it. */
	free(text);
	return reason != NULL ? lock_value_make(c, state, session, node,
	    address, position, final, NULL, mark, carried) :
	    lock_value_make(c, state, session, node, address, "", false, NULL,
	    mark, NULL);
}

yajl_val
lock_value_parse(const struct consul_key *k)
{
	struct error	err;

	return json_parse(k->value, strlen(k->value), &err);
}

char *
lock_value_make_last(const struct config *c, const char *state,
    const struct consul_key *k)
{
	static const struct lock_reason	reason = {
		.text = "its agent was gone or hung; its guard or an operator "
		    "released the lock",
	};
	yajl_val	 v = lock_value_parse(k);
	yajl_val	 left = json_get(v, "before");
	struct config	 his = *c;
	char		*value;

	if (left != NULL) {
		his.service_id = (char *)json_string(left, "service_id", "");
		his.service_port = (int64_t)json_uint(left, "port", 0);
	}
	value = lock_value_make(&his, state, k->session,
	    json_string(left, "node", ""), json_string(left, "address", ""),
	    json_string(left, "position", ""), false,
	    left != NULL ? NULL : &reason,
	    left != NULL ? LOCK_PASSED_ON : NULL, NULL);
	yajl_tree_free(v);
	return value;
}

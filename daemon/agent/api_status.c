/* api_status.c - /status: all that the agent knows, as JSON. */
#include "api_status.h"

#include <stdio.h>

#include <consul-failover/plugin.h>

#include "core.h"
#include "json.h"
#include "wall.h"

const char *
api_health_name(enum api_health health)
{
	return health == API_HEALTH_OK ? "ok" :
	    health == API_HEALTH_BUSY ? "busy" : "bad";
}

/* An age or a rest; null where there is none. */
static void
api_member_ms(yajl_gen g, const char *name, int64_t ms)
{
	if (ms < 0)
		json_put_member_null(g, name);
	else
		json_put_member_int(g, name, ms);
}

static void
api_member_time(yajl_gen g, const char *name, int64_t at_ms)
{
	char	text[WALL_TEXT];

	if (wall_text(at_ms, text))
		json_put_member(g, name, text);
	else
		json_put_member_null(g, name);
}

static void
api_member_holder(yajl_gen g, const struct api_status *s)
{
	if (s->holder[0] == '\0') {
		json_put_member_null(g, "holder");
		return;
	}
	json_put(g, "holder");
	yajl_gen_map_open(g);
	json_put_member(g, "node", s->holder);
	json_put_member(g, "address", s->holder_address);
	json_put_member_int(g, "port", s->holder_port);
	yajl_gen_map_close(g);
}

static void
api_member_transitions(yajl_gen g, const struct api_status *s)
{
	size_t	 i;

	json_put(g, "transitions");
	yajl_gen_array_open(g);
	for (i = 0; i < s->transition_count; i++) {
		yajl_gen_map_open(g);
		api_member_time(g, "at", s->transitions[i].wall_ms);
		json_put_member(g, "from", s->transitions[i].from);
		json_put_member(g, "to", s->transitions[i].to);
		json_put_member(g, "why", s->transitions[i].why);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
}

static void
api_member_parts(yajl_gen g, const struct api_status *s)
{
	json_put(g, "health");
	yajl_gen_map_open(g);
	json_put_member(g, "status", api_health_name(s->health));
	json_put_member(g, "text", s->health_text);
	api_member_ms(g, "age_ms", s->health_age_ms);
	yajl_gen_map_close(g);
	json_put(g, "plugin");
	yajl_gen_map_open(g);
	json_put_member(g, "name", s->plugin_name);
	json_put_member(g, "version", s->plugin_version);
	json_put_member(g, "path", s->plugin_path);
	yajl_gen_map_close(g);
	json_put(g, "consul");
	yajl_gen_map_open(g);
	json_put_member(g, "address", s->consul_address);
	json_put_member(g, "error", s->consul_error);
	yajl_gen_map_close(g);
	json_put(g, "guard");
	yajl_gen_map_open(g);
	if (s->guard_pid > 0)
		json_put_member_int(g, "pid", s->guard_pid);
	else
		json_put_member_null(g, "pid");
	json_put_member_int(g, "demotions", (int64_t)s->guard_demotions);
	yajl_gen_map_close(g);
}

void
api_status_answer(struct api_answer *a, const struct api_status *s)
{
	yajl_gen	 g = json_new();

	yajl_gen_map_open(g);
	json_put_member(g, "service", s->service);
	json_put_member(g, "service_id", s->service_id);
	json_put_member(g, "node", s->node);
	json_put_member(g, "role", s->role);
	json_put_member(g, "why", s->why);
	api_member_time(g, "since", s->since_wall_ms);
	json_put_member_int(g, "epoch", (int64_t)s->epoch);
	api_member_holder(g, s);
	if (s->waiting != NULL)
		json_put_member(g, "waiting", s->waiting);
	api_member_ms(g, "proof_age_ms", s->proof_age_ms);
	api_member_ms(g, "fuse_left_ms", s->fuse_left_ms);
	json_put_member(g, "warning", s->may_be_master ? CORE_UNFENCED : "");
	json_put_member(g, "notice", s->notice);
	api_member_parts(g, s);
	api_member_transitions(g, s);
	json_put_member(g, "version", VERSION);
	json_put_member_int(g, "abi", FAILOVER_PLUGIN_ABI);
	yajl_gen_map_close(g);
	api_answer_put_json(a, g);
}

/* agent_status.c - what an agent reports about itself on /status and
 * /metrics. */
#include "agent_private.h"

#include "clock.h"
#include "core_lock.h"
#include "core_session.h"
#include "elector.h"
#include "guard.h"
#include "lock.h"
#include "namesake.h"

/* Why this copy is not the master although no other one is, or NULL. */
static const char *
agent_waits(const struct agent *a)
{
	const struct core	*c = &a->core;
	const char		*why = elector_runs(a->elector) ?
				    elector_reason(a->elector) :
				    a->refusal.text;

	if (c->lock.owner == CORE_LOCK_THEIRS)
		why = lock_stranger(a->lock);
	else if (core_is_master(c))
		return NULL;
	else if (c->state != CORE_STATE_CANDIDATE)
		return core_role_why(c);
	else if (a->config->never_master)
		why = "this copy is never_master";
	else if (why[0] == '\0')
		why = !core_session_exists(c) ?
		    "it has no session in Consul yet" :
		    c->grace_until > c->now ? "the last holder of the lock may "
		    "still act as master" : core_role_why(c);
	return why[0] == '\0' ? NULL : why;
}

void
agent_status(struct api_status *s, void *arg)
{
	struct agent		*a = arg;
	const struct core	*c = &a->core;
	int64_t			 now = clock_ms();
	int64_t			 answered = consul_answered_at_ms(a->consul);
	bool			 held = core_lock_is_held(c);

	*s = a->counters;
	consul_count(a->consul, &s->consul_requests, &s->consul_failures);
	s->consul_contact_age_ms = answered < 0 ? -1 : now - answered;
	s->service = a->config->service_name;
	s->service_id = a->config->service_id;
	s->node = a->node;
	s->plugin_name = a->plugin->name;
	s->plugin_version = a->plugin->version;
	s->plugin_path = a->plugin->image.path;
	s->consul_address = consul_address(a->consul);
	s->role = core_role_name(c);
	s->why = core_role_why(c);
	s->is_master = core_is_master(c);
	s->is_slave = core_is_slave(c);
	s->since_wall_ms = a->since_wall_ms;
	s->epoch = c->epoch;
	s->holder = held ? c->lock.node : "";
	s->holder_address = held ? c->lock.host : "";
	s->holder_port = held ? c->lock.port : 0;
	s->waiting = agent_waits(a);
	s->candidate = core_could_take(c) && a->refusal.text[0] == '\0' &&
	    namesake_text(a->namesake)[0] == '\0';
	s->never_master = a->config->never_master;
	s->priority = a->config->priority;
	s->consul_error = a->key_trouble.text[0] != '\0' ? a->key_trouble.text :
	    a->write_trouble.text[0] != '\0' ? a->write_trouble.text :
	    a->session_trouble.text[0] != '\0' ? a->session_trouble.text :
	    a->registration_trouble.text;
	s->health = a->published;
	s->health_text = a->published_text;
	s->health_age_ms = a->health_asked_at == 0 ? -1 :
	    now - a->health_asked_at;
	s->proof_age_ms = c->proof < 0 ? -1 : now - c->proof;
	s->fuse_ms = a->config->fuse;
	s->fuse_left_ms = core_fuse_left_ms(c, now);
	s->guard_pid = guard_pid(a->guard);
	s->may_be_master = c->unfenced;
	s->notice = a->notice;
	s->transitions = a->transitions;
	s->transition_count = a->transition_count;
}

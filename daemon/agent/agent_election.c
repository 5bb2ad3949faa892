/*
 * agent_election.c - the agent's part in elections: the plugin's answers come
 * from the health handler, because the other one may be in a long ensure_slave.
 */
#include "agent_private.h"

#include <stdio.h>

#include "candidates.h"
#include "election.h"
#include "elector.h"
#include "handler.h"
#include "heed.h"
#include "log.h"
#include "namesake.h"
#include "runfile.h"
#include "text.h"
#include "timer.h"

static void
agent_election_answer(enum handler_result result, const char *text, void *arg)
{
	struct agent	*a = arg;

	agent_health_handler_free(a);
	elector_answer(a->elector, result == HANDLER_DONE ? ELECTION_YES :
	    result == HANDLER_FAILED ? ELECTION_NO : ELECTION_CAN_NOT_TELL,
	    text);
}

static bool
agent_election_ask(const struct election_step *s, void *arg)
{
	struct agent			*a = arg;
	struct handler_call		 call = {
		.op = s->type == ELECTION_COMPARE ? OPERATION_HAS_POSITION :
		    s->type == ELECTION_MEASURE ? OPERATION_BEHIND :
		    OPERATION_POSITION,
		/* So that there is time left to say that it can't be told. */
		.timeout_ms = (a->config->election_wait + 1) / 2,
	};

	agent_role_tell(a, &call, "an election");
	call.what.position = s->text;
	return handler_call(a->health, &call, agent_election_answer, a);
}

static void
agent_elected(const struct election_step *s, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_ELECTED };
	char			 why[CORE_TEXT];

	ev.elected.take = namesake_text(a->namesake)[0] == '\0' &&
	    (s->type == ELECTION_TAKE || runfile_is_promoted(a->config));
	text_copy(a->despite, sizeof a->despite, ev.elected.take ?
	    elector_reason(a->elector) : "");
	if (namesake_text(a->namesake)[0] != '\0')
		snprintf(why, sizeof why, "%s", namesake_text(a->namesake));
	else if (ev.elected.take && s->type == ELECTION_REFUSE)
		log_warning("Taking the lock anyway, once, because of "
		    "\"promote\": %s", s->text);
	else if (!ev.elected.take)
		snprintf(why, sizeof why, "%.300s; to make it master anyway, "
		    "run: consul-failover promote -c %s", s->text,
		    a->config->file);
	else if (elector_reason(a->elector)[0] != '\0')
		log_warning("Taking the lock after [election] wait, although "
		    "%s", elector_reason(a->elector));
	trouble_set(&a->refusal, ev.elected.take ? "" : why);
	agent_event(a, &ev);
}

static void
agent_election_void(void *arg)
{
	const struct core_event	changed = { .type = CORE_EV_ELECTION_VOID };

	agent_event(arg, &changed);
}

static void
agent_records_changed(void *arg)
{
	struct agent	*a = arg;

	heed_look(a->heed);
}

static void
agent_election_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->election_trouble, text);
}

const struct elector_events agent_election_events = {
	.ask = agent_election_ask,
	.elected = agent_elected,
	.voided = agent_election_void,
	.records = agent_records_changed,
	.trouble = agent_election_trouble,
};

void
agent_election_config(const struct agent *a, struct election_config *c)
{
	const uint32_t	compare = 1u << OPERATION_POSITION |
			    1u << OPERATION_HAS_POSITION;

	*c = (struct election_config){
		.wait_ms = a->config->election_wait,
		/* It may have what no other has, and not what all others have. */
		.priority = a->refused || heed_yields(a->heed) ? 0 :
		    a->config->priority,
		.max_behind = a->config->max_behind,
		.compares = (a->plugin->ops & compare) == compare,
		.measures = (a->plugin->ops & 1u << OPERATION_BEHIND) != 0,
	};
	candidates_make_id(c->id, a->node, a->config->service_id);
}

void
agent_election_rank(struct agent *a)
{
	struct election_config	c;

	agent_election_config(a, &c);
	elector_rank(a->elector, &c, a->node);
}

/* While we are the master: for the max_behind of those who may be it next. */

static void
agent_position_told(enum handler_result result, const char *text, void *arg)
{
	struct agent	*a = arg;

	if (result == HANDLER_DONE && core_is_master(&a->core))
		candidates_say_master(a->candidates, a->core.epoch, text);
	agent_health_handler_free(a);
}

void
agent_election_position_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent		*a = arg;
	struct handler_call	 call = { .op = OPERATION_POSITION,
				    .timeout_ms = a->config->health_deadline };

	(void)fd;
	(void)what;
	timer_in(a->position_timer, a->config->position_interval);
	if (a->config->max_behind < 0 || !core_is_master(&a->core))
		return;
	agent_role_tell(a, &call,
	    "others may not be promoted if they are behind");
	may_fail(handler_call(a->health, &call, agent_position_told, a),
	    "if it is at a call, the next interval asks again");
}

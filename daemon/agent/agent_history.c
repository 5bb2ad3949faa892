/*
 * agent_history.c - what an agent records for people: a change of master, in
 * Consul, and each change of its own state, on the disk.
 */
#include "agent_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "history.h"
#include "journal.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "must.h"
#include "wall.h"

#define CALM		1000	/* ms in one state */
#define STATES_MAX	16384	/* bytes that are not written yet */

void
agent_history_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->history_trouble, text);
}

/* A lock that was free when we started may have been so for hours; and while we
 * did not see it, another node may have been the master. */
void
agent_history_lock(struct agent *a, const struct core_lock *lock)
{
	const struct core_lock	*known = &a->core.lock;
	bool			 unseen = (known->owner == CORE_LOCK_UNKNOWN ||
				    (known->owner == CORE_LOCK_FREE &&
				    lock->epoch != known->epoch)) &&
				    strcasecmp(lock_before(a->lock)->last,
				    a->node) != 0;

	if (lock->owner == CORE_LOCK_THEIRS ||
	    (lock->owner == CORE_LOCK_FREE && unseen))
		a->no_master_at = 0;
	else if (lock->owner == CORE_LOCK_FREE &&
	    known->owner == CORE_LOCK_THEIRS)
		a->no_master_at = clock_ms();
}

/*
 * A change of master, in Consul.
 */

/* For the next master, with the lock. */
static void
agent_history_reason(struct agent *a, const struct core_action *act)
{
	const struct core	*c = &a->core;
	enum core_state		 from = act->changed.from;
	bool			 stopped = c->stop && c->broken == NULL &&
				    !a->misnamed;
	struct lock_reason	 r = { .unpromoted = from !=
				    CORE_STATE_MASTER && from !=
				    CORE_STATE_STARTING };

	r.planned = !r.unpromoted && (stopped || c->disabled);
	snprintf(r.text, sizeof r.text, "%.*s", LOCK_WHY - 1,
	    from == CORE_STATE_STARTING ? "its agent was started again and "
	    "could not continue as master" : act->changed.text);
	lock_set_reason(a->lock, &r);
}

/* What ended the previous mastership, as far as the key shows it. */
static void
agent_history_explain(const struct lock_before *b, char *text, size_t size)
{
	bool	other = strcasecmp(b->last, b->node) != 0;

	if (b->reason.unpromoted)
		snprintf(text, size, "%.100s had the lock last, and was not the "
		    "master when it released it: %s", b->last, b->reason.text);
	else if (b->reason.text[0] != '\0')
		snprintf(text, size, "%s", b->reason.text);
	else if (strcmp(b->state, "held") == 0)
		snprintf(text, size, "the lock was lost: the session of %.100s "
		    "ended without a release%s", b->last[0] != '\0' ? b->last :
		    "its holder", !other ? "" : ", before it was the master");
	else if (b->state[0] != '\0')
		snprintf(text, size, "the lock was released without a reason");
	else if (b->node[0] != '\0')
		snprintf(text, size, "the key does not record how the lock "
		    "became free");
	else
		snprintf(text, size, "no earlier holder is recorded: the lock "
		    "is new, or its key was deleted or overwritten");
}

static void
agent_history_tell(struct agent *a)
{
	const struct lock_before	*b = lock_before(a->lock);
	char				 why[LOCK_WHY + 256];
	struct history_change		 c = {
		.at_ms = a->since_wall_ms, .node = a->node,
		.service_id = a->config->service_id, .address = a->address,
		.port = a->config->service_port, .epoch = a->core.epoch,
		.previous = b->reason.unpromoted ? "" : b->node,
		.planned = b->reason.planned, .why = why,
		.without_ms = a->no_master_at == 0 || b->passed_on ||
		    b->reason.unpromoted ? -1 : clock_ms() - a->no_master_at,
		.doubt = a->handover.lacks[0] != '\0' ?
		    a->handover.lacks : a->despite,
	};

	agent_history_explain(b, why, sizeof why);
	history_write(a->history, &c);
}

/*
 * Each change of state, on the disk.
 */

static void
agent_history_note(struct agent *a, const struct core_action *act)
{
	yajl_gen	 g = json_new();
	char		 at[WALL_TEXT], *lines;

	may_fail(wall_text(a->since_wall_ms, at), "then it is empty");
	yajl_gen_map_open(g);
	json_put_member(g, "at", at);
	json_put_member(g, "from", core_state_name(act->changed.from));
	json_put_member(g, "to", core_state_name(act->changed.to));
	json_put_member_int(g, "epoch", (int64_t)a->core.epoch);
	json_put_member(g, "why", act->changed.text);
	yajl_gen_map_close(g);
	lines = must_format("%s%s\n", a->states == NULL ||
	    strlen(a->states) > STATES_MAX ? "" : a->states,
	    json_text(g, NULL));
	json_free(g);
	free(a->states);
	a->states = lines;
}

/* A failover that is under way, and what it has to tell, must not wait for a disk
 * that hangs. */
static bool
agent_history_is_calm(const struct core *c)
{
	return c->now - c->since >= CALM && c->state != CORE_STATE_STARTING &&
	    c->state != CORE_STATE_CANDIDATE &&
	    c->state != CORE_STATE_PROMOTING &&
	    c->state != CORE_STATE_DEMOTING && c->state != CORE_STATE_STOPPING;
}

void
agent_history_flush(struct agent *a)
{
	struct error	err;
	bool		failed;

	if (a->states == NULL)
		return;
	failed = !journal_append(a->config, a->states, &err);
	if (failed && !a->states_failed)
		log_warning("The history of this node's states lacks the last "
		    "changes: %s", err.text);
	a->states_failed = failed;
	free(a->states);
	a->states = NULL;
}

void
agent_history_write(struct agent *a)
{
	if (agent_history_is_calm(&a->core))
		agent_history_flush(a);
}

void
agent_history_change(struct agent *a, const struct core_action *act)
{
	enum core_state	from = act->changed.from, to = act->changed.to;

	agent_history_note(a, act);
	if (to == CORE_STATE_DEMOTING)
		agent_history_reason(a, act);
	if (to == CORE_STATE_PROMOTING)
		a->resumed = from == CORE_STATE_STARTING &&
		    a->core.lock.epoch == a->core.config.resume_epoch;
	if (from == CORE_STATE_MASTER) {
		a->no_master_at = clock_ms();
		history_end(a->history);
	}
	if (to == CORE_STATE_MASTER && !a->resumed)
		agent_history_tell(a);
}

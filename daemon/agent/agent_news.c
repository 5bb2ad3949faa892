/* agent_news.c - news for an agent: about the lock, and about other nodes. */
#include "agent_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "candidates.h"
#include "core_lock.h"
#include "elector.h"
#include "heed.h"
#include "lock.h"
#include "log.h"
#include "namesake.h"
#include "registration.h"
#include "runfile.h"
#include "value.h"
#include "wall.h"

/*
 * The lock.
 */

/* What "promote" asks for is over with the lock that is given next. */
static void
agent_end_promote(const struct agent *a, const struct core_lock *lock)
{
	const struct core_lock	*old = &a->core.lock;

	/* Not who had it when we started. */
	if (lock->owner == CORE_LOCK_THEIRS &&
	    old->owner != CORE_LOCK_UNKNOWN && (old->owner != lock->owner ||
	    strcasecmp(old->node, lock->node) != 0) &&
	    runfile_end_promote(a->config))
		log_warning("%s has the lock, so \"promote\" no longer applies "
		    "to this copy: run it again if still needed", lock->node);
}

/* As with 127.0.0.1 in all configs, or in the master's: each copy would be told
 * to follow itself. */
static void
agent_compare_address(struct agent *a, const struct core_lock *lock)
{
	char	 text[sizeof a->address_trouble.text] = "";
	bool	 same = strcasecmp(lock->host, a->address) == 0 &&
		    lock->port == a->config->service_port;

	if (lock->owner != CORE_LOCK_THEIRS || a->node[0] == '\0')
		return;
	if (strcasecmp(lock->node, a->node) != 0 && (same ||
	    (value_is_loopback(lock->host) && !value_is_loopback(a->address))))
		snprintf(text, sizeof text, same ? "node %.100s has %.100s, "
		    "port %d, and so has this copy: a slave would follow "
		    "itself. Set [service] address on each node to one that "
		    "the other nodes can reach, and restart its agent" :
		    "node %.100s has %.100s, port %d, which every host has: "
		    "a slave would follow itself. Set [service] address there "
		    "to one that the other nodes can reach, and restart its "
		    "agent", lock->node, lock->host, lock->port);
	trouble_set(&a->address_trouble, text);
}

/* A master that was there when we started may have changed at any time. */
static bool
agent_knows_previous(const struct core *c)
{
	return c->epoch != 0 || c->lock.owner == CORE_LOCK_FREE ||
	    c->lock.missing;
}

static void
agent_lock_seen(const struct core_lock *lock, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_LOCK, .lock = lock };
	uint64_t		 epoch = a->core.epoch;
	bool			 known = agent_knows_previous(&a->core);

	agent_compare_address(a, lock);
	agent_end_promote(a, lock);
	agent_history_lock(a, lock);
	if (lock->owner != CORE_LOCK_FREE)
		trouble_set(&a->refusal, "");
	agent_event(a, &ev);
	if (known && a->core.epoch != epoch && core_lock_is_held(&a->core))
		a->counters.master_changed_wall_ms = wall_ms();
	if (lock->owner == CORE_LOCK_FREE)
		elector_stand_aside(a->elector);
}

static void
agent_lock_refused(bool usual, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_REFUSED,
				    .refused = { .held = usual } };

	log_debug("The lock was refused: %s", text);
	agent_event(arg, &ev);
}

static void
agent_session(bool yes, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_SESSION,
				    .session = { .exists = yes } };

	if (!yes) {
		log_warning("Our session in Consul is gone: %s", text);
		/* What ends a session may have ended our registration too. */
		registration_look(a->registration);
	} else if (strcmp(text, runfile_session(a->runfile)) != 0)
		/* Only news: the guard may have wiped what is old. */
		agent_remember(a, text, runfile_epoch(a->runfile));
	agent_event(a, &ev);
}

static void
agent_released(bool yes, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_RELEASED,
				    .released = { .known = yes } };

	if (!yes)
		log_warning("The lock could not be released, so the session is "
		    "destroyed: %s", text);
	agent_event(arg, &ev);
}

/* What was decided by the records of before a silence is decided anew. */
static void
agent_consul_answers(struct agent *a)
{
	struct core_event	ev = { .type = CORE_EV_ELECTION_VOID };

	candidates_refresh(a->candidates);
	if (!candidates_are_current(a->candidates) && a->core.elected_at >= 0)
		agent_event(a, &ev);
}

static void
agent_key_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	/* A Consul agent that comes back may have lost us. */
	if (text[0] == '\0' && a->key_trouble.text[0] != '\0')
		registration_look(a->registration);
	if (text[0] == '\0')
		agent_consul_answers(a);
	trouble_set(&a->key_trouble, text);
}

static void
agent_write_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->write_trouble, text);
}

static void
agent_session_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	if (text[0] == '\0')
		agent_consul_answers(a);
	trouble_set(&a->session_trouble, text);
}

const struct lock_events agent_news_lock = {
	.seen = agent_lock_seen,
	.refused = agent_lock_refused,
	.session = agent_session,
	.released = agent_released,
	.key_trouble = agent_key_trouble,
	.write_trouble = agent_write_trouble,
	.session_trouble = agent_session_trouble,
};

/*
 * Whom Consul hands out.
 */

static void
agent_heed_changed(void *arg)
{
	struct agent		*a = arg;
	char			 text[512];
	struct core_event	 ev = {
		.type = CORE_EV_YIELD,
		.yield = { .wanted = heed_yields(a->heed), .why = text },
	};

	agent_notice_heed(a, text, sizeof text);
	if (text[0] != '\0' && strcmp(text, a->heed_said) != 0)
		log_warning("%s", text);
	else if (text[0] == '\0' && a->heed_said[0] != '\0')
		log_info("Consul hands out this copy again");
	memcpy(a->heed_said, text, sizeof a->heed_said);
	agent_election_rank(a);
	agent_notice_set(a);
	agent_event(a, &ev);
}

static bool
agent_stands(const char *node, const char *service_id, void *arg)
{
	struct agent			*a = arg;
	const struct election_record	*records;
	char				 id[ELECTION_ID];
	size_t				 count, i;

	candidates_make_id(id, node, service_id);
	records = candidates_records(a->candidates, &count);
	for (i = 0; i < count; i++)
		if (records[i].alive && strcasecmp(records[i].id, id) == 0)
			return true;
	return false;
}

const struct heed_events agent_news_heed = {
	.changed = agent_heed_changed,
	.stands = agent_stands,
};

/*
 * The registration, and other agents that have its name.
 */

static void
agent_registered(const char *node, const char *address, void *arg)
{
	struct agent	*a = arg;

	snprintf(a->node, sizeof a->node, "%s", node);
	snprintf(a->address, sizeof a->address, "%s", address);
	agent_election_rank(a);
	heed_identify(a->heed, node);
	lock_identify(a->lock, node, address);
}

static void
agent_registration_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->registration_trouble, text);
}

static void
agent_barred(void *arg)
{
	struct agent	*a = arg;

	lock_bar(a->lock);
}

/* The copy of the other one may be this very copy: not both may go on. */
static void
agent_taken(const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = {
		.type = CORE_EV_STOP,
		.stop = { .why = "another agent has our service id" },
	};

	if (a->misnamed || a->stopping)
		return;
	log_error("This agent ends: %s", text);
	a->misnamed = true;
	agent_event(a, &ev);
}

const struct registration_events agent_news_registration = {
	.registered = agent_registered,
	.barred = agent_barred,
	.taken = agent_taken,
	.trouble = agent_registration_trouble,
};

static void
agent_namesake_found(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->namesake_trouble, text);
}

/* There is no other way to be sure that there are not two masters.  The next
 * start does not register while the other one is there. */
static void
agent_not_barred(const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_STOP,
				    .stop = { .why = text } };

	log_error("There may be another master of this service, so this one "
	    "ends: %s", text);
	a->misnamed = !a->stopping;
	agent_event(a, &ev);
}

const struct namesake_events agent_news_namesake = {
	.found = agent_namesake_found,
	.not_barred = agent_not_barred,
};

/* registration_round.c - one check of our registration. */
#include "registration_round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "log.h"
#include "namesake.h"
#include "registration_address.h"
#include "stranger.h"
#include "timer.h"

#define RETRY_FIRST	250	/* ms, doubled at each failure … */
#define RETRY_MAX	5000	/* … up to this */
#define TRIES		3	/* to see ourselves, where we need it not */
/* Who puts his own back as often as we do shall not make us do it for ever. */
#define REPAIRS		3	/* at once; then one an interval */
#define REPAIRS_FORGET	60000	/* ms */

static void	registration_register(struct registration *, bool);

static void
registration_done(struct registration *r)
{
	r->failures = 0;
	r->events->trouble("", r->arg);
	timer_in(r->timer, REGISTRATION_INTERVAL_MS);
	registration_watch_start(&r->watch);
	if (r->dirty)
		registration_round_next(r);
	else if (r->rests != NULL)
		r->rests(r->rests_arg);
}

static void
registration_failed(struct registration *r, const char *text)
{
	int64_t	pause = (int64_t)RETRY_FIRST <<
		    (r->failures < 8 ? r->failures : 8);

	r->failures++;
	if (r->left != NULL) {
		registration_round_next(r);
		return;
	}
	r->events->trouble(text, r->arg);
	timer_in(r->timer, pause < RETRY_MAX ? pause : RETRY_MAX);
}

/* Leaving cuts a round short: nothing may be registered any more. */
static bool
registration_is_over(struct registration *r)
{
	if (r->left != NULL)
		registration_round_next(r);
	return r->left != NULL;
}

/*
 * The same service in another case, or on this node the same id: Consul takes
 * them for one.  Whoever came later does not register.  Two that come at once
 * both look once more after they have registered, and then at least one of them
 * sees the other.
 */

static void
registration_refuse(struct registration *r, const struct consul_instance *in)
{
	char	text[512];

	snprintf(text, sizeof text, "this copy is not registered, so it "
	    "can't become master: the node \"%.100s\" has this service as "
	    "\"%.63s\", and we call it \"%s\": to Consul they are one, but "
	    "their locks are two. Give all copies the same [service] name; if "
	    "that one is gone for good, deregister it there: consul services "
	    "deregister -id=%.63s",
	    in->node, in->name, r->config->service_name, in->service_id);
	registration_failed(r, text);
}

static void
registration_withdrawn(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	(void)reply;
	r->request = NULL;
	if (!registration_is_over(r))
		registration_failed(r, r->why);
}

/* For the reason in r->why.  Of two that have come at once not both shall come
 * back at once. */
static void
registration_withdraw(struct registration *r)
{
	r->failures += rand() % 4;
	r->request = consul_deregister(r->consul, r->config->service_id,
	    registration_withdrawn, r);
}

static void
registration_other_id(struct registration *r, const char *id)
{
	char	text[512];

	snprintf(text, sizeof text, "this node has the service id \"%.63s\", "
	    "too, which Consul takes for our \"%s\": give them ids that differ "
	    "in more than case; if that one is gone for good: consul services "
	    "deregister -id=%.63s", id, r->config->service_id, id);
	registration_failed(r, text);
}

static void
registration_may(const struct consul_reply *reply, void *arg)
{
	struct registration		*r = arg;
	const struct consul_instance	*other = namesake_find(r->config,
					    reply);

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
	} else if (other != NULL) {
		registration_refuse(r, other);
	} else if (!r->placed && r->node[0] != '\0' &&
	    registration_misleads(r->config, r->node, reply, r->why,
	    sizeof r->why)) {
		registration_failed(r, r->why);
	} else {
		r->fresh = true;
		r->failures = 0;	/* those of before say nothing now */
		registration_register(r, true);
	}
}

static void
registration_nearly(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->id[0] != '\0')
		registration_other_id(r, reply->id + strlen("service:"));
	else
		r->request = consul_instances(r->consul,
		    r->config->service_name, registration_may, r);
}

/*
 * A round:  own_service -> own_check (our node) -> instances (our address)
 * with a register where something is missing or not as it should be; before it,
 * where all is missing, own_check and instances look for a namesake.
 */

/* Ours, or one that Consul takes for it. */
static const struct consul_instance *
registration_find(const struct registration *r, const struct consul_reply *reply)
{
	size_t	i;

	for (i = 0; i < reply->instance_count; i++)
		if (strcasecmp(reply->instances[i].node, r->node) == 0 &&
		    strcasecmp(reply->instances[i].service_id,
		    r->config->service_id) == 0)
			return &reply->instances[i];
	return NULL;
}

static void
registration_located(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;
	const char		*address = r->config->service_address;
	const struct consul_instance	*other = namesake_find(r->config,
					    reply);
	const struct consul_instance	*self = registration_find(r, reply);

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->filtered && !r->identified)
		log_warning("%s", REGISTRATION_FILTERED);
	/* An agent that starts again where it was is a master perhaps: namesake.c
	 * sees to that. */
	if (other != NULL && r->fresh) {
		snprintf(r->why, sizeof r->why, "deregistered again, because "
		    "the node \"%.100s\" has this service as \"%.63s\", and we "
		    "call it \"%s\": give all copies the same [service] name",
		    other->node, other->name, r->config->service_name);
		registration_withdraw(r);
		return;
	}
	if (address[0] == '\0' && self != NULL)
		address = self->address;
	/* A copy that was registered by us once has its place. */
	if (r->fresh && !r->placed && registration_misleads(r->config,
	    r->node, reply, r->why, sizeof r->why)) {
		registration_withdraw(r);
		return;
	}
	if (self != NULL && strcmp(self->service_id, r->config->service_id) != 0) {
		registration_other_id(r, self->service_id);
		return;
	}
	/* The agent brings us to the catalogue in a moment: not before may we
	 * say that nobody else is there.  Where our token may not see us that
	 * would be never. */
	if (address[0] == '\0' ||
	    (self == NULL && r->fresh && r->failures < TRIES)) {
		registration_failed(r, reply->outcome != CONSUL_OK ?
		    reply->text : "Consul's catalogue does not show our "
		    "service: if this stays, give the token node:read, or "
		    "set [service] address");
		return;
	}
	r->identified = r->placed = true;
	r->fresh = false;
	r->events->registered(r->node, address, r->arg);
	registration_done(r);
}

static void
registration_checked(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome == CONSUL_GONE && !r->registered) {
		registration_register(r, true);
	} else if (reply->outcome == CONSUL_GONE) {
		/* What a token may not read looks as if it were not there. */
		registration_failed(r, "we have registered, but Consul does "
		    "not show our check: give the token service:read for our "
		    "service and node:read for this node");
	} else if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
	} else if (r->outdated) {
		registration_register(r, false);
	} else if (r->identified) {
		registration_done(r);
	} else {
		snprintf(r->node, sizeof r->node, "%s", reply->node);
		r->request = consul_instances(r->consul,
		    r->config->service_name, registration_located, r);
	}
}

static void
registration_check(struct registration *r)
{
	r->request = consul_own_check(r->consul, r->config->service_id,
	    registration_checked, r);
}

static void
registration_registered(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
		return;
	}
	r->registered = true;
	r->outdated = false;
	registration_check(r);
}

static void
registration_register(struct registration *r, bool with_check)
{
	char				 tags[REGISTRATION_ENTRY_TAGS];
	struct consul_registration	 g;

	if (with_check && r->failures == 0)
		log_info("Registering service in Consul");
	registration_entry_describe(&r->entry, &g, tags);
	if (!with_check)
		g.kept_check = r->check;
	r->entry.told_at_ms = clock_ms();
	r->request = consul_register(r->consul, &g, registration_registered,
	    r);
}

/*
 * The registration of somebody else.  What he lacks, who has lost it by a fault
 * of ours, or what is dead, we put right; with an agent that lives we don't
 * fight.
 */

static void
registration_met(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (stranger_is_dead(reply, r->why)) {
		r->stranger_until_ms = 0;
		if (strcmp(r->entry.role, "?") == 0)
			r->entry.role[0] = '\0';
		registration_register(r, true);
		return;
	}
	r->failures = 1;	/* asked again soon, by the timer */
	registration_failed(r, r->why);
	if (r->left == NULL && clock_ms() >= r->stranger_until_ms)
		r->events->taken(r->why, r->arg);
}

static void
registration_stranger(struct registration *r, const struct consul_reply *reply)
{
	if (r->stranger_until_ms == 0) {
		r->stranger_until_ms = clock_ms() + stranger_patience_ms(reply);
		r->identified = false;
		r->events->barred(r->arg);
	}
	stranger_explain(reply, r->config, r->mark, r->why, sizeof r->why);
	r->request = consul_own_check(r->consul, r->config->service_id,
	    registration_met, r);
}

/* A file of Consul's, a hand, or a program that says not who it is. */
static bool
registration_may_repair(struct registration *r,
    const struct consul_reply *reply)
{
	char	text[512];
	int64_t	since = clock_ms() - r->repaired_at_ms;

	snprintf(text, sizeof text, "our registration was overwritten (found: "
	    "id \"%.63s\", name \"%.63s\", tags \"%.100s\", port %u): look "
	    "for this id in the Consul agent's config files, and for another "
	    "program that registers it", r->config->service_id, reply->name,
	    reply->tags, (unsigned)reply->port);
	if (since >= REPAIRS_FORGET)
		r->repairs = 0;
	if (r->repairs >= REPAIRS && since < REGISTRATION_INTERVAL_MS) {
		r->events->trouble(text, r->arg);
		timer_in(r->timer, REGISTRATION_INTERVAL_MS - since + 1);
		return false;
	}
	log_warning("Putting it back: %s", text);
	r->repairs++;
	r->repaired_at_ms = clock_ms();
	return true;
}

/*
 * What is registered already decides: nothing is written that is right.  Above
 * all the check: Consul forgets how often it may fail until it has polled it
 * once, so that a restarted agent's session would hang on one poll.
 */
static void
registration_looked(const struct consul_reply *reply, void *arg)
{
	struct registration	*r = arg;
	bool			 overwritten, same_check;

	r->request = NULL;
	if (registration_is_over(r))
		return;
	if (reply->outcome == CONSUL_GONE) {
		r->stranger_until_ms = 0;
		r->identified = false;
		if (strcmp(r->entry.role, "?") == 0)
			snprintf(r->entry.role, sizeof r->entry.role, "%s", "");
		r->request = consul_own_check(r->consul,
		    r->config->service_id, registration_nearly, r);
		return;
	}
	if (reply->outcome != CONSUL_OK) {
		registration_failed(r, reply->text);
		return;
	}
	if (stranger_wrote(reply, r->mark, r->check_url)) {
		registration_stranger(r, reply);
		return;
	}
	r->stranger_until_ms = 0;
	overwritten = r->identified && strcmp(reply->agent, r->mark) != 0;
	if (overwritten && !registration_may_repair(r, reply))
		return;
	registration_entry_take_role(&r->entry, reply);
	r->outdated = !registration_entry_is_right(&r->entry, reply,
	    &same_check);
	snprintf(r->check, sizeof r->check, "%s", reply->check);
	snprintf(r->entry.told, sizeof r->entry.told, "%s", reply->health);
	if (same_check)
		registration_check(r);
	else
		registration_register(r, true);
}

static void
registration_deregistered(bool ok, const char *text, void *arg)
{
	struct registration	*r = arg;

	if (!ok)
		log_warning("The service may still be registered in Consul "
		    "(%s); once it answers, run: consul services deregister "
		    "-id=%s", text, r->config->service_id);
	r->left(ok, r->left_arg);
}

static void
registration_deregister(struct registration *r)
{
	registration_watch_stop(&r->watch);
	/* It is not ours. */
	if (r->stranger_until_ms != 0) {
		r->left(true, r->left_arg);
		return;
	}
	r->deregistration = (struct deregistration){ .consul = r->consul,
	    .config = r->config, .check_url = r->check_url, .mark = r->mark,
	    .check = r->check, .done = registration_deregistered, .arg = r };
	deregistration_begin(&r->deregistration);
}

void
registration_round_next(struct registration *r)
{
	r->dirty = r->registered = r->outdated = false;
	event_del(r->timer);
	if (r->left != NULL)
		registration_deregister(r);
	else
		r->request = consul_own_service(r->consul,
		    r->config->service_id, registration_looked, r);
}

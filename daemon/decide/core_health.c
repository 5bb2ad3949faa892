/* core_health.c - the application's health, as its plugin reports it. */

#include "core_health.h"

#include <string.h>

#include "core_do.h"
#include "core_due.h"
#include "core_lock.h"
#include "text.h"

void
core_health_learn(struct core *c, const struct core_event *ev)
{
	if (ev->health.verdict != c->health)
		c->busy_since = c->now;
	c->health = ev->health.verdict;
	text_copy(c->health_text, sizeof c->health_text, ev->health.text);
}

void
core_health_pass_time(struct core *c)
{
	c->busy_too_long = c->health == CORE_HEALTH_BUSY &&
	    core_due(c, c->busy_since + c->config.busy_limit_ms);
}

bool
core_health_is_bad(const struct core *c)
{
	return c->health == CORE_HEALTH_BAD || c->busy_too_long;
}

/* While the lock is ours a bad verdict is held back until the copy is demoted
 * and the lock given back: Consul would end the session over it, and the
 * others would have to wait for the lock-delay. */
void
core_health_show(struct core *c)
{
	enum core_health	 h = core_health_is_bad(c) ?
				    CORE_HEALTH_BAD : c->health;
	struct core_action	*a;

	if (h == CORE_HEALTH_BAD && core_lock_is_ours(c) && !c->demotion.late &&
	    c->published != CORE_HEALTH_UNKNOWN &&
	    (c->state == CORE_STATE_PROMOTING ||
	    c->state == CORE_STATE_MASTER ||
	    c->state == CORE_STATE_DEMOTING))
		return;
	if (h == c->published &&
	    strcmp(c->published_text, c->health_text) == 0)
		return;
	c->published = h;
	text_copy(c->published_text, sizeof c->published_text, c->health_text);
	a = core_do(c, CORE_DO_PUBLISH);
	a->publish.health = h;
	text_copy(a->publish.text, sizeof a->publish.text, c->health_text);
}

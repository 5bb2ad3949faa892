/* lease.c - the dead man's switch. */

#include "lease.h"

void
lease_init(struct lease *l, int64_t restart_wait_ms, int64_t demote_deadline_ms)
{
	*l = (struct lease){
		.gone_at = -1,
		.restart_wait_ms = restart_wait_ms,
		.demote_deadline_ms = demote_deadline_ms,
	};
}

bool
lease_hold(struct lease *l, int64_t until, int64_t by)
{
	if (l->fired)
		return false;
	l->until = until;
	l->by = by;
	return true;
}

void
lease_end(struct lease *l)
{
	l->until = l->by = 0;
	l->fired = false;
}

void
lease_lose_agent(struct lease *l, int64_t now)
{
	l->gone_at = now;
}

int64_t
lease_wake(const struct lease *l)
{
	int64_t	given_up = l->gone_at < 0 ? INT64_MAX :
		    l->gone_at + l->restart_wait_ms;
	int64_t	lapsed = l->until == 0 ? INT64_MAX : l->until + LEASE_SLACK_MS;

	if (l->fired)
		return INT64_MAX;
	return given_up < lapsed ? given_up : lapsed;
}

int64_t
lease_fire_now(struct lease *l, int64_t now)
{
	int64_t	latest = l->by + LEASE_SLACK_MS;
	int64_t	deadline = now + l->demote_deadline_ms;

	l->fired = true;
	/* Later than that is late anyhow, as after a suspend: then the copy is
	 * demoted with all the time that it takes. */
	return now < latest && latest < deadline ? latest : deadline;
}

bool
lease_fire(struct lease *l, int64_t now, int64_t *deadline)
{
	if (l->fired || l->until == 0 || now < lease_wake(l))
		return false;
	*deadline = lease_fire_now(l, now);
	return true;
}

bool
lease_is_over(const struct lease *l, int64_t now)
{
	return l->until == 0 && now >= lease_wake(l);
}

/* guard_turn.c - one turn of the guard's loop. */
#include "guard_turn.h"

#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "core.h"
#include "guard_agent.h"
#include "guard_demote.h"
#include "guard_file.h"
#include "guard_leave.h"
#include "guard_state.h"
#include "guard_tell.h"
#include "lease.h"
#include "log.h"

int64_t
guard_turn_wake(const struct guard *g)
{
	switch (g->doing) {
	case WATCHING:
		return lease_wake(&g->lease);
	case DEMOTING:
		return g->calling || g->deadline_ms < g->call_at_ms ?
		    g->deadline_ms : g->call_at_ms;
	case DEMOTED:
	case FAILED:
	case LEAVING:
		return g->deadline_ms;
	case LEFT:
		break;
	}
	return INT64_MAX;
}

static void
guard_watch(struct guard *g, int64_t now)
{
	int64_t	deadline;

	if (lease_fire(&g->lease, now, &deadline))
		guard_demote_fire(g, deadline);
	else if (lease_is_over(&g->lease, now)) {
		log_warning("guard: no agent has come back: taking the copy "
		    "out of the service");
		guard_leave(g, "dropped");
	}
}

static void
guard_tick(struct guard *g)
{
	int64_t	now = clock_ms();

	if (now < guard_turn_wake(g))
		return;
	switch (g->doing) {
	case WATCHING:
		guard_watch(g, now);
		break;
	case DEMOTING:
		if (now >= g->deadline_ms)
			guard_demote_fail(g);
		else
			guard_demote_call(g);
		break;
	case DEMOTED:
		guard_leave(g, now >= g->clean_at_ms ? "released" : "dropped");
		break;
	case FAILED:
		/* An agent that lives tries by itself. */
		g->deadline_ms = now + TRY_PAUSE;
		if (!g->heard)
			guard_demote(g, now + g->lease.demote_deadline_ms);
		g->heard = false;
		break;
	case LEAVING:
		guard_leave_ended(g);
		break;
	case LEFT:
		break;
	}
}

static void
guard_children(struct guard *g)
{
	char	end[64];
	int	status;

	if (g->killed != -1 && child_reap(g->killed))
		g->killed = -1;
	if (g->fence != -1 && child_ended(g->fence, 0, &status)) {
		child_reap(g->fence);
		child_describe_end(end, sizeof end, status);
		log_warning("guard: on_fence_failure ended: %s", end);
		g->fence = -1;
	}
	if (g->left != -1 && child_ended(g->left, 0, &status)) {
		child_reap(g->left);
		g->left = -1;
		guard_leave_ended(g);
	}
}

/* All that is left to do is the next guard's.  As everywhere here _exit, because
 * what a library does at exit may hang, and the next guard waits for our end. */
static void
guard_hand_over(struct guard *g)
{
	if (!g->handing_over || g->doing == DEMOTING || g->doing == LEAVING)
		return;
	if (g->doing != FAILED && g->doing != WATCHING)
		lease_end(&g->lease);
	guard_file_save(g);
	log_debug("guard: another one takes over");
	_exit(EXIT_SUCCESS);
}

/* Nobody is left whom it could serve, and nothing that it could do. */
static void
guard_give_up(struct guard *g)
{
	if (g->doing == FAILED && !g->agent && !g->can_demote &&
	    g->left == -1 && g->fence == -1)
		_exit(EXIT_FAILURE);
}

void
guard_turn_begin(struct guard *g)
{
	guard_file_inherit(g);
	guard_file_save(g);
	guard_tell(g, CORE_GUARD_HOLDS, "");
}

void
guard_turn(struct guard *g, const struct guard_news *news)
{
	/* What the agent has said counts before what time says. */
	if (news->agent)
		guard_agent_read(g);
	if (news->handler >= 0 && news->handler == g->handler_channel)
		guard_demote_read(g);
	if (news->children)
		guard_children(g);
	guard_tick(g);
	guard_hand_over(g);
	guard_give_up(g);
}

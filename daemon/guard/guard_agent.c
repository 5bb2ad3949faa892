/* guard_agent.c - the agent's messages, and its end. */
#include "guard_agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "core.h"
#include "guard_demote.h"
#include "guard_file.h"
#include "guard_leave.h"
#include "guard_role.h"
#include "guard_state.h"
#include "guard_tell.h"
#include "image.h"
#include "lease.h"
#include "log.h"
#include "wire.h"

/* Not all of it: most of a wire is never used, nor needs to be in memory. */
static void
guard_keep(struct wire *to, const struct wire *w)
{
	memcpy(to->bytes, w->bytes, w->length);
	to->length = w->length;
	to->at = 0;
	to->broken = false;
}

/* False where that is not one whole SETUP of our version. */
static bool
guard_read_setup(struct guard *g)
{
	struct wire	*w = &g->setup;
	int64_t		 demote_deadline, restart_wait;
	bool		 json, debug;
	uint64_t	 words;

	if (wire_type(w) != WIRE_SETUP || strcmp(wire_string(w), VERSION) != 0)
		return false;
	g->service = wire_string(w);
	json = wire_number(w) != 0;
	debug = wire_number(w) != 0;
	g->path = wire_string(w);
	g->plugin = wire_string(w);
	g->can_demote = wire_number(w) != 0;
	demote_deadline = (int64_t)wire_number(w);
	restart_wait = (int64_t)wire_number(w);
	g->on_fence_failure = wire_string(w);
	words = wire_number(w);
	if (words > LEAVE_WORDS)
		return false;
	for (g->leave_words = 0; g->leave_words < words; g->leave_words++)
		g->leave[g->leave_words] = (char *)wire_string(w);
	if (!wire_end(w) || demote_deadline > NEVER || restart_wait > NEVER)
		return false;
	g->lease.demote_deadline_ms = demote_deadline;
	g->lease.restart_wait_ms = restart_wait;
	log_open(g->service, json ? LOG_JSON : LOG_PLAIN, debug);
	return true;
}

/* Programs and plugin as they were when the agent took them. */
static void
guard_take_files(struct guard *g, const int files[WIRE_FILES])
{
	int	i, fd;

	for (i = 0; i < WIRE_FILES; i++) {
		if (files[i] < 0 || (fd = image_move(files[i])) < 0)
			continue;
		if (g->files[i] > 0)
			close(g->files[i]);
		g->files[i] = fd;
	}
}

bool
guard_agent_set_up(struct guard *g)
{
	int	files[WIRE_FILES], got;

	lease_init(&g->lease, 0, 0);
	g->clean_at_ms = INT64_MAX;
	g->agent = true;
	g->role = g->role_fd = g->handler = g->handler_channel = -1;
	g->left = g->fence = g->killed = -1;
	got = wire_receive_files(CHANNEL, &g->setup, files, 0);
	if (got == 0)
		return false;
	if (got == 1) {
		guard_take_files(g, files);
		if (g->files[WIRE_LEAVE] > 0 && guard_read_setup(g) &&
		    wire_receive(CHANNEL, &g->start, 0) == 1 &&
		    wire_type(&g->start) == WIRE_START)
			return true;
	}
	log_error("guard: the agent's set-up can't be read: after an upgrade, "
	    "restart the agent");
	return false;
}

static void
guard_read_lease(struct guard *g, struct wire *w)
{
	int64_t		 until = (int64_t)wire_number(w);
	int64_t		 by = (int64_t)wire_number(w);
	int64_t		 clean_at = (int64_t)wire_number(w);
	uint64_t	 epoch = wire_number(w);
	const char	*node = wire_string(w);
	const char	*session = wire_string(w);
	bool		 now = wire_number(w) != 0;

	if (!wire_end(w) || until <= 0 || until > NEVER || by > NEVER)
		return;
	if (!lease_hold(&g->lease, until, by)) {
		guard_tell(g, CORE_GUARD_FIRED, "");
		return;
	}
	g->clean_at_ms = clean_at;
	g->epoch = epoch;
	/* An agent that has just been started may not know it yet. */
	if (node[0] != '\0')
		snprintf(g->node, sizeof g->node, "%s", node);
	snprintf(g->session, sizeof g->session, "%s", session);
	guard_file_save(g);
	guard_tell(g, CORE_GUARD_HOLDS, "");
	if (now && g->doing == WATCHING)
		guard_demote_fire(g, lease_fire_now(&g->lease, clock_ms()));
}

static void
guard_read_end(struct guard *g)
{
	if (g->doing == DEMOTING)
		guard_demote_bury(g);
	/* The agent is back, and does by itself what is left of it. */
	guard_leave_stop(g);
	g->doing = WATCHING;
	lease_end(&g->lease);
	guard_file_save(g);
}

static void
guard_read(struct guard *g, struct wire *w)
{
	g->heard = true;
	switch (wire_type(w)) {
	case WIRE_SETUP:
		guard_keep(&g->setup, w);
		if (!guard_read_setup(g))
			log_error("guard: the agent's set-up can't be read");
		break;
	case WIRE_START:
		guard_keep(&g->start, w);
		break;
	case WIRE_ROLE:
		guard_role_take(g, (pid_t)wire_number(w));
		break;
	case WIRE_LEASE:
		guard_read_lease(g, w);
		break;
	case WIRE_END:
		guard_read_end(g);
		break;
	case WIRE_BYE:
		lease_end(&g->lease);
		guard_file_save(g);
		_exit(EXIT_SUCCESS);
	default:
		log_error("guard: the agent's message can't be read");
	}
}

static void
guard_lose_agent(struct guard *g)
{
	int64_t	now = clock_ms();

	g->agent = g->heard = false;
	guard_role_stop(g);
	lease_lose_agent(&g->lease, now);
	if (g->doing == DEMOTED || g->doing == FAILED)
		g->deadline_ms = now;
	if (g->doing == LEFT) {
		lease_end(&g->lease);
		guard_file_save(g);
		_exit(EXIT_SUCCESS);
	}
	if (g->doing == WATCHING)
		log_warning("guard: the agent is gone; if none comes back "
		    "within %.1f s, %s",
		    lease_wake(&g->lease) <= now ? 0 :
		    (double)(lease_wake(&g->lease) - now) / 1000,
		    g->lease.until != 0 ? "the copy is demoted" :
		    "the copy is taken out of the service");
}

/* All of it: if we stood still, only the last lease counts. */
void
guard_agent_read(struct guard *g)
{
	int	got, files[WIRE_FILES];

	while ((got = wire_receive_files(CHANNEL, &g->in, files,
	    MSG_DONTWAIT)) == 1) {
		guard_take_files(g, files);
		guard_read(g, &g->in);
	}
	if (got == 0 || (errno != EAGAIN && errno != EMSGSIZE))
		guard_lose_agent(g);
}

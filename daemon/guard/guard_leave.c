/* guard_leave.c - leaving, for an agent that can't. */
#include "guard_leave.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "error.h"
#include "guard_file.h"
#include "guard_state.h"
#include "lease.h"
#include "log.h"
#include "wire.h"

void
guard_leave_stop(struct guard *g)
{
	if (g->left == -1)
		return;
	child_kill(g->left);
	g->killed = g->left;
	g->left = -1;
}

/* It dies with us: the next guard must find nobody at work.  The session is
 * named, so that it can't take the lock from a later one. */
void
guard_leave(struct guard *g, const char *as)
{
	struct error	err;
	char		us[32];

	guard_leave_stop(g);
	snprintf(us, sizeof us, "--guard=%ld", (long)getpid());
	g->leave[g->leave_words] = us;
	g->leave[g->leave_words + 1] = (char *)as;
	g->leave[g->leave_words + 2] = g->session[0] != '\0' ? g->session :
	    NULL;
	g->leave[g->leave_words + 3] = NULL;
	if (!child_spawn(&g->left, g->leave, CHILD_OURS, &(struct child_files){
	    .output = STDERR_FILENO, .program = g->files[WIRE_LEAVE] }, &err)) {
		log_error("guard: can't release the lock: %s", err.text);
		g->left = -1;
	}
	if (g->doing == FAILED)
		return;
	g->doing = LEAVING;
	g->deadline_ms = g->left == -1 ? 0 : clock_ms() + LEAVE_LIMIT;
	guard_file_save(g);
}

void
guard_leave_ended(struct guard *g)
{
	guard_leave_stop(g);
	if (g->doing != LEAVING)
		return;
	g->doing = LEFT;
	if (!g->agent) {
		lease_end(&g->lease);
		guard_file_save(g);
		_exit(EXIT_SUCCESS);
	}
}

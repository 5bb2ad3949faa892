/* guard_role.c - the agent's handler that makes the copy a master or slave. */
#include "guard_role.h"

#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "child.h"
#include "guard_state.h"

void
guard_role_take(struct guard *g, pid_t pid)
{
	if (g->role_fd >= 0)
		close(g->role_fd);
	g->role = pid;
	g->role_fd = pid > 1 ? pidfd_open(pid, 0) : -1;
}

/* Whatever the agent's own call is doing, and has started, ends here; but not
 * who has got its number after it. */
void
guard_role_stop(struct guard *g)
{
	bool	another = g->role_fd >= 0 && kill(g->role, 0) == 0 &&
		    pidfd_send_signal(g->role_fd, 0, NULL, 0) != 0;

	if (g->role > 1 && !another)
		child_kill(g->role);
	guard_role_take(g, -1);
}

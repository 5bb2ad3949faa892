/*
 * guard_main.c - the program consul-failover-guard: the dead man's switch.
 *
 * One runs beside each agent, and outlives it.  It knows nothing of Consul and
 * loads no plugin; what it needs is sent to it ahead of time.
 *
 *	agent			guard
 *	SETUP, START
 *				GUARD holds	once it has replaced the
 *						previous guard
 *	ROLE, LEASE, END ...
 *				GUARD holds, fired, demoted, failed ...
 *	BYE
 *
 * When the lease is over (lease.h) it runs ensure_demoted in a handler of its
 * own.  Unless an agent is there to do it better, it then releases the lock
 * by a run of `consul-failover leave`.
 *
 * RUN_DIR/SERVICE_ID.guard is locked as long as it lives and holds the lease,
 * so that the guard of the next agent can take over: that sends SIGUSR1, waits
 * until we have ended, and reads the file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "guard_agent.h"
#include "guard_file.h"
#include "guard_loop.h"
#include "guard_state.h"
#include "guard_turn.h"

int
main(int argc, char **argv)
{
	static struct guard	g;

	(void)argv;
	if (argc != 2) {
		fputs("consul-failover-guard is started by consul-failover\n",
		    stderr);
		return EXIT_FAILURE;
	}
	if (!guard_prepare(&g) || !guard_agent_set_up(&g) ||
	    !guard_file_take_over(&g))
		return EXIT_FAILURE;
	guard_turn_begin(&g);
	guard_run(&g);
}

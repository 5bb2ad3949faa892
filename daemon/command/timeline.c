/* timeline.c - what happens after a fault, and when, with this config. */
#include "timeline.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "lease.h"

static double
seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* Until a lock that is free is seen and asked for, which Consul allows some
 * milliseconds after its lock-delay. */
#define TAKEN	0.3

/* One line of what happens so many seconds after a fault. */
static void __attribute__((format(printf, 2, 3)))
at(double when, const char *fmt, ...)
{
	va_list	ap;

	printf("    %6.1f  ", when);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
print_agent_faults(const struct config *c, double F, double D, double L)
{
	double	W = seconds(c->restart_wait), S = seconds(LEASE_SLACK_MS);
	double	poll = seconds(c->check_interval * (c->check_failures - 1));
	/* Consul asks again an interval after the answer, or after none. */
	double	unheard = (double)c->check_failures *
		    seconds(c->check_interval + c->check_timeout);

	puts("  the agent is stopped (SIGTERM)");
	at(D, "the copy is demoted, the lock released; another node has it at "
	    "once");
	printf("  the agent is killed, and started again within %g s\n", W);
	at(0, "it continues: no demotion, no failover");
	puts("  the agent is killed, and not started again");
	at(W, "its guard demotes the copy");
	at(W + D, "demoted, the lock released; another node has it at once,");
	printf("            or after lock_delay, if Consul's check of /health "
	    "has failed by\n            then (after %g s or more)\n", poll);
	puts("  the agent is paused (SIGSTOP) or hangs");
	at(F + S, "its guard demotes the copy");
	at(F + S + D, "the copy is demoted");
	at(F + S + D + 1, "the lock is released: another node has it at once");
	at(unheard + L + TAKEN, "another node has the lock, if Consul has ended "
	    "the session\n            before that");
	puts("  the guard is killed");
	at(0, "the agent starts another one");
	puts("  agent and guard are killed together, and not started again");
	at(poll + L, "another node can have the lock.  THE COPY STAYS A MASTER");
	puts("  the Consul agent of this host is killed, and started again");
	at(D, "the copy is demoted when the agent finds its session gone, and");
	at(L + TAKEN, "after its start another node has the lock, if it was");
	puts("  ensure_demoted fails or hangs, or there is none");
	at(F + S + D, c->on_fence_failure[0] != '\0' ?
	    "on_fence_failure is run; the copy may still be a master" :
	    "the copy may still be a master; no on_fence_failure is given");
	at(L, "the earliest time that another node can have the lock");
}

static void
print_election(const struct config *c, const struct plugin_description *p)
{
	const uint32_t	compare = 1u << OPERATION_POSITION |
			    1u << OPERATION_HAS_POSITION;

	if (c->never_master)
		puts("\nThis copy never takes the lock ([election] never_master).");
	else if ((p->ops & compare) == compare)
		printf("\nBefore one takes the lock the candidates compare "
		    "their data: if it differs,\nthat can take %g s more (1.5 "
		    "x [election] wait), and %g s for each further copy\nthat "
		    "reports only then that it has more.  A new master that "
		    "lacks data of the\nprevious one waits up to %g s for it "
		    "([election] catch_up).\n", 1.5 * seconds(c->election_wait),
		    seconds(c->election_wait), seconds(c->catch_up));
}

void
timeline_print(const struct config *c, const struct plugin_description *p)
{
	bool	can_demote = (p->ops & 1u << OPERATION_ENSURE_DEMOTED) != 0;
	double	F = seconds(c->fuse), D = seconds(c->demote_deadline);
	double	L = seconds(c->lock_delay), P = seconds(c->verify_interval);
	double	To = seconds(c->request_timeout);
	double	I = seconds(c->health_interval);
	double	H = seconds(c->health_deadline);
	double	T = 2 * seconds(c->session_ttl);
	/* Measured: 5 to 7.5 s, as Consul's agents happen to ask each other. */
	double	dead = c->bind_node ? 8 : T;

	printf("\nSafety: fuse %g s + demote_deadline %g s + 1 s <= lock_delay "
	    "%g s.\nA master that Consul no longer confirms is demoted before "
	    "any other node can\nhave the lock.%s\n\nWhat happens, and when, at "
	    "the latest (seconds after the fault):\n\n", F, D, L,
	    can_demote ? "" : "  BUT THIS PLUGIN HAS NO ensure_demoted:\na "
	    "master that loses the lock takes writes until it has become a "
	    "slave.");
	puts("  the application fails");
	at(I, "noticed by the next health call (at once with watch_fd)");
	at(I + H, "noticed if the health call hangs");
	at(I + H + D, "demoted, the lock released; another node has it at "
	    "once");
	print_agent_faults(c, F, D, L);
	puts("  this host is cut off from Consul");
	at(F, "the last proof is too old: the demotion begins");
	at(F + D, "the copy is demoted");
	at(L, "the earliest time that another node can have the lock");
	at(dead + L + TAKEN, "another node has the lock");
	puts("  Consul has no leader");
	at(F + D, "the copy is demoted: no copy is master until it has one");
	puts("  the agent alone is cut off from Consul");
	at(F + D, "the copy is demoted");
	at(T + L + TAKEN, "the session has ended by its TTL; another node has the "
	    "lock");
	puts("  this host dies");
	at(dead, "Consul notices (%s)", c->bind_node ?
	    "serfHealth, usual settings" : "2 x session_ttl");
	at(dead + L + TAKEN, "another node has the lock");
	printf("\nA consistent read proves the lock every %g s; one may take "
	    "%g s, so %d can fail\nin a row before the fuse has burnt down.\n",
	    P, To, (int)((F - To) / (P > To ? P : To)));
	print_election(c, p);
}

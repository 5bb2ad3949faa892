/*
 * guard_main.c - the program consul-failover-guard: the dead man's switch.
 *
 * One stands beside each agent, and outlives it.  It knows nothing of Consul
 * and loads no plugin; what it needs it is told ahead of time.
 *
 *	agent			guard
 *	SETUP, START
 *				GUARD holds	once it is in the place of the
 *						guard before it
 *	ROLE, LEASE, END ...
 *				GUARD holds, fired, demoted, failed ...
 *	BYE
 *
 * When the lease is over (lease.h) it runs ensure_demoted in a handler of its
 * own.  If nobody is there who could do it better, it then gives the lock back
 * by a run of `consul-failover leave`.
 *
 * RUN_DIR/SERVICE_ID.guard is locked as long as it lives and holds the lease,
 * so that the guard of the next agent can take over: it sends SIGUSR1, waits
 * for our end, and reads the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "core.h"
#include "guard_agent.h"
#include "guard_demote.h"
#include "guard_file.h"
#include "guard_leave.h"
#include "guard_role.h"
#include "guard_state.h"
#include "guard_tell.h"
#include "lease.h"
#include "log.h"
#include "signals.h"
#include "wire.h"

/*
 * Time, and the loop.
 */

static int64_t
guard_wake(const struct guard *g)
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

	if (now < guard_wake(g))
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
		g->deadline_ms = now + TRY_AGAIN;
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

/* Absolute, so that it rings when a suspended machine wakes up. */
static void
guard_set_timer(struct guard *g)
{
	struct itimerspec	t = { 0 };
	int64_t			wake = guard_wake(g);

	if (wake != INT64_MAX) {
		t.it_value.tv_sec = wake / 1000;
		t.it_value.tv_nsec = wake % 1000 * 1000000 + 1;
	}
	timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void
guard_children(struct guard *g)
{
	char	end[64];
	int	status;

	if (g->killed != -1 && child_reap(g->killed))
		g->killed = -1;
	if (g->fence != -1 && waitpid(g->fence, &status, WNOHANG) > 0) {
		child_describe_end(end, sizeof end, status);
		log_warning("guard: on_fence_failure ended: %s", end);
		g->fence = -1;
	}
	if (g->left != -1 && waitpid(g->left, &status, WNOHANG) > 0) {
		g->left = -1;
		guard_leave_ended(g);
	}
}

/* Only another guard takes over; from anybody else, as a log rotation, it means
 * nothing, and the lease would be enforced by nobody. */
static bool
guard_is_asked_by(uint32_t pid)
{
	/* 0: one that we can't see from here. */
	return pid == 0 || child_is_called((pid_t)pid, CHILD_GUARD);
}

static void
guard_signal(struct guard *g)
{
	struct signalfd_siginfo	s;

	if (read(g->signals, &s, sizeof s) != sizeof s)
		return;
	if (s.ssi_signo == SIGUSR1)
		g->handing_over = g->handing_over ||
		    guard_is_asked_by(s.ssi_pid);
	else
		guard_children(g);
}

/* Nobody is left whom it could serve, and nothing that it could do. */
static void
guard_give_up(struct guard *g)
{
	if (g->doing == FAILED && !g->agent && !g->can_demote &&
	    g->left == -1 && g->fence == -1)
		_exit(EXIT_FAILURE);
}

static _Noreturn void
guard_run(struct guard *g)
{
	for (;;) {
		struct pollfd	p[] = {
			{ .fd = g->timer, .events = POLLIN },
			{ .fd = g->signals, .events = POLLIN },
			{ .fd = g->handler_channel, .events = POLLIN },
			{ .fd = g->agent ? CHANNEL : -1, .events = POLLIN },
		};

		guard_set_timer(g);
		/* Whatever poll says, time passes. */
		if (poll(p, sizeof p / sizeof p[0], -1) < 0)
			memset(p, 0, sizeof p);
		/* What the agent has said counts before what time says. */
		if (p[3].revents != 0)
			guard_agent_read(g);
		if (p[2].revents != 0 && g->handler_channel == p[2].fd)
			guard_demote_read(g);
		if (p[1].revents != 0)
			guard_signal(g);
		guard_tick(g);
		guard_file_hand_over(g);
		guard_give_up(g);
	}
}

/*
 * Start.
 */

static bool
guard_set_up(struct guard *g)
{
	sigset_t	signals;
	int		files[WIRE_FILES], got;

	/* The agent tells us when to go. */
	signals_for_the_agent(SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_NAME, CHILD_GUARD);
	prctl(PR_SET_DUMPABLE, 0);	/* the passwords of its handler */
	close(CHILD_PROGRAM);
	fcntl(CHANNEL, F_SETFD, FD_CLOEXEC);
	g->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	g->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	g->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (g->signals < 0 || g->timer < 0 || g->null < 0) {
		log_error("guard: can't start: %s", strerror(errno));
		return false;
	}
	lease_init(&g->lease, 0, 0);
	g->clean_at_ms = INT64_MAX;
	g->agent = true;
	g->role = g->role_fd = g->handler = g->handler_channel = -1;
	g->left = g->fence = g->killed = -1;
	got = wire_receive_files(CHANNEL, &g->setup, files, 0);
	if (got == 0)
		return false;		/* the agent says why it did not start */
	if (got == 1) {
		guard_agent_take_files(g, files);
		if (g->files[WIRE_LEAVE] > 0 && guard_agent_read_setup(g) &&
		    wire_receive(CHANNEL, &g->start, 0) == 1 &&
		    wire_type(&g->start) == WIRE_START)
			return true;
	}
	log_error("guard: the agent's set-up can't be read: after an upgrade, "
	    "restart the agent");
	return false;
}

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
	if (!guard_set_up(&g) || !guard_file_take_over(&g))
		return EXIT_FAILURE;
	guard_file_inherit(&g);
	guard_file_save(&g);
	guard_tell(&g, CORE_GUARD_HOLDS, "");
	guard_run(&g);
}

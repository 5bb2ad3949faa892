/* guard_loop.c - the guard's start as a process, and its loop. */
#include "guard_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "child.h"
#include "guard_state.h"
#include "guard_turn.h"
#include "log.h"
#include "signals.h"

bool
guard_prepare(struct guard *g)
{
	sigset_t	signals;

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
	return true;
}

/* Absolute, so that it rings when a suspended machine wakes up. */
static void
guard_set_timer(struct guard *g)
{
	struct itimerspec	t = { 0 };
	int64_t			wake = guard_turn_wake(g);

	if (wake != INT64_MAX) {
		t.it_value.tv_sec = wake / 1000;
		t.it_value.tv_nsec = wake % 1000 * 1000000 + 1;
	}
	timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &t, NULL);
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
guard_signal(struct guard *g, struct guard_news *news)
{
	struct signalfd_siginfo	s;

	if (read(g->signals, &s, sizeof s) != sizeof s)
		return;
	if (s.ssi_signo == SIGUSR1)
		g->handing_over = g->handing_over ||
		    guard_is_asked_by(s.ssi_pid);
	else
		news->children = true;
}

_Noreturn void
guard_run(struct guard *g)
{
	for (;;) {
		struct pollfd	p[] = {
			{ .fd = g->timer, .events = POLLIN },
			{ .fd = g->signals, .events = POLLIN },
			{ .fd = g->handler_channel, .events = POLLIN },
			{ .fd = g->agent ? CHANNEL : -1, .events = POLLIN },
		};
		struct guard_news	news = { 0 };

		guard_set_timer(g);
		/* Whatever poll says, time passes. */
		if (poll(p, sizeof p / sizeof p[0], -1) < 0)
			memset(p, 0, sizeof p);
		news.agent = p[3].revents != 0;
		news.handler = p[2].revents != 0 ? p[2].fd : -1;
		if (p[1].revents != 0)
			guard_signal(g, &news);
		guard_turn(g, &news);
	}
}

/* guard_file.c - the file that one guard hands to the next. */
#include "guard_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "guard_state.h"
#include "lease.h"
#include "log.h"

/* Milliseconds. */
#define HAND_OVER	500	/* a guard that is at nothing takes no time */

/* Padded to one size: see runfile_save. */
void
guard_file_save(struct guard *g)
{
	char	text[256];
	int	n;

	n = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64
	    " %" PRIu64 " %d %s %" PRId64, g->lease.until, g->lease.by,
	    g->clean_at_ms, g->epoch, g->doing == FAILED,
	    g->session[0] != '\0' ? g->session : "-",
	    g->doing == DEMOTING || g->doing == LEAVING ? g->deadline_ms : 0);
	memset(text + n, ' ', sizeof text - (size_t)n);
	text[sizeof text - 1] = '\n';
	if (pwrite(g->file, text, sizeof text, 0) != (ssize_t)sizeof text)
		log_error("guard: can't write %s: %s", g->path,
		    strerror(errno));
}

void
guard_file_inherit(struct guard *g)
{
	char		text[256], session[64];
	int64_t		until, by, clean_at;
	uint64_t	epoch;
	int		failed;
	ssize_t		n = pread(g->file, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64
	    " %d %63s", &until, &by, &clean_at, &epoch, &failed, session) != 6 ||
	    until <= 0 || until > NEVER || by > NEVER)
		return;
	g->clean_at_ms = clean_at;
	g->epoch = epoch;
	if (strcmp(session, "-") != 0)
		memcpy(g->session, session, sizeof session);
	lease_hold(&g->lease, until, by);
	if (failed == 0)
		return;
	/* What could be done has been done: the agent tries now. */
	g->lease.fired = g->heard = g->fenced = true;
	g->doing = FAILED;
	g->deadline_ms = clock_ms() + TRY_AGAIN;
}

/*
 * From one guard to the next.
 */

/* How long the guard before, who has the file, is at something that must not be
 * cut short; 0: it is not. */
static int64_t
guard_read_busy(const struct guard *g)
{
	char	text[256];
	int64_t	busy;
	ssize_t	n = pread(g->file, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%*d %*d %*d %*u %*d %*s %" SCNd64, &busy) == 1 ?
	    busy : 0;
}

/* Waits for the end of the guard before.  Nobody enforces its lease if it hangs:
 * so no longer than it has something to finish. */
static void
guard_await(struct guard *g, int pidfd, int64_t limit)
{
	struct pollfd	p = { .fd = pidfd, .events = POLLIN };
	int64_t		begun = clock_ms(), until = begun, now;

	do {
		if (poll(&p, 1, END_MOMENT) > 0)
			return;
		if (guard_read_busy(g) > until)
			until = guard_read_busy(g);
		now = clock_ms();
	} while (now < until + HAND_OVER && now < begun + limit);
	log_warning("guard: the previous guard does not end: killing it");
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	poll(&p, 1, 1000);
}

/* Asks the guard that has the file to go, and waits for its end.  False where
 * it can't be asked. */
static bool
guard_ask(struct guard *g, pid_t pid, int64_t limit)
{
	struct flock	l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int		pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return errno == ESRCH;
	/* Is that number still the one who has the file? */
	if (fcntl(g->file, F_GETLK, &l) == 0 && l.l_type == F_WRLCK &&
	    l.l_pid == pid) {
		pidfd_send_signal(pidfd, SIGUSR1, NULL, 0);
		pidfd_send_signal(pidfd, SIGCONT, NULL, 0);
		guard_await(g, pidfd, limit);
	}
	close(pidfd);
	return true;
}

/* While it waits, too: two agents may be killed one after the other. */
static bool
guard_is_orphan(void)
{
	struct pollfd	p = { .fd = CHANNEL };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0;
}

bool
guard_file_take_over(struct guard *g)
{
	int64_t		limit = g->lease.demote_deadline_ms + LEASE_SLACK_MS +
			    LEAVE_LIMIT;
	int64_t		until = clock_ms() + limit + 2000;
	struct stat	st;

	g->file = open(g->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (g->file < 0) {
		log_error("guard: can't open %s: %s", g->path, strerror(errno));
		return false;
	}
	if (fstat(g->file, &st) != 0 || st.st_uid != geteuid()) {
		log_error("guard: %s belongs to another user, who could lock "
		    "it: remove it", g->path);
		return false;
	}
	while (clock_ms() < until) {
		struct flock	l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		if (fcntl(g->file, F_SETLK, &l) == 0)
			return true;
		/* The one that has it may have a living agent. */
		if (guard_is_orphan())
			return false;
		if (fcntl(g->file, F_GETLK, &l) == 0 && l.l_type == F_WRLCK &&
		    !guard_ask(g, l.l_pid, limit))
			break;
		poll(NULL, 0, END_MOMENT);
	}
	log_error("guard: another guard holds %s, and does not release it: "
	    "look for a process cf-guard of this service", g->path);
	return false;
}

/* All that is left to do is the next guard's.  As everywhere here _exit, because
 * what a library does at exit may hang, and the next guard waits for our end. */
void
guard_file_hand_over(struct guard *g)
{
	if (!g->handing_over || g->doing == DEMOTING || g->doing == LEAVING)
		return;
	if (g->doing != FAILED && g->doing != WATCHING)
		lease_end(&g->lease);
	guard_file_save(g);
	log_debug("guard: another one takes over");
	_exit(EXIT_SUCCESS);
}

/* guard_file.c - the file that one guard hands to the next. */
#include "guard_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "guard_record.h"
#include "guard_state.h"
#include "log.h"

void
guard_file_save(struct guard *g)
{
	char	text[GUARD_RECORD];

	guard_record_print(g, text);
	if (pwrite(g->file, text, sizeof text, 0) != (ssize_t)sizeof text)
		log_error("guard: can't write %s: %s", g->path,
		    strerror(errno));
}

static void
guard_read_record(const struct guard *g, char text[GUARD_RECORD])
{
	ssize_t	n = pread(g->file, text, GUARD_RECORD - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

void
guard_file_inherit(struct guard *g)
{
	char	text[GUARD_RECORD];

	guard_read_record(g, text);
	guard_record_inherit(g, text);
}

/*
 * From one guard to the next.
 */

/* Waits for the end of the guard before.  Nobody enforces its lease if it hangs:
 * so no longer than it has something to finish.  While this machine is suspended
 * it finishes nothing, so what we have waited is counted by our own polls. */
static void
guard_await(struct guard *g, int pidfd)
{
	struct pollfd	p = { .fd = pidfd, .events = POLLIN };
	int64_t		until = clock_ms() + GUARD_HAND_OVER, waited = 0;
	char		text[GUARD_RECORD];

	do {
		if (poll(&p, 1, END_MOMENT) > 0)
			return;
		waited += END_MOMENT;
		guard_read_record(g, text);
		until = guard_record_wait_ms(text, until);
	} while (clock_ms() < until && waited < guard_record_limit_ms(g));
	log_warning("guard: the previous guard does not end: killing it");
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	poll(&p, 1, 1000);
}

/* Asks the guard that has the file to go, and waits for its end.  False where
 * it can't be asked. */
static bool
guard_ask(struct guard *g, pid_t pid)
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
		guard_await(g, pidfd);
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
	int64_t		until = clock_ms() + guard_record_limit_ms(g) + 2000;
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
		    !guard_ask(g, l.l_pid))
			break;
		poll(NULL, 0, END_MOMENT);
	}
	log_error("guard: another guard holds %s, and does not release it: "
	    "look for a process cf-guard of this service", g->path);
	return false;
}

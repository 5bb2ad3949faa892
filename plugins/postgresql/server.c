/* server.c - the server as its host sees it: its state, stop and start. */

#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data.h"
#include "file.h"
#include "mark.h"
#include "process.h"
#include "program.h"
#include "settings.h"
#include "unit.h"

#define PAUSE		10	/* ms between two looks while it stops */
#define START_TIME	"60"	/* s that pg_ctl waits for a start */
#define SENDERS_TIME	5000	/* ms for a slave that takes no WAL */
#define CHECKPOINT_TIME	60000	/* ms for the last checkpoint before that */
#define CONTROL_PAUSE	500	/* ms between two looks whether it is done */

/*
 * What it is.
 */

static enum server_kind
kind_of(struct failover *f, const struct pid_file *p, const struct control *c)
{
	char		 path[PATH_MAX];
	struct stat	 s;
	enum mark mark = mark_get(f);

	if (p->stopping)
		return SERVER_STOPPING;
	if (mark != MARK_STANDBY || strcmp(c->state, "in production") == 0)
		return SERVER_PRIMARY;
	if (strcmp(c->state, "in archive recovery") == 0)
		return SERVER_STANDBY;
	/* Whoever starts looks for standby.signal before it opens. */
	data_path(f, "standby.signal", path);
	return stat(path, &s) == 0 && s.st_mtime < p->started ?
	    SERVER_STANDBY : SERVER_STARTING;
}

void
server_look(struct failover *f, struct server *s)
{
	struct pid_file	 p;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;	/* jobs that a call did not wait for */
	*s = (struct server){ .kind = SERVER_NONE };
	p = process_read_pid_file(f);
	s->postmaster = p.postmaster;
	if (data_version(f) != 0)
		control_read(f, &s->control);
	if (p.postmaster != 0)
		s->kind = kind_of(f, &p, &s->control);
	else if (process_signal(f, 0, NULL) != 0)
		s->kind = SERVER_ORPHANED;
	else if (data_version(f) != 0)
		s->kind = SERVER_STOPPED;
}

/*
 * Stopping.
 */

/* Waits until it is gone or, if clean is enough, until its control file says
 * that all is written: then it only waits for slaves to take the rest. */
static bool
wait_stop(struct failover *f, bool clean, int64_t left)
{
	struct control	 c;
	struct pid_file	 p;

	for (;;) {
		p = process_read_pid_file(f);
		/* Orphans never end in good order. */
		if (p.postmaster == 0 && process_signal(f, SIGKILL, NULL) == 0)
			return true;
		if (clean && p.stopping && control_read(f, &c) && c.clean)
			return true;
		if (f->time_left(f) <= left)
			return false;
		pause_ms(PAUSE);
	}
}

static bool
is_closed(struct failover *f)
{
	struct pid_file	 p = process_read_pid_file(f);
	struct control	 c;

	return p.stopping && control_read(f, &c) && c.closed;
}

static void
ask_to_stop(struct failover *f)
{
	const char	*command = f->option(f, "stop_command");
	struct pid_file	 p = process_read_pid_file(f);
	bool		 late;

	if (*command) {
		/* One that fails may not stop later what will have been
		 * started again. */
		if (program_shell(command, f->time_left(f) / 4, &late))
			return;
		f->log(f, FAILOVER_WARNING, "stop_command %s: stopping the "
		    "server directly: %s", late ? "takes too long" : "failed",
		    command);
	}
	/* What pg_ctl -m fast does. */
	process_end(f, p.postmaster, SIGINT);
}

bool
server_stop(struct failover *f, bool closed)
{
	int64_t		 all = f->time_left(f);
	struct pid_file	 p;

	ask_to_stop(f);
	if (wait_stop(f, closed, all / 2))
		return true;
	/* Nobody writes any more: it had better end its checkpoint. */
	if (closed && is_closed(f)) {
		wait_stop(f, closed, all / 4);
		return true;
	}
	f->log(f, FAILOVER_WARNING, "the server does not stop properly within "
	    "%.1f s: stopping it at once", (double)all / 2000);
	p = process_read_pid_file(f);
	process_end(f, p.postmaster, SIGQUIT);
	if (wait_stop(f, closed, all / 4))
		return true;
	f->log(f, FAILOVER_WARNING, "the server does not stop: killing it");
	process_signal(f, SIGKILL, NULL);
	return wait_stop(f, false, all / 20);
}

/*
 * Starting.
 */

/* A slave that hangs must not keep us from serving as one.  Before the last
 * checkpoint is done nobody knows how far this copy has got. */
static void
wait_gone(struct failover *f, pid_t old)
{
	struct control	 c = { 0 };
	int		 waited, limit = CHECKPOINT_TIME;

	for (waited = 0; process_owns(f, old); waited += PAUSE) {
		if (!c.clean && waited % CONTROL_PAUSE == 0 &&
		    control_read(f, &c) && c.clean && waited < limit)
			limit = waited + SENDERS_TIME;
		if (waited == limit)
			process_end(f, old, SIGQUIT);
		if (waited == limit + SENDERS_TIME)
			process_end(f, old, SIGKILL);
		pause_ms(PAUSE);
	}
	while (process_read_pid_file(f).postmaster == 0 &&
	    process_signal(f, SIGKILL, NULL) > 0)
		pause_ms(PAUSE);
}

/* A unit may protect its processes from the OOM killer, but the server's own
 * ones, which eat the memory, shall be found: the postmaster writes 0 there. */
static void
keep_score(void)
{
	static const char	 score[] = "/proc/self/oom_score_adj";
	char			 text[16];

	if (file_begin(score, text, sizeof(text)) > 0 && atoi(text) < 0)
		setenv("PG_OOM_ADJUST_FILE", score, 0);
}

bool
server_start(struct failover *f, pid_t old, int log)
{
	const char	*command = f->option(f, "start_command");
	const char	*file = f->option(f, "config_file");
	const char	*shell[] = { "/bin/sh", "-c", command, NULL };
	char		 program[PATH_MAX], options[PATH_MAX + 1024];
	const char	*pg_ctl[] = { program, "start", "-D", data_folder(f),
			    "-s", "-w", "-t", START_TIME, "-o", options, NULL };
	int		 at = 0;

	wait_gone(f, old);
	unit_wait(f);
	if (process_read_pid_file(f).postmaster != 0)
		return true;	/* somebody was faster */
	if (mark_get(f) != MARK_STANDBY)
		return false;
	if (mark_torn(f)) {
		dprintf(log, "error: pg_rewind of %s has not finished: it is "
		    "not started\n", data_folder(f));
		return false;
	}
	process_clear(f);
	if (*command && !settings_write(f)) {
		dprintf(log, "error: can't write %s/postgresql.auto.conf: it "
		    "is not started\n", data_folder(f));
		return false;
	}
	if (*command && program_run(shell, log) == 0)
		return true;
	/* It may not be allowed to, and a server that is down helps nobody. */
	if (*command) {
		dprintf(log, "error: start_command failed: %s: pg_ctl starts "
		    "it\n", command);
		if (process_postmaster(f) != 0)
			return true;
	}
	data_program(f, "pg_ctl", program);
	keep_score();
	if (*file)
		at = snprintf(options, sizeof(options), "-c config_file='%s'",
		    file);
	settings_words(f, options + at, sizeof(options) - (size_t)at);
	return program_run(pg_ctl, log) == 0;
}

/* agent_signals.c - the signals that an agent handles. */
#include "agent_private.h"

#include <signal.h>

#include "clock.h"
#include "log.h"
#include "must.h"
#include "notify.h"

/* Two signals in less are one wish to stop. */
#define TWICE		500	/* ms */

static void
agent_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_STOP };

	(void)what;
	/* A wrapper may signal us and our group: that is once. */
	if (a->stopping && clock_ms() - a->stopping_at < TWICE)
		return;
	if (a->stopping) {
		log_warning("Second signal to stop: stopping at once. The "
		    "guard continues: it demotes the copy if it is a master, "
		    "and releases the lock");
		a->in_good_order = false;
		event_base_loopbreak(a->base);
		return;
	}
	a->stopping = true;
	a->stopping_at = clock_ms();
	ev.stop.why = sig == SIGINT ? "SIGINT" : sig == SIGQUIT ? "SIGQUIT" :
	    "SIGTERM";
	agent_event(a, &ev);
}

static void
agent_reload_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent	*a = arg;

	(void)sig;
	(void)what;
	if (a->stopping)
		return;
	notify_reloading();
	a->reload(a->reload_arg);
	notify_send("READY=1");
}

/* Meant to make us open a log file again, or to show what it does. */
static void
agent_other_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	log_info("%s does nothing here: SIGHUP reads the config again; the log "
	    "is standard error, so its reader must rotate it",
	    sig == SIGUSR1 ? "SIGUSR1" : "SIGUSR2");
}

bool
agent_signals_start(struct agent *a)
{
	static const struct {
		int			 number;
		event_callback_fn	 cb;
	}			 heard[AGENT_SIGNALS] = {
		{ SIGTERM, agent_stop_signal }, { SIGINT, agent_stop_signal },
		{ SIGQUIT, agent_stop_signal }, { SIGHUP, agent_reload_signal },
		{ SIGUSR1, agent_other_signal }, { SIGUSR2, agent_other_signal },
	};
	sigset_t		 held;
	size_t			 i;

	for (i = 0; i < AGENT_SIGNALS; i++) {
		a->signals[i] = must(evsignal_new(a->base, heard[i].number,
		    heard[i].cb, a));
		if (event_add(a->signals[i], NULL) != 0)
			return false;
	}
	/* One that came while we started: see command.c. */
	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	return sigprocmask(SIG_UNBLOCK, &held, NULL) == 0;
}

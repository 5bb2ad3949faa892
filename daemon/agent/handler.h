/*
 * handler.h - a child process that runs the plugin, seen from the daemon.
 *
 * A handler runs one call at a time.  It is started with the first call, and
 * again when it was lost: at once the first time, after growing pauses if it is
 * lost repeatedly, but never after a pause before ensure_demoted.
 */
#ifndef HANDLER_H
#define HANDLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "config.h"
#include "description.h"
#include "error.h"
#include "operation.h"
#include "wire.h"

enum handler_result {
	HANDLER_DONE,		/* the first three: enum failover_result */
	HANDLER_FAILED,
	HANDLER_AGAIN,
	HANDLER_TIMEOUT,	/* no answer before its deadline; killed */
	HANDLER_LOST,		/* the handler died, or broke the protocol */
};

const char	*handler_result_name(enum handler_result);

struct handler;

struct handler_call {
	enum operation	 op;
	int64_t		 timeout_ms;
	struct wire_call what;		/* copied; op and deadline are ours */
};

/* Runs once, from the loop, never before handler_call has returned.  Text is
 * the plugin's sentence (for position: the position), or what happened to the
 * handler; borrowed. */
typedef void (*handler_cb)(enum handler_result, const char *text, void *arg);
/* The plugin's watch_fd became readable: ask health now. */
typedef void (*handler_watch_cb)(void *arg);

/* Name is for the log and the process title: "health" or "role".  Config and
 * description are borrowed while the handler lives. */
struct handler	*handler_new(struct event_base *, const char *name,
		    const struct config *, const struct plugin_description *,
		    handler_watch_cb, void *arg);
/* NULL is fine.  An idle handler whose plugin has plugin_stop gets 500 ms to
 * end normally, and the loop is blocked for that time.  All others are
 * killed. */
void		 handler_free(struct handler *);

/* False if a call is running already (cb will not run). */
bool		 handler_call(struct handler *, const struct handler_call *,
		    handler_cb, void *arg) CHECKED;
/* Kills the handler's process group if a call is running; cb never runs. */
void		 handler_cancel(struct handler *);
/* The config (the same struct) or the plugin has changed: the next call gets a
 * new process. */
void		 handler_reload(struct handler *,
		    const struct plugin_description *);
/* Reports the process that runs the calls when one is started, and -1 before
 * its number can be used again. */
void		 handler_watch_process(struct handler *,
		    void (*)(pid_t, void *arg), void *arg);
/* The first message to a new handler process: WIRE_START. */
void		 handler_put_start(struct wire *, const struct config *,
		    const struct plugin_description *, bool watch);
bool		 handler_busy(const struct handler *);
pid_t		 handler_pid(const struct handler *);	/* -1: none runs */

#endif

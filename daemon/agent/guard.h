/*
 * guard.h - the process that demotes the copy if we don't, seen from the daemon.
 *
 * It holds a lease (lease.h), and reports in core.h's words.  If it dies it is
 * started again, and the current lease is sent to it.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "config.h"
#include "core.h"
#include "error.h"
#include "handler.h"

struct guard;

/* From the loop; text is borrowed. */
typedef void (*guard_cb)(enum core_guard, int64_t until_ms, const char *text,
		    void *arg);

/* Starts its process, which does nothing yet: it is loaded while we do other
 * things.  leave is the command that it runs when it had to demote the copy of
 * an agent that is gone (NULL at its end).  All is borrowed. */
bool	guard_new(struct guard **, struct event_base *, const struct config *,
	    const struct plugin_description *, char *const leave[], guard_cb,
	    void *arg, struct error *) CHECKED;
/* Sets it up, and waits until it has replaced one that an earlier agent has
 * left: a moment, or until that has finished a demotion.  inherited_ms is the
 * end of the lease that it has from there; 0 for none. */
bool	guard_start(struct guard *, int64_t *inherited_ms, struct error *)
	    CHECKED;

/* The parts of that, for a caller with its own wait: sets it up, and reads its
 * first message, which comes within GUARD_START_LIMIT_MS + demote_deadline. */
#define GUARD_START_LIMIT_MS	20000	/* beside a demotion */
bool	guard_set_up(struct guard *, struct error *) CHECKED;
bool	guard_stands(struct guard *, int64_t *inherited_ms, struct error *)
	    CHECKED;
/* If in_good_order, the guard ends with us.  Otherwise it finds us gone,
 * waits for another agent, and demotes the copy if it was a master.  NULL is
 * fine. */
void	guard_free(struct guard *, bool in_good_order);

/* See core_types.h's CORE_DO_LEASE.  Node and session are copied. */
void	guard_lease(struct guard *, int64_t until_ms, int64_t by_ms,
	    int64_t clean_at_ms, uint64_t epoch, const char *node,
	    const char *session, bool now);
void	guard_end(struct guard *);
/* The process that runs ensure_master and the like; -1: none. */
void	guard_role(struct guard *, pid_t);
/* The config (the same struct) or the plugin has changed. */
void	guard_reload(struct guard *, const struct plugin_description *);

pid_t	guard_pid(const struct guard *);	/* -1: none runs now */

#endif

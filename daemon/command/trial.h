/*
 * trial.h - a plugin under test.  The calls go through handlers, as the agent's
 * do, so a crash or a hang is detected and does not end the test.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <consul-failover/plugin.h>
#include <event2/event.h>

#include "config.h"
#include "description.h"
#include "handler.h"
#include "secrets.h"
#include "trace.h"

enum trial_verdict { TRIAL_OK, TRIAL_FAILED, TRIAL_SKIPPED, TRIAL_VERDICTS };

struct trial_terms {
	bool		 may_change;	/* make the copy master and slave */
	bool		 may_kill;	/* let a demotion run out of time */
	const char	*probe;		/* exits 0 if writable; or NULL */
	const char	*master_host;	/* for ensure_slave; NULL: none */
	uint16_t	 master_port;
	uint64_t	 epoch;
};

struct trial {
	const struct plugin_description	*plugin;
	const struct config		*config;	/* or NULL */
	const struct trial_terms	*terms;

	struct event_base	*base;
	struct event		*alarm;
	struct handler		*health, *role;
	unsigned		 is;		/* enum failover_role */
	bool			 demoted;	/* and nothing was done since */
	enum operation		 made;		/* the last ensure_ call */
	bool			 of_role;	/* which handler to examine */
	bool			 watched;

	/* The last call, and its answer. */
	enum operation		 op;
	bool			 answered;
	enum handler_result	 result;
	char			 text[FAILOVER_POSITION];
	int64_t			 took_ms;

	/* Findings so far. */
	bool			 healthy;
	char			 before[FAILOVER_POSITION];	/* a position */
	char			 mute[64];	/* a call without a sentence */
	struct secrets		 secrets;

	char			 sentence[2048];	/* of this check */
	unsigned		 counts[TRIAL_VERDICTS];
};

/* Only with a config: without one nothing can be called. */
void	trial_begin(struct trial *);
void	trial_end(struct trial *);

/* Sets the verdict, with its sentence. */
enum trial_verdict	trial_says(struct trial *, enum trial_verdict,
			    const char *fmt, ...)
			    __attribute__((format(printf, 3, 4)));
#define trial_ok(t, ...)	trial_says(t, TRIAL_OK, __VA_ARGS__)
#define trial_failed(t, ...)	trial_says(t, TRIAL_FAILED, __VA_ARGS__)
#define trial_skipped(t, ...)	trial_says(t, TRIAL_SKIPPED, __VA_ARGS__)
/* The last answer was not the expected one: gives the reason, and what to
 * do. */
enum trial_verdict	trial_not_done(struct trial *, const char *when);

/* A function that runs a command counts as missing if no command is configured:
 * the plugin exec exports it in any case. */
bool	trial_has(const struct trial *, enum operation);

/* Waits for an event, for ms at most. */
void	trial_wait(struct trial *, int64_t ms);

/* Starts the call, and returns its handler. */
struct handler		*trial_call(struct trial *, enum operation,
			    const char *text, int64_t ms);
enum handler_result	 trial_ask_within(struct trial *, enum operation,
			    const char *text, int64_t ms);
enum handler_result	 trial_ask(struct trial *, enum operation,
			    const char *text);
/* Calls health until the copy has settled into its role. */
enum handler_result	 trial_ask_health(struct trial *);
enum trial_verdict	 trial_ask_position(struct trial *,
			    char text[FAILOVER_POSITION]);
/* What the calls have left behind in a handler; false, with a verdict, if that
 * is unknown. */
bool			 trial_look(struct trial *, bool of_role,
			    struct trace *now);

/* Repeats the call after "again", for that time in all; took is the total
 * time. */
enum handler_result	 trial_ensure_within(struct trial *, enum operation,
			    int64_t one, int64_t ms);
enum handler_result	 trial_ensure(struct trial *, enum operation);

#endif

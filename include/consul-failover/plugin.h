/*
 * consul-failover/plugin.h - write a plugin for consul-failover.
 *
 * A plugin teaches consul-failover one application: how to see whether the
 * copy on this host is healthy, how to make it the master, and how to make it
 * a slave of another host.  It is a shared object that exports three plain C
 * functions and one description.  This is a whole one:
 *
 *	#include <consul-failover/plugin.h>
 *	#include <unistd.h>
 *
 *	static const struct failover_option options[] = {
 *		{ "flag", FAILOVER_STRING, "/var/tmp/in_service",
 *		    "the copy is healthy while this file exists" },
 *		{ 0 }
 *	};
 *
 *	FAILOVER_PLUGIN("flag", "1.0", "a file says who is healthy", options);
 *
 *	enum failover_result
 *	health(struct failover *f)
 *	{
 *		const char	*flag = f->option(f, "flag");
 *
 *		if (access(flag, F_OK) != 0)
 *			return f->say(f, FAILOVER_FAILED, "no %s", flag);
 *		return f->say(f, FAILOVER_DONE, "%s exists", flag);
 *	}
 *
 *	enum failover_result
 *	ensure_master(struct failover *f)
 *	{
 *		return f->say(f, FAILOVER_DONE, "master, epoch %llu",
 *		    (unsigned long long)f->epoch);
 *	}
 *
 *	enum failover_result
 *	ensure_slave(struct failover *f, const char *master_host)
 *	{
 *		return f->say(f, FAILOVER_DONE, "slave of %s", master_host);
 *	}
 *
 * Build it, try it by hand, run it:
 *
 *	cc -shared -fPIC $(pkg-config --cflags consul-failover) \
 *	    -o flag.so flag.c
 *	consul-failover plugin info ./flag.so
 *	consul-failover plugin call -c flag.ini health
 *	consul-failover agent -c flag.ini
 *
 * How a plugin is run
 *
 * The plugin is loaded into two child processes of the agent, called
 * handlers: one asks health, the other makes masters and slaves, so that a
 * long ensure_slave does not silence health.  In a handler one call runs at a
 * time.  A call may block; past its deadline the handler is killed with its
 * whole process group and started anew.  A plugin that crashes, exits, hangs or
 * leaks costs that one call, never the lock in Consul: so a plugin must keep
 * nothing between two calls that it could not find out again.
 *
 * Everything that a handler starts dies with it, unless it calls setsid(2).
 * Standard input is /dev/null; what is written to standard output or standard
 * error goes to the agent's log.  A handler holds no socket and no token of
 * Consul.
 *
 * What the calls promise
 *
 * All ensure_ calls are idempotent: they are made when something has changed
 * and again every [plugin] role_interval, so they must be cheap when there is
 * nothing to do, and must repair what somebody else has changed.
 */
#ifndef CONSUL_FAILOVER_PLUGIN_H
#define CONSUL_FAILOVER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Raised when something here changes its meaning; a plugin built for another
 * number is refused, with both numbers named.  New fields and new optional
 * functions do not raise it: structs only grow at the end.
 */
#define FAILOVER_PLUGIN_ABI	1
#define FAILOVER_PLUGIN_MAGIC	0x434f4e46u	/* "CONF": this is ours */

/*
 * What a call can answer.  Anything else is taken as FAILOVER_FAILED.
 */
enum failover_result {
	FAILOVER_DONE	= 0,	/* health: fit to serve; ensure_: it is so */
	FAILOVER_FAILED	= 1,	/* health: not fit; ensure_: could not */
	FAILOVER_AGAIN	= 2,	/* under way, ask again: a catch-up, a restart.
				 * From health: alive and busy, so neither a
				 * candidate nor failed over, for at most
				 * [plugin] busy_limit */
};

enum failover_role {
	FAILOVER_NO_ROLE,	/* nothing was ensured yet, or it is demoted */
	FAILOVER_MASTER,
	FAILOVER_SLAVE,
};

enum failover_level {
	FAILOVER_DEBUG,		/* dropped, unless [log] debug = yes */
	FAILOVER_INFO,
	FAILOVER_WARNING,
	FAILOVER_ERROR,
};

/*
 * One call, seen from the plugin.  The struct and every string in it belong to
 * the handler and are valid until the call returns; data is the plugin's own
 * and survives from call to call, within one handler process.
 */
struct failover {
	uint32_t	 size;		/* sizeof, of the agent's build */
	uint16_t	 port;		/* the application's, [service] port */
	uint16_t	 master_port;	/* ensure_slave: the master's; health and
					 * position: with master_host; else 0 */
	uint64_t	 epoch;		/* grows with every new master of the
					 * service; 0 where none is known.  Fit
					 * as a fencing token. */
	int64_t		 deadline;	/* CLOCK_BOOTTIME in milliseconds; the
					 * handler is killed when it passes */
	const char	*service;	/* name in Consul */
	const char	*node;		/* this Consul node; "" if not known */
	const char	*reason;	/* why this call is made, for people */
	void		*data;		/* the plugin's own; NULL at first */

	/* The value of a declared option, or its default; NULL if it has
	 * neither.  An option that was not declared gives NULL. */
	const char	*(*option)(const struct failover *, const char *name);

	/* The same for FAILOVER_INTEGER, FAILOVER_BOOLEAN (0 or 1) and
	 * FAILOVER_DURATION (milliseconds); 0 where option gives NULL. */
	int64_t		 (*number)(const struct failover *, const char *name);

	/* Milliseconds until the deadline; 0 when it has passed.  Give it to
	 * connect, read and query time-outs. */
	int64_t		 (*time_left)(const struct failover *);

	/* Sets the one sentence that /health, the log and status show, and
	 * returns result, so that a call can end with "return f->say(...)".
	 * Cut at FAILOVER_SENTENCE bytes, and at the first new line. */
	enum failover_result (*say)(struct failover *, enum failover_result,
			    const char *fmt, ...)
#if defined(__GNUC__)
			    __attribute__((format(printf, 3, 4)))
#endif
			    ;

	/* Writes one line to the agent's log.  Say what changed, not what is:
	 * calls are made again and again.  Past 50 lines in 10 s, lines are
	 * counted and dropped. */
	void		 (*log)(struct failover *, enum failover_level,
			    const char *fmt, ...)
#if defined(__GNUC__)
			    __attribute__((format(printf, 3, 4)))
#endif
			    ;

	/* What this copy was last made and said done to, so that health can
	 * tell a master that has become read-only, or a slave of nobody, from
	 * a copy that nobody has told anything yet. */
	enum failover_role role;
	/* The service's master just now, another one than this copy; "" while
	 * there is none, or it is this copy.  ensure_slave has it as its
	 * argument, too. */
	const char	*master_host;
	/* ensure_master: the master before this copy; "" where none is known.
	 * It may be gone, or still be up and demoted. */
	const char	*previous_host;
	uint16_t	 previous_port;
	/* ensure_master: the position that the master before left with the lock
	 * after it had been demoted.  All of it must be applied before the
	 * first write is accepted; answer FAILOVER_AGAIN until it is.  ""
	 * where it left none. */
	const char	*target;

	/* ensure_master: [election] catch_up is over.  Go on with what is here:
	 * don't wait for what the master before has, nor fetch it. */
	uint32_t	 enough;

	/* Reads a password: the first line of the file that this option names,
	 * "" where the option is not given.  FAILOVER_FAILED, with the sentence
	 * set, where the file can't be read, is longer than size, or can be
	 * read by everybody.  Never put it into a sentence or a log line. */
	enum failover_result (*secret)(struct failover *, const char *option,
			    char *text, size_t size);
};

#define FAILOVER_SENTENCE	512	/* bytes, with the final NUL */
#define FAILOVER_POSITION	4096	/* bytes, with the final NUL */

/*
 * Options are keys of the section [options] of the agent's config.  They are
 * checked against this table before the plugin is started: an unknown key, a
 * bad value, or a missing required option is refused with file and line.
 */
enum failover_option_type {
	FAILOVER_STRING,
	FAILOVER_INTEGER,	/* decimal, 64 bits */
	FAILOVER_BOOLEAN,	/* yes, no, true, false, on, off, 1, 0 */
	FAILOVER_DURATION,	/* 500ms, 2s, 1m, 1h */
	FAILOVER_REQUIRED = 0x100	/* or-ed to a type: must be given */
};

struct failover_option {
	const char	*name;		/* NULL ends the table */
	int		 type;		/* enum failover_option_type */
	const char	*fallback;	/* the default as text; NULL: none */
	const char	*meaning;	/* one line, for people */
};

struct failover_plugin_info {
	uint32_t			 magic;	/* FAILOVER_PLUGIN_MAGIC */
	uint32_t			 abi;	/* FAILOVER_PLUGIN_ABI */
	uint32_t			 size;	/* sizeof, in the plugin */
	uint32_t			 reserved;	/* 0 */
	const char			*name;
	const char			*version;
	const char			*summary;	/* one line */
	const struct failover_option	*options;	/* NULL: none */
};

#if defined(__GNUC__)
#define FAILOVER_EXPORT	__attribute__((visibility("default")))
#else
#define FAILOVER_EXPORT
#endif

/* Every plugin has exactly one of these, at file level. */
#define FAILOVER_PLUGIN(name, version, summary, options)		\
	FAILOVER_EXPORT extern const struct failover_plugin_info	\
	    plugin_info;						\
	const struct failover_plugin_info plugin_info = {		\
		FAILOVER_PLUGIN_MAGIC, FAILOVER_PLUGIN_ABI,		\
		sizeof(struct failover_plugin_info), 0,			\
		(name), (version), (summary), (options)			\
	}

FAILOVER_EXPORT extern const struct failover_plugin_info plugin_info;

/*
 * The three functions that every plugin exports.
 */

/* Is the copy on this host fit to serve?  Reads only, and is quick: it is
 * asked every [plugin] health_interval and must answer within
 * [plugin] health_deadline. */
FAILOVER_EXPORT enum failover_result	health(struct failover *);

/* Make it the master; do nothing if it is.  Answer FAILOVER_DONE only when it
 * takes writes: the tag "master" is set after that. */
FAILOVER_EXPORT enum failover_result	ensure_master(struct failover *);

/* Make it a slave of master_host:f->master_port; do nothing if it is.  The
 * host is an address or a name as the master registered it in Consul. */
FAILOVER_EXPORT enum failover_result	ensure_slave(struct failover *,
					    const char *master_host);

/*
 * The functions that a plugin may export.  A missing one means that the
 * application does not have the feature.
 */

/* Stop being the master at once, although no new master is known: read-only,
 * stopped, cut off.  FAILOVER_DONE promises that no write is accepted from now
 * on, which is also true of an application that does not run.  It is called
 * before the lock is given back and whenever it may have been lost; without it
 * a master that loses the lock takes writes until ensure_slave has run.  It
 * has [plugin] demote_deadline, for everything: plan the escalation. */
FAILOVER_EXPORT enum failover_result	ensure_demoted(struct failover *);

/* How far has this copy got?  Writes a text that only the plugin understands,
 * of at most size bytes with its NUL. */
FAILOVER_EXPORT enum failover_result	position(struct failover *,
					    char *text, size_t size);

/* Does this copy have all that this other copy's position names?
 * FAILOVER_DONE: yes; FAILOVER_FAILED: no; FAILOVER_AGAIN: can't be told. */
FAILOVER_EXPORT enum failover_result	has_position(struct failover *,
					    const char *text);

/* How much of another copy's position does this one lack, in a unit that the
 * plugin's manual names (transactions, bytes)?  0: nothing; -1: can't be told.
 * [election] max_behind is compared with it. */
FAILOVER_EXPORT int64_t			behind(struct failover *,
					    const char *text);

/* A descriptor that becomes readable when the application may have died or
 * come back, so that health is asked at once; -1 for none.  Asked for again
 * after every health call, in its deadline; health reads away what is readable,
 * or is asked ten times a second.  Stays the plugin's. */
FAILOVER_EXPORT int			watch_fd(struct failover *);

/* Once in each handler process, before its first call and within that call's
 * deadline; what it does not answer with FAILOVER_DONE fails that call, and it
 * is called again before the next one. */
FAILOVER_EXPORT enum failover_result	plugin_start(struct failover *);

/* Once, when a handler ends in good order.  Not called when it is killed. */
FAILOVER_EXPORT void			plugin_stop(struct failover *);

#ifdef __cplusplus
}
#endif

#endif

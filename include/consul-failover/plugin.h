/*
 * consul-failover/plugin.h - write a plugin for consul-failover.
 *
 * A plugin teaches consul-failover one application: how to check whether the
 * copy on this host is healthy, how to make it the master, and how to make it
 * a slave of another host.  It is a shared object that exports three plain C
 * functions and one description.  This is a whole plugin:
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
 *	FAILOVER_PLUGIN("flag", "1.0", "healthy while a file exists", options);
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
 * handlers: one calls health, the other changes the role, so that a long
 * ensure_slave does not block health.  A handler runs one call at a time.
 * A call may block; past its deadline the handler is killed with its whole
 * process group and started again.  A plugin that crashes, exits, hangs or
 * leaks loses that one call, never the lock in Consul.  So a plugin must keep
 * nothing in memory between two calls that it can't find out again.
 *
 * Everything that a handler starts dies with it, unless it calls setsid(2).
 * Standard input is /dev/null; output to standard output or standard error
 * goes to the agent's log.  A handler holds no socket and no token of Consul.
 *
 * What the calls promise
 *
 * All ensure_ calls are idempotent: they are made when something has changed
 * and again every [plugin] role_interval.  So they must be cheap if there is
 * nothing to do, and must undo changes by others.
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
 * number is rejected, and both numbers are logged.  New fields and new optional
 * functions do not raise it: structs only grow at the end.  Additions are
 * marked "since ABI 1.x", where x is the FAILOVER_PLUGIN_MINOR that has them.
 */
#define FAILOVER_PLUGIN_ABI	1
#define FAILOVER_PLUGIN_MINOR	1
#define FAILOVER_PLUGIN_MAGIC	0x434f4e46u	/* "CONF": this is ours */

/*
 * Does struct failover have this field?  Needed only if the plugin must also
 * run with an older consul-failover; fields that it does not have read as 0 or
 * NULL.
 *
 *	if (FAILOVER_HAS(f, address) && f->address[0] != '\0')
 */
#define FAILOVER_HAS(f, field)						\
	((f)->size >= offsetof(struct failover, field) +		\
	    sizeof((f)->field))

/*
 * What a call can return.  Anything else counts as FAILOVER_FAILED.
 */
enum failover_result {
	FAILOVER_DONE	= 0,	/* health: fit to serve; ensure_: role taken */
	FAILOVER_FAILED	= 1,	/* health: not fit; ensure_: failed */
	FAILOVER_AGAIN	= 2,	/* in progress, call again: a catch-up, a
				 * restart.  From health: alive but busy.  Such
				 * a copy is not a candidate, but a master stays
				 * master, for at most [plugin] busy_limit */
};

enum failover_role {
	FAILOVER_NO_ROLE,	/* no role given yet, or demoted */
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
					 * service; 0 if none is known.  Usable
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
	 * FAILOVER_DURATION (milliseconds); 0 if option gives NULL. */
	int64_t		 (*number)(const struct failover *, const char *name);

	/* Milliseconds until the deadline; 0 when it has passed.  Use it for
	 * connect, read and query time-outs. */
	int64_t		 (*time_left)(const struct failover *);

	/* Sets the one sentence that /health, the log and status show, and
	 * returns result, so that a call can end with "return f->say(...)".
	 * Cut at FAILOVER_SENTENCE bytes, and at the first newline. */
	enum failover_result (*say)(struct failover *, enum failover_result,
			    const char *fmt, ...)
#if defined(__GNUC__)
			    __attribute__((format(printf, 3, 4)))
#endif
			    ;

	/* Writes one line to the agent's log.  Log changes, not states, because
	 * calls are repeated.  Beyond 50 lines in 10 s, lines are counted and
	 * dropped. */
	void		 (*log)(struct failover *, enum failover_level,
			    const char *fmt, ...)
#if defined(__GNUC__)
			    __attribute__((format(printf, 3, 4)))
#endif
			    ;

	/* The last role that this copy took successfully.  Lets health
	 * distinguish a master that became read-only, or a slave without a
	 * master, from a copy that has not been given a role yet. */
	enum failover_role role;
	/* The service's current master, if it is another copy; "" if there is
	 * none, or it is this copy.  ensure_slave also gets it as its
	 * argument. */
	const char	*master_host;
	/* ensure_master: the previous master; "" if none is known.  It may be
	 * gone, or still be running and demoted. */
	const char	*previous_host;
	uint16_t	 previous_port;
	/* ensure_master: the position that the previous master left with the
	 * lock after it had been demoted; "" if it left none.  Everything up to
	 * it must be applied before the first write is accepted; return
	 * FAILOVER_AGAIN until it is. */
	const char	*target;

	/* ensure_master: [election] catch_up is over.  Continue with the data
	 * that is here: neither wait for the previous master nor fetch from
	 * it. */
	uint32_t	 enough;

	/* Reads a password: the first line of the file that this option names,
	 * "" if the option is not given.  FAILOVER_FAILED, with the sentence
	 * set, if the file can't be read, is longer than size, or can be read
	 * by every user.  In ensure_demoted it then returns the content from
	 * when the agent was started, for a FAILOVER_SECRET or an option with a
	 * name like password_file.  Never put a password into a sentence or a
	 * log line. */
	enum failover_result (*secret)(struct failover *, const char *option,
			    char *text, size_t size);

	/* health and ensure_master: the operator has run "consul-failover
	 * promote" for this copy, and no other one holds the lock.  This once,
	 * a problem in memory must not prevent the promotion. */
	uint32_t	 promote;

	/* The text last given to remember, "" for none; it survives restarts of
	 * the handler, the agent, the application and the machine.  For a
	 * permanent refusal by the master: health returns FAILOVER_FAILED with
	 * it, and ensure_master fails, until the copy has streamed again, or
	 * promote is set.  Not read again for ensure_demoted, which must not
	 * wait for a disk. */
	const char	*memory;

	/* Keeps text, a line of at most FAILOVER_SENTENCE bytes with its NUL;
	 * "" clears it.  Writes only if it differs from memory, which has the
	 * new text at once.  FAILOVER_FAILED, with the sentence set, if it
	 * can't be kept. */
	enum failover_result (*remember)(struct failover *, const char *text);

	/* Since ABI 1.1: this copy's own address, as the other copies get it:
	 * [service] address, or else that of the Consul node; "" while it is
	 * not known, and in a call of the guard. */
	const char	*address;

	/* Since ABI 1.1: say and log with a plain text, for languages that
	 * can't call a function with "...". */
	enum failover_result (*say_text)(struct failover *,
			    enum failover_result, const char *text);
	void		 (*log_text)(struct failover *, enum failover_level,
			    const char *text);
};

#define FAILOVER_SENTENCE	512	/* bytes, with the final NUL */
#define FAILOVER_POSITION	4096	/* bytes, with the final NUL */

/*
 * Options are keys of the section [options] of the agent's config.  They are
 * checked against this table before the plugin is started: an unknown key, a
 * bad value, or a missing required option is rejected with file and line.
 */
enum failover_option_type {
	FAILOVER_STRING,
	FAILOVER_INTEGER,	/* decimal, 64 bits */
	FAILOVER_BOOLEAN,	/* yes, no, true, false, on, off, 1, 0 */
	FAILOVER_DURATION,	/* 500ms, 2s, 1m, 1h */
	FAILOVER_SECRET,	/* since ABI 1.1: a file whose first line is for
				 * f->secret; kept for a demotion, whatever the
				 * option's name */
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
	/* Since ABI 1.1: so that each side knows the fields of the other. */
	uint32_t			 failover_size;	/* in the plugin */
	uint32_t			 option_size;
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
		(name), (version), (summary), (options),		\
		sizeof(struct failover), sizeof(struct failover_option)	\
	}

FAILOVER_EXPORT extern const struct failover_plugin_info plugin_info;

/*
 * The three functions that every plugin exports.  If the compiler declares
 * exported functions itself, as Go's does, define FAILOVER_NO_FUNCTIONS.
 */
#ifndef FAILOVER_NO_FUNCTIONS

/* Is the copy on this host fit to serve?  Reads only, and is quick: it is
 * called every [plugin] health_interval and must return within
 * [plugin] health_deadline. */
FAILOVER_EXPORT enum failover_result	health(struct failover *);

/* Make it the master; do nothing if it is.  Return FAILOVER_DONE only when it
 * accepts writes: the tag "master" is set after that. */
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
 * on, which is also true if the application does not run.  It is called before
 * the lock is released and whenever it may have been lost; without it a master
 * that loses the lock accepts writes until ensure_slave has run.  It has
 * [plugin] demote_deadline, for everything: plan the escalation. */
FAILOVER_EXPORT enum failover_result	ensure_demoted(struct failover *);

/* Writes the copy's position, which shows how much of the data it has: a text
 * that only the plugin understands, of at most size bytes with its NUL. */
FAILOVER_EXPORT enum failover_result	position(struct failover *,
					    char *text, size_t size);

/* Does this copy have everything up to another copy's position?
 * FAILOVER_DONE: yes; FAILOVER_FAILED: no; FAILOVER_AGAIN: unknown.  It may
 * also answer no if both have the same data, but this copy would take much
 * longer to serve it, according to the position: then the other one becomes
 * the master. */
FAILOVER_EXPORT enum failover_result	has_position(struct failover *,
					    const char *text);

/* How much data up to another copy's position does this one lack, in a unit
 * that the plugin's manual names (transactions, bytes)?  0: none; -1: unknown.
 * The agent compares it with [election] max_behind. */
FAILOVER_EXPORT int64_t			behind(struct failover *,
					    const char *text);

/* A descriptor that becomes readable when the application may have died or
 * come back, so that health is called at once; -1 for none.  Called after every
 * health call, within its deadline; health must read the pending data, or it is
 * called ten times a second.  The plugin still owns the descriptor. */
FAILOVER_EXPORT int			watch_fd(struct failover *);

/* Called once in each handler process, before its first call and within that
 * call's deadline; any result other than FAILOVER_DONE fails that call, and
 * plugin_start is called again before the next one.  "consul-failover check"
 * calls it as well, on a host whose application need not run: check options and
 * files here, and fail if something would make ensure_demoted fail. */
FAILOVER_EXPORT enum failover_result	plugin_start(struct failover *);

/* Called once, when a handler ends normally.  Not called when it is killed, or
 * replaced because its memory or its descriptors have grown. */
FAILOVER_EXPORT void			plugin_stop(struct failover *);

#endif	/* FAILOVER_NO_FUNCTIONS */

/*
 * The functions in struct failover as plain ones, since ABI 1.1, for languages
 * that can't call a function by a pointer (Go).
 */

static inline const char *
failover_option(const struct failover *f, const char *name)
{
	return f->option(f, name);
}

static inline int64_t
failover_number(const struct failover *f, const char *name)
{
	return f->number(f, name);
}

static inline int64_t
failover_time_left(const struct failover *f)
{
	return f->time_left(f);
}

static inline enum failover_result
failover_say(struct failover *f, enum failover_result result, const char *text)
{
	return f->say_text(f, result, text);
}

static inline void
failover_log(struct failover *f, enum failover_level level, const char *text)
{
	f->log_text(f, level, text);
}

static inline enum failover_result
failover_secret(struct failover *f, const char *option, char *text, size_t size)
{
	return f->secret(f, option, text, size);
}

static inline enum failover_result
failover_remember(struct failover *f, const char *text)
{
	return f->remember(f, text);
}

#ifdef __cplusplus
}
#endif

#endif

/*
 * core_types.h - the core's events, actions and state; its users include
 * core.h.
 *
 * All moments are milliseconds of one clock that never steps (clock_ms);
 * durations in milliseconds are called …_ms.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORE_TEXT	512
#define CORE_NAME	256
#define CORE_TAG	16

enum core_state {
	CORE_STATE_STARTING,	/* nothing is known yet */
	CORE_STATE_UNHEALTHY,	/* the application is not fit to serve */
	CORE_STATE_DISABLED,	/* the operator's disable file is there */
	CORE_STATE_CANDIDATE,	/* fit; no node is known to hold the lock */
	CORE_STATE_PROMOTING,	/* we hold it; the copy is promoted */
	CORE_STATE_MASTER,
	CORE_STATE_DEMOTING,	/* the copy stops being master */
	CORE_STATE_SLAVE,	/* another node has the lock */
	CORE_STATE_FENCED,	/* demoted, because Consul proves nothing */
	CORE_STATE_STOPPING,	/* not a master any more; the agent ends */
	CORE_STATES
};

enum core_health {
	CORE_HEALTH_UNKNOWN,
	CORE_HEALTH_OK,
	CORE_HEALTH_BUSY,
	CORE_HEALTH_BAD,
};

enum core_op {
	CORE_OP_NONE,
	CORE_OP_ENSURE_MASTER,
	CORE_OP_ENSURE_SLAVE,
	CORE_OP_ENSURE_DEMOTED,
	CORE_OP_POSITION,	/* the position, after the demotion */
};

enum core_result {
	CORE_RESULT_DONE,
	CORE_RESULT_FAILED,
	CORE_RESULT_AGAIN,
};

/* Messages of the guard, which demotes the copy if we don't (lease.h). */
enum core_guard {
	CORE_GUARD_GONE,	/* none runs at the moment */
	CORE_GUARD_HOLDS,	/* the lease that ends at `until` */
	CORE_GUARD_FIRED,	/* the lease has ended: it demotes now */
	CORE_GUARD_DEMOTED,	/* it has demoted the copy */
	CORE_GUARD_FAILED,	/* it could not demote the copy */
};

enum core_owner {
	CORE_LOCK_UNKNOWN,
	CORE_LOCK_FREE,
	CORE_LOCK_OURS,
	CORE_LOCK_THEIRS,
};

/* The lock key, as shown by one read (or by our own acquire). */
struct core_lock {
	enum core_owner	 owner;
	bool		 proof;		/* a consistent read, or the acquire:
					 * the lock was ours at `at` */
	int64_t		 at;		/* when the request was sent */
	uint64_t	 epoch;		/* the key's ModifyIndex: see lock.h */
	bool		 clean;		/* free: its holder released it
					 * properly, or no node can have held
					 * it */
	bool		 missing;	/* unknown: there is no key; we ask
					 * whether a node can have held it, as
					 * soon as our node is known */
	bool		 made;		/* ours: it was missing, and Consul can
					 * check that, but not that no node has
					 * held it since it was read */
	char		 node[CORE_NAME];	/* theirs: the holder */
	char		 host[CORE_NAME];	/* its application's address */
	uint16_t	 port;
};

enum core_event_type {
	CORE_EV_TICK,		/* time has passed */
	CORE_EV_HEALTH,		/* health: the plugin's verdict */
	CORE_EV_LOCK,		/* lock */
	CORE_EV_REFUSED,	/* refused: our acquire was */
	CORE_EV_SESSION,	/* session */
	CORE_EV_CALL_DONE,	/* call */
	CORE_EV_ELECTED,	/* elected */
	CORE_EV_ELECTION_VOID,	/* its result is no longer valid */
	CORE_EV_RELEASED,	/* released: by us */
	CORE_EV_GUARD,		/* guard: a message of it */
	CORE_EV_DISABLED,	/* disabled: the file is there, or gone */
	CORE_EV_YIELD,		/* yield: release the lock */
	CORE_EV_STOP,		/* stop */
};

/* Its pointers are borrowed: the core keeps copies. */
struct core_event {
	enum core_event_type	 type;
	union {
		struct {
			enum core_health	 verdict;
			const char		*text;
		} health;
		const struct core_lock	*lock;
		struct {
			/* The reason: it is held, or delayed; false: another
			 * one. */
			bool	 held;
		} refused;
		struct {
			bool	 exists;	/* ours; false: it is gone */
		} session;
		struct {
			uint32_t		 number;	/* the call's */
			enum core_result	 result;
			const char		*text;
		} call;
		struct {
			/* This copy should take the lock; false: it must not,
			 * for now. */
			bool	 take;
		} elected;
		struct {
			/* The lock is released; false: that is unknown. */
			bool	 known;
		} released;
		struct {
			enum core_guard	 what;
			int64_t		 until;	/* end of the guard's lease */
			const char	*text;	/* about a demotion */
		} guard;
		struct {
			bool		 exists;
			const char	*file;
		} disabled;
		struct {
			/* Of a master, to another fit copy. */
			bool		 wanted;
			const char	*why;
		} yield;
		struct {
			const char	*why;
		} stop;
	};
};

enum core_action_type {
	CORE_DO_WANT_SESSION,	/* session: create or destroy */
	CORE_DO_ELECT,		/* elect */
	CORE_DO_ACQUIRE,	/* acquire */
	CORE_DO_LOOK,		/* read the key now */
	CORE_DO_RELEASE,	/* release: the lock */
	CORE_DO_CALL,		/* call: the plugin */
	CORE_DO_CANCEL,		/* kill the call that is under way */
	CORE_DO_LEASE,		/* lease: for the guard, see lease.h */
	CORE_DO_END_LEASE,	/* the copy is not a master any more */
	CORE_DO_SET_TAG,	/* tag */
	CORE_DO_PUBLISH,	/* publish: what /health answers */
	CORE_DO_REMEMBER,	/* remember: for the next run */
	CORE_DO_CHANGED,	/* changed: log and show it */
	CORE_DO_SAY,		/* say: log it, as an error */
	CORE_DO_LEAVE,		/* leave: destroy the session, end */
};

/* It has no pointers, so copies may be kept. */
struct core_action {
	enum core_action_type	 type;
	union {
		struct {
			/* Create one; false: destroy it.  A destroyed session
			 * leaves the lock to the lock-delay. */
			bool		 wanted;
		} session;
		struct {
			/* Decide whether this copy takes the free lock; false:
			 * end that. */
			bool		 begin;
		} elect;
		struct {
			/* The free lock that this decision is for; no other may
			 * be taken. */
			uint64_t	 epoch;
		} acquire;
		struct {
			bool		 clean;	/* no copy is a master: known */
			bool		 with_position;	/* if there is one */
		} release;
		struct {
			uint32_t	 number;
			enum core_op	 op;
			uint64_t	 epoch;	/* of the last holder seen */
			int64_t		 timeout_ms;	/* the call's limit */
			/* ensure_master: it must not begin from then on,
			 * because the guard may already have demoted the copy
			 * (0 for other calls). */
			int64_t		 not_after;
			/* ensure_master: it need no longer wait for the
			 * previous master's data. */
			bool		 enough;
			/* position: the copy has been the master, so no other
			 * has more data. */
			bool		 was_master;
			/* ensure_slave: of this master. */
			uint16_t	 port;
			char		 host[CORE_NAME];
			char		 reason[CORE_TEXT];
		} call;
		struct {
			/* How long the copy may be a master without a message
			 * from us; and when it must then be demoted. */
			int64_t		 until, by;
			/* Until then another copy may be a master that has not
			 * noticed; INT64_MAX: always. */
			int64_t		 clean_at;
			uint64_t	 epoch;	/* of the last holder seen */
			/* The guard must demote the copy now. */
			bool		 demote_now;
		} lease;
		/* "master", "slave", …; "" for none. */
		char			 tag[CORE_TAG];
		struct {
			enum core_health health;
			char		 text[CORE_TEXT];
		} publish;
		struct {
			/* We are its master (see resume_epoch); 0: the next run
			 * must not continue. */
			uint64_t	 epoch;
		} remember;
		struct {
			enum core_state	 from, to;
			bool		 routine;	/* a normal promotion:
							 * no warning */
			char		 text[CORE_TEXT];
		} changed;
		struct {
			char		 text[CORE_TEXT];
		} say;
		struct {
			bool		 demoted;	/* it is not a master */
			/* A copy that we made a master, and could not demote,
			 * must stay in the catalogue: another copy would
			 * believe that it is the only one. */
			bool		 deregister;
		} leave;
	};
};

/* One event causes a few; needing more is a bug. */
#define CORE_ACTIONS	24

struct core_actions {
	size_t			 count;
	struct core_action	 list[CORE_ACTIONS];
};

struct core_config {
	int64_t	 fuse_ms;		/* F */
	int64_t	 demote_deadline_ms;	/* D */
	int64_t	 request_timeout_ms;	/* To */
	int64_t	 lock_delay_ms;		/* L */
	int64_t	 role_interval_ms;
	int64_t	 master_deadline_ms;
	int64_t	 slave_deadline_ms;
	int64_t	 busy_limit_ms;
	int64_t	 promote_limit_ms;
	int64_t	 catch_up_ms;
	int64_t	 election_wait_ms;
	bool	 can_demote;		/* the plugin has ensure_demoted, */
	bool	 can_tell;		/* position */
	bool	 never_master;
	/* The epoch with which this copy was master in the agent's previous run
	 * since the boot, 0 for none: if the lock still has it, the copy
	 * continues as master without a demotion. */
	uint64_t resume_epoch;
	/* The end of the lease that our guard took from the previous one; 0 for
	 * none: no master is known. */
	int64_t	 inherited_until_ms;
};

/* The session that holds the lock. */
enum core_session_state {
	CORE_SESSION_NONE,	/* none is wanted */
	CORE_SESSION_WANTED,	/* we have asked for one */
	CORE_SESSION_EXISTS,
	CORE_SESSION_ACQUIRES,	/* it is asking for the free lock */
};

struct core_session {
	enum core_session_state	 state;
	bool			 drop;	/* it may still hold the lock */
};

/* What the guard knows about the copy. */
enum core_lease_state {
	CORE_LEASE_NONE,	/* it is not a master */
	CORE_LEASE_TOLD,	/* it may be a master; no answer to that yet */
	CORE_LEASE_HELD,	/* the guard has answered */
	CORE_LEASE_ENDED,	/* the guard demotes it, or is asked to */
};

/* After a lease has ended only `fired` is kept, until the demotion has ended,
 * too. */
struct core_lease {
	enum core_lease_state	 state;
	int64_t			 until;		/* its end, as sent; 0: none */
	int64_t			 next;		/* when to send a new one */
	int64_t			 held;		/* the end that the guard has
						 * confirmed; 0: none */
	bool			 fired;		/* during this demotion */
	int64_t			 busy_until;	/* it demotes; leave it alone */
};

enum core_demotion_step {
	CORE_DEMOTION_NONE,
	CORE_DEMOTION_BEGUN,	/* it may still be a master */
	CORE_DEMOTION_POSITION,	/* demoted; asking for the position */
	CORE_DEMOTION_RELEASE,	/* the lock may be released */
	CORE_DEMOTION_RELEASING,
	CORE_DEMOTION_RELEASED,
};

/* Only in CORE_STATE_DEMOTING; zero in all other states. */
struct core_demotion {
	enum core_demotion_step	 step;
	bool			 was_master;	/* with the lock as it is */
	bool			 late;		/* D has passed, not demoted */
	bool			 proof_lost;	/* the fuse has burnt down */
	bool			 position_told;
	int64_t			 position_at, position_until;
	int64_t			 release_by;	/* no answer: treat as unknown */
};

/* Plain data: anyone may read it, but only the parts of the core write it. */
struct core {
	struct core_config	 config;
	enum core_state		 state;
	int64_t			 since;		/* of the state */
	char			 why[CORE_TEXT];	/* why it was entered */
	int64_t			 now;
	int64_t			 wake;		/* the next tick; INT64_MAX */
	struct core_actions	*out;
	const char		*broken;	/* see core_check; NULL */

	/* what the plugin reports */
	enum core_health	 health;
	int64_t			 busy_since;
	bool			 busy_too_long;
	char			 health_text[CORE_TEXT];
	enum core_health	 published;
	char			 published_text[CORE_TEXT];

	/* the last holder's; or the free key's at first; 0: never held */
	struct core_session	 session;
	struct core_lock	 lock;
	uint64_t		 epoch;		/* of the last holder seen; or,
						 * if the key was free at first,
						 * the key's own; 0: never
						 * held */
	int64_t			 proof;		/* time of the last; -1 */
	int64_t			 given_back_at;	/* by us; -1 */
	bool			 adopting;	/* asked for during the start */
	int64_t			 look_at;	/* alone still?  check then */
	int64_t			 acquire_at;	/* not before */
	bool			 electing;	/* an election is under way */
	int64_t			 elected_at;	/* we were; -1: not asked */
	bool			 forbidden;	/* to take the lock, by the last
						 * election; but a request that
						 * has failed may be granted
						 * late */
	int64_t			 hold_off;	/* after a failed promotion */
	int			 promote_failures;
	int64_t			 grace_until;	/* no promotion before … */
	bool			 grace_known;	/* … for the lock as it is */

	/* the call under way, and the result of the last one */
	enum core_op		 op;		/* not done, in a row, */
	uint32_t		 call;		/* its number */
	int64_t			 call_at;	/* the next one is due */
	int			 not_done;	/* failures in a row, */
	int64_t			 not_done_at;	/* … since then */
	char			 call_host[CORE_NAME];	/* ensure_slave of … */
	uint16_t		 call_port;
	enum core_op		 done;		/* the last that succeeded */
	bool			 failed;	/* the last one failed */
	char			 call_text[CORE_TEXT];	/* its sentence */
	int			 master_failures;	/* in a row */

	struct core_lease	 guard;
	struct core_demotion	 demotion;

	/* what the copy may be */
	bool			 maybe_master;	/* the copy may take writes */
	bool			 made_master;	/* by us or the previous run,
						 * and not demoted since */
	bool			 unfenced;	/* it is logged that the copy
						 * may still be a master */

	bool			 disabled;
	bool			 yields;
	int64_t			 yield_at;	/* not before */
	char			 yield_text[CORE_TEXT];
	bool			 stop;
	char			 disabled_text[CORE_TEXT];
	char			 stop_text[CORE_TEXT];
	/* "?" if it is not ours to set. */
	char			 tag[CORE_TAG];
};

#endif

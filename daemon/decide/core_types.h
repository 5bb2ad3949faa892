/*
 * core_types.h - what the core is told, what it answers, and what it knows; its
 * users include core.h.
 *
 * All moments are milliseconds of one clock that never steps (clock_ms); what
 * lasts so many milliseconds is called …_ms.
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
	CORE_STATE_CANDIDATE,	/* fit, nobody is known to have the lock */
	CORE_STATE_PROMOTING,	/* we have it, the copy is made master */
	CORE_STATE_MASTER,
	CORE_STATE_DEMOTING,	/* the copy stops being master */
	CORE_STATE_SLAVE,	/* another node has the lock */
	CORE_STATE_FENCED,	/* demoted, because Consul proves nothing */
	CORE_STATE_STOPPING,	/* not master any more; the agent goes away */
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
	CORE_OP_POSITION,	/* how far the copy has got, now demoted */
};

enum core_result {
	CORE_RESULT_DONE,
	CORE_RESULT_FAILED,
	CORE_RESULT_AGAIN,
};

/* What is heard from the guard, who demotes the copy if we don't (lease.h). */
enum core_guard {
	CORE_GUARD_GONE,	/* there is none just now */
	CORE_GUARD_HOLDS,	/* the lease that ends at `until` */
	CORE_GUARD_FIRED,	/* the lease is over: it demotes the copy now, */
	CORE_GUARD_DEMOTED,	/* has done it, */
	CORE_GUARD_FAILED,	/* or could not */
};

enum core_owner {
	CORE_LOCK_UNKNOWN,
	CORE_LOCK_FREE,
	CORE_LOCK_OURS,
	CORE_LOCK_THEIRS,
};

/* The lock key, as one read of it (or our own acquire) showed it. */
struct core_lock {
	enum core_owner	 owner;
	bool		 proof;		/* a consistent read, or the acquire:
					 * "ours" is proved as of `at` */
	int64_t		 at;		/* when the request was sent */
	uint64_t	 epoch;		/* the key's ModifyIndex: see lock.h */
	bool		 clean;		/* free: its holder gave it back in good
					 * order, or nobody can have held it */
	bool		 missing;	/* unknown: there is no key; whether
					 * anybody can have had it is asked as
					 * soon as it is known who we are */
	bool		 made;		/* ours: it was missing, and Consul can
					 * check that, but not that nobody has
					 * had it since it was seen so */
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
	CORE_EV_ELECTION_VOID,	/* what it has shown counts no more */
	CORE_EV_RELEASED,	/* released: the lock was, by us */
	CORE_EV_GUARD,		/* guard: it says something */
	CORE_EV_DISABLED,	/* disabled: the file is there, or gone */
	CORE_EV_YIELD,		/* yield: the lock */
	CORE_EV_STOP,		/* stop */
};

/* What it points to is borrowed: the core keeps copies. */
struct core_event {
	enum core_event_type	 type;
	union {
		struct {
			enum core_health	 verdict;
			const char		*text;
		} health;
		const struct core_lock	*lock;
		struct {
			/* Because it is held, or delayed; false: for another
			 * reason. */
			bool	 held;
		} refused;
		struct {
			bool	 exists;	/* ours; false: it is gone */
		} session;
		struct {
			uint32_t		 number;	/* of that call */
			enum core_result	 result;
			const char		*text;
		} call;
		struct {
			/* This copy shall take the lock; false: it must not,
			 * for now. */
			bool	 take;
		} elected;
		struct {
			/* The lock is given back; false: that can't be told. */
			bool	 known;
		} released;
		struct {
			enum core_guard	 what;
			int64_t		 until;	/* end of the lease it has */
			const char	*text;	/* of a demotion */
		} guard;
		struct {
			bool		 exists;
			const char	*file;
		} disabled;
		struct {
			/* Of a master, to another copy that is fit. */
			bool		 wanted;
			const char	*why;
		} yield;
		struct {
			const char	*why;
		} stop;
	};
};

enum core_action_type {
	CORE_DO_WANT_SESSION,	/* session */
	CORE_DO_ELECT,		/* elect */
	CORE_DO_ACQUIRE,	/* acquire */
	CORE_DO_LOOK,		/* read the key now */
	CORE_DO_RELEASE,	/* release: the lock */
	CORE_DO_CALL,		/* call: the plugin */
	CORE_DO_CANCEL,		/* kill the call that is under way */
	CORE_DO_LEASE,		/* lease: tell the guard; see lease.h */
	CORE_DO_END_LEASE,	/* tell it that the copy is no master */
	CORE_DO_SET_TAG,	/* tag */
	CORE_DO_PUBLISH,	/* publish: what /health answers */
	CORE_DO_REMEMBER,	/* remember: for the next run */
	CORE_DO_CHANGED,	/* changed: log and show it */
	CORE_DO_SAY,		/* say: log it, as an error */
	CORE_DO_LEAVE,		/* leave: destroy the session, exit */
};

/* It points to nothing, so a copy of it may be kept. */
struct core_action {
	enum core_action_type	 type;
	union {
		struct {
			/* Have one; false: destroy it.  A destroyed session
			 * leaves the lock to the lock-delay. */
			bool		 wanted;
		} session;
		struct {
			/* See whether this copy is the one to take the free
			 * lock; false: that is over. */
			bool		 begin;
		} elect;
		struct {
			/* The free lock that this was decided upon; any other
			 * must not be taken. */
			uint64_t	 epoch;
		} acquire;
		struct {
			bool		 clean;	/* it is known that nobody is
						 * master */
			bool		 with_position;	/* which was told */
		} release;
		struct {
			uint32_t	 number;
			enum core_op	 op;
			uint64_t	 epoch;	/* of the last holder seen */
			int64_t		 timeout_ms;	/* that it may take */
			/* ensure_master: it must not begin then or later, for
			 * then the guard may have ended the mastership (0 for
			 * the others). */
			int64_t		 not_after;
			/* ensure_master: it need no longer wait for what the
			 * master before left. */
			bool		 enough;
			/* position: of one that has been master, which has all
			 * there is. */
			bool		 was_master;
			/* ensure_slave: of this master. */
			uint16_t	 port;
			char		 host[CORE_NAME];
			char		 reason[CORE_TEXT];
		} call;
		struct {
			/* The copy may be a master so long without a word from
			 * us; then it must be demoted by … */
			int64_t		 until, by;
			/* Until then another copy may be a master, who has not
			 * noticed yet; INT64_MAX: that is never known. */
			int64_t		 clean_at;
			uint64_t	 epoch;	/* of the last holder seen */
			/* The guard shall demote the copy now. */
			bool		 demote_now;
		} lease;
		/* "master", "slave", …; "" for none. */
		char			 tag[CORE_TAG];
		struct {
			enum core_health health;
			char		 text[CORE_TEXT];
		} publish;
		struct {
			/* We are its master (see resume_epoch); 0: nothing must
			 * be gone on with. */
			uint64_t	 epoch;
		} remember;
		struct {
			enum core_state	 from, to;
			bool		 routine;	/* on the ordinary way
							 * up, and no news */
			char		 text[CORE_TEXT];
		} changed;
		struct {
			char		 text[CORE_TEXT];
		} say;
		struct {
			bool		 demoted;	/* it is no master */
			/* A copy that we made a master, and could not demote,
			 * must stay in the catalogue: another one would believe
			 * that it is alone. */
			bool		 deregister;
		} leave;
	};
};

/* One event causes a few; a core that would need more has a bug. */
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
	/* The epoch that this copy was master of when the agent last ran on
	 * this boot of the machine, 0 for none: if the lock still says so,
	 * the copy goes on as master without being demoted first. */
	uint64_t resume_epoch;
	/* The end of the lease that our guard has from the one before it; 0
	 * for none: nobody knows of a mastership. */
	int64_t	 inherited_until_ms;
};

/* The session that the lock is held with. */
enum core_session_state {
	CORE_SESSION_NONE,	/* none is wanted */
	CORE_SESSION_WANTED,	/* it is asked for */
	CORE_SESSION_EXISTS,
	CORE_SESSION_ACQUIRES,	/* the free lock is tried for with it */
};

struct core_session {
	enum core_session_state	 state;
	bool			 drop;	/* it may still hold the lock */
};

/* What the guard knows of the copy. */
enum core_lease_state {
	CORE_LEASE_NONE,	/* it is no master */
	CORE_LEASE_TOLD,	/* it may be one; no answer to that yet */
	CORE_LEASE_HELD,	/* the guard has answered */
	CORE_LEASE_ENDED,	/* the guard demotes it, or is asked to */
};

/* Of a lease that is over only `fired` is left, until the demotion is. */
struct core_lease {
	enum core_lease_state	 state;
	int64_t			 until;		/* its end, as told; 0: none */
	int64_t			 next;		/* when to tell a new one */
	int64_t			 held;		/* the end that it has said it
						 * holds; 0: of none */
	bool			 fired;		/* in this demotion */
	int64_t			 busy_until;	/* it demotes; don't disturb */
};

enum core_demotion_step {
	CORE_DEMOTION_NONE,
	CORE_DEMOTION_BEGUN,	/* the copy may be a master still */
	CORE_DEMOTION_POSITION,	/* it is none; how far has it got? */
	CORE_DEMOTION_RELEASE,	/* so the lock may be given back */
	CORE_DEMOTION_RELEASING,
	CORE_DEMOTION_RELEASED,
};

/* In CORE_STATE_DEMOTING; zero in all others. */
struct core_demotion {
	enum core_demotion_step	 step;
	bool			 was_master;	/* with the lock as it is */
	bool			 late;		/* D has passed, not demoted */
	bool			 proof_lost;	/* the fuse has burnt down */
	bool			 position_told;
	int64_t			 position_at, position_until;
	int64_t			 release_by;	/* no answer: treat as unknown */
};

/* Plain data; read it, but only the parts of the core write it. */
struct core {
	struct core_config	 config;
	enum core_state		 state;
	int64_t			 since;		/* of the state */
	char			 why[CORE_TEXT];	/* it was entered */
	int64_t			 now;
	int64_t			 wake;		/* the next tick; INT64_MAX */
	struct core_actions	*out;
	const char		*broken;	/* see core_check; NULL */

	/* what the plugin says */
	enum core_health	 health;
	int64_t			 busy_since;
	bool			 busy_too_long;
	char			 health_text[CORE_TEXT];
	enum core_health	 published;
	char			 published_text[CORE_TEXT];

	/* what Consul says */
	struct core_session	 session;
	struct core_lock	 lock;
	uint64_t		 epoch;		/* of the last holder seen, or, of
						 * a key that was free at first, its
						 * own; 0: nobody has had it */
	int64_t			 proof;		/* time of the last; -1 */
	int64_t			 given_back_at;	/* by us; -1 */
	bool			 adopting;	/* asked for as we started */
	int64_t			 look_at;	/* are we alone still? */
	int64_t			 acquire_at;	/* not before */
	bool			 electing;	/* we asked who shall have it */
	int64_t			 elected_at;	/* it is us; -1: not asked */
	int64_t			 hold_off;	/* after a failed promotion */
	int			 promote_failures;
	int64_t			 grace_until;	/* no promotion before … */
	bool			 grace_known;	/* … of the lock as it is */

	/* the call under way, and what came of the last one */
	enum core_op		 op;		/* CORE_OP_NONE: none */
	uint32_t		 call;		/* its number */
	int64_t			 call_at;	/* the next one is due */
	int			 not_done;	/* calls in a row, */
	int64_t			 not_done_at;	/* since then */
	char			 call_host[CORE_NAME];	/* ensure_slave of … */
	uint16_t		 call_port;
	enum core_op		 done;		/* the last one said done */
	bool			 failed;	/* the last one failed */
	char			 call_text[CORE_TEXT];	/* its sentence */
	int			 master_failures;	/* in a row */

	struct core_lease	 guard;
	struct core_demotion	 demotion;

	/* what the copy may be */
	bool			 maybe_master;	/* the copy may take writes */
	bool			 made_master;	/* by us, or the run before us,
						 * and not demoted since */
	bool			 unfenced;	/* it was said that the copy may
						 * still be a master */

	bool			 disabled;
	bool			 yields;
	int64_t			 yield_at;	/* not before */
	char			 yield_text[CORE_TEXT];
	bool			 stop;
	char			 disabled_text[CORE_TEXT];
	char			 stop_text[CORE_TEXT];
	/* "?" while it is not ours to set. */
	char			 tag[CORE_TAG];
};

#endif

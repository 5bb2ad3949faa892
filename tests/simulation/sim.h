/* sim.h - what the parts of the simulator know of each other. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <consul-failover/plugin.h>

#include "agent_private.h"
#include "config.h"
#include "core.h"
#include "description.h"
#include "election.h"
#include "guard.h"
#include "handler.h"
#include "lease.h"
#include "lock.h"
#include "registration.h"
#include "runfile.h"

#define NODES_MAX	5
#define MS		INT64_C(1000)		/* world time is microseconds */
#define SEC		(1000 * MS)

/*
 * Bugs that are planted on request, to see that they are found.  They sit
 * where the daemon's own objects meet the simulator: in the requests, answers,
 * clocks and actions that pass between them.
 */
#define BUGS(X) \
	X(NONE, "", "") \
	X(BLIND_ACQUIRE, "blind-acquire", "a slave asks for the lock all the time, without looking") \
	X(SHORT_DELAY, "lock-delay-1s", "lock_delay is 1 s, and relied on alone: no grace where the key exists") \
	X(RELEASE_FIRST, "release-before-demotion", "the lock is given back when a demotion begins") \
	X(PROOF_AT_ARRIVAL, "proof-dated-at-arrival", "a proof is as old as its answer, not as its request") \
	X(PROMOTE_UNLOOKED, "promotion-unlooked", "a promotion does not look at how old the acquire is") \
	X(UNKNOWN_IS_NO, "500-taken-as-no", "a write that came to no answer is taken for refused") \
	X(RENEW_IS_PROOF, "renew-taken-as-proof", "a renewed session is taken for a proof of the lock") \
	X(STALE_PROOF, "stale-read-believed", "the proof is read with ?stale") \
	X(NO_GRACE, "no-grace-after-deletion", "a key that was deleted is free for all at once") \
	X(ALWAYS_CLEAN, "release-always-clean", "a lock given back within its grace is marked as clean") \
	X(WALL_CLOCK, "lease-in-wall-clock-time", "the fuse burns by a clock that can be set") \
	X(SLEEPING_CLOCK, "lease-in-monotonic-time", "the fuse does not burn while the machine is suspended") \
	X(DESTROY_FIRST, "session-destroyed-first", "a stop destroys the session and ends before the demotion has") \
	X(OLD_READ, "old-read-taken-as-ours", "a read sent before a release still counts after it") \
	X(RESUME_UNREAD, "resumed-unread", "a restarted agent believes its run file without asking Consul") \
	X(CALL_LIVES_ON, "cancelled-call-lives-on", "a call that is given up is not killed") \
	X(DEMOTION_PRESUMED, "demotion-presumed", "a failed ensure_demoted counts as done") \
	X(TAG_FIRST, "tag-before-demotion", "a demotion waits for the tag's request on the same connection") \
	X(GUARD_TRUSTS_WORD, "guard-trusts-word", "the guard counts a lease from when it reads of it") \
	X(GUARD_WALL_CLOCK, "guard-in-wall-clock-time", "the guard goes by a clock that can be set") \
	X(GUARD_RELEASES_FIRST, "guard-releases-first", "the guard gives the lock back before the demotion is done") \
	X(GUARD_SPARES_CALL, "guard-spares-call", "the guard lets the agent's own call go on") \
	X(GUARD_UNANSWERED, "guard-not-awaited", "a promotion does not wait for the guard's answer") \
	X(GUARD_NOT_AWAITED, "old-guard-not-awaited", "a restarted agent does not wait for the guard before it") \
	X(LEASE_NOT_INHERITED, "lease-not-inherited", "a guard knows nothing of the lease of the one before") \
	X(CALL_UNDATED, "call-undated", "a decision to promote is carried out however old it is") \
	X(SILENCE_TRUSTED, "silence-trusted", "one long lease covers the agent's own demotion, and a second try") \
	X(UNCOMPARED, "taken-uncompared", "the lock is taken without comparing the copies") \
	X(OLD_RECORDS, "old-records-compared", "a position of an earlier election is taken for one of this") \
	X(YIELDS_IGNORED, "yields-ignored", "of two that lack something of the other, both wait") \
	X(DEAD_RECORD, "dead-record-believed", "a record whose session is gone counts") \
	X(DECISION_HOLDS, "decision-holds", "what is said after the decision, and before the lock can be had, is not heard") \
	X(ASIDE_EARLY, "aside-in-the-grace", "who waits out a grace says that nobody has to wait for it") \
	X(COMPARED_EARLY, "compared-in-the-grace", "the copies are compared while a master may still write") \
	X(LEFT_FORGOTTEN, "left-forgotten", "who takes the lock does not carry on what was left with it") \
	X(TARGET_IGNORED, "target-ignored", "a promotion does not wait for what the one before has left") \
	X(POSITION_UNAWAITED, "position-not-awaited", "the lock is given back without the position") \
	X(POSITION_EARLY, "position-before-demotion", "the position that is left is that of before the demotion")

#define BUG_NAME(id, name, text)	BUG_##id,
enum bug { BUGS(BUG_NAME) BUG_COUNT };
#undef BUG_NAME

/* The second one that an agent makes blocks: see events.c. */
struct event_base {
	struct node	*node;
	bool		 used, blocks, over;
};

/* What one happening is part of, and waits for, while others continue. */
enum whose { OF_WORLD, OF_HOST, OF_AGENT };

struct consul {
	struct node	*node;
	uint32_t	*life;		/* of the process that asks */
	enum whose	 whose;
	uint64_t	 silences;
	struct event_base	*blocking;	/* who waits for it; NULL */
	struct registration	*registration;	/* of that process */
};

/* handler.h: what calls the plugin. */
struct handler {
	struct node		*node;
	void			(*watched)(void *arg);	/* health's */
	void			(*process)(pid_t, void *arg);	/* role's */
	void			*arg, *process_arg;

	/* The call under way: not answered yet; not over in the plugin. */
	bool			 running, at_work;
	uint32_t		 stamp;
	enum operation		 op;
	char			 text[FAILOVER_POSITION];	/* has_position of … */
	char			 host[CORE_NAME];	/* to be its slave */
	enum handler_result	 result;
	handler_cb		 cb;
	void			*cb_arg;
};

/* registration.h */
struct registration {
	const struct registration_events	*events;
	void					*arg;
	const struct consul			*consul;
	bool					 tried, identified, passing;
	uint32_t				 stamp;
	void					(*left)(bool, void *arg);
	void					(*rested)(void *arg);
	void					*left_arg;
};

/* What a copy has: so much of each log. */
#define LOGS		24

struct data {
	uint16_t	 of[LOGS];
};

struct copy {
	struct data	 data;
	bool		 open;			/* it takes writes */
	uint32_t	 writing, following;	/* stamps */
	struct node	*source;		/* which it replicates */
	bool		 partly_there;		/* half of what it had was here */
	int64_t		 lag;
	int		 lagging;		/* faults that cause it */
	int64_t		 lagged_at;

	struct data	 target;		/* before it may open */
	bool		 enough;		/* that has been given up */

	/* for the checks */
	int		 faults;		/* that last at its node */
	int64_t		 disturbed_at;		/* the last of any kind */
	bool		 deaf_to_key, deaf_to_records;	/* a poll was lost */
	struct data	 final;			/* as it took the last write */
	struct data	 told;			/* as it last reported it */
	struct data	 then;			/* before the election */
	int64_t		 election_at, first_election_at;
	uint64_t	 election_epoch, told_epoch;
	int64_t		 recorded_at;	/* its record exists since then, */
	int64_t		 told_at;	/* and the position in it */
	int64_t		 elected_at, asked_at;	/* for the lock */
	bool		 alone;
	uint32_t	 others;	/* on record as it began, as bits */
	bool		 was_open;		/* since it has the lock */
	bool		 too_far;		/* … it should not be master */
	bool		 unmeasured, elected_blind;	/* how far is not known */
	/* Others were there: those that lack something, and have more or do
	 * not; and those that have all and more, as bits. */
	bool		 judged, worse, partly;
	uint32_t	 better;
};

/* One end of a channel: what was sent there, and not read yet. */
struct packet;

struct queue {
	struct packet	*list;
	size_t		 first, count;
	bool		 closed;		/* by the sender */
};

/* A run of `leave`, of a guard. */
struct leave_process {
	struct consul	 consul;
	struct registration registration;
	uint32_t	 life;
	pid_t		 pid;
	const char	*as;
	char		 session[CONSUL_ID_MAX];
};

/* What its kernel knows of it; signals as bits. */
struct guard_kernel {
	char		 name[16];
	uint32_t	 ignored, blocked, pending, read;	/* by signalfd */
	pid_t		 sender;		/* of the SIGUSR1 that is pending */
	pid_t		 awaited;		/* whose end it can wait for */
	clockid_t	 clock;			/* its timer's, */
	int64_t		 due;			/* and when it rings; 0: never */
	bool		 set;
	struct pollfd	*polled;		/* that it waits for, */
	unsigned long	 count;
	int64_t		 until;			/* and its limit; */
	int		 got;			/* what came of it */
	uint32_t	 polls;
	int64_t		 spun_at;
	int		 spins;
};

/* A process cf-guard: the new one waits for the old one, whose agent is gone;
 * if agents die as they start, there are more. */
#define GUARDS		6

struct guard_process {
	struct node	*node;
	int64_t		 number;
	pid_t		 pid;
	uint32_t	 life, timer;
	bool		 alive, begun, woken;
	bool		 dismissed;		/* its agent has ended by itself */
	bool		 asked;			/* to go, by the next one */
	int		 stopped, hanging;	/* SIGSTOP; whatever comes */
	struct queue	 in, out;		/* to it; to its agent */
	struct guard_kernel kernel;
	int		 did;			/* enum doing, a turn ago */
	int64_t		 mistaken;		/* ms; for a bug only */

	/* what it has started, and whose end it has not seen yet */
	uint32_t	 call_stamp;
	bool		 answered;		/* its handler has */
	enum core_result result;
	bool		 left, fenced;
	struct leave_process leave;
};

/* One machine: its clocks, its Consul agent, its application, our agent. */
struct node {
	int			 id;
	char			 name[16];
	char			 host[32];

	int64_t			 ppm;		/* its clock runs too fast */
	int64_t			 boot_zero;
	int64_t			 slept;		/* ms, not in CLOCK_MONOTONIC */
	int64_t			 wall_step;
	int			 suspended;	/* how many faults cause it */
	int64_t			 suspended_at;
	struct waiting		*waiting;	/* until it runs again */
	size_t			 waiting_count, waiting_room;

	/* its way to the Consul servers; all count the faults that cause it */
	int			 cut_out, cut_in, cut_local;
	int			 consul_down, consul_frozen, denied, revoked;
	uint32_t		 consul_life;
	uint32_t		 serf_stamp, sync_stamp;
	bool			 old_leader;	/* it talks to that one */
	bool			 registered, passing, serf;	/* in Consul */
	bool			 in_data, check;	/* in its own agent */
	int			 polls_failed;

	bool			 alive, watched;	/* by the plugin's watch_fd */
	int			 dead, sick, busy, disabled, yields, trouble;
	bool			 acting;
	bool			 asked;		/* its plugin, to demote it */
	bool			 said, half_said;	/* see node_said */
	int64_t			 woken_until;	/* it hung until recently */
	uint32_t		 woken_stamp;
	bool			 guarded;	/* it was made master so */
	bool			 had_guard;	/* that could act */
	bool			 helpless;	/* both hang, */
	bool			 interrupted;	/* in a forgiven demotion */
	struct copy		 copy;
	uint32_t		 role, roles;	/* the handler; 0: none runs */
	bool			 orphan;	/* only its script is left, */
	bool			 unguarded;	/* and its guard was killed */

	int			 down;		/* no agent may run here */
	bool			 starting;	/* it waits for the old guard */
	bool			 running, stopping;
	int			 stopped;	/* SIGSTOP */
	uint32_t		 life;		/* of the agent, */
	pid_t			 pid;		/* its process */
	bool			 ends;		/* its loop is over */
	struct event_base	 base, blocking;
	struct consul		 consul, blocked;
	struct config		 config;
	struct plugin_description plugin;
	struct runfile		*runfile;	/* while its process lives */
	struct agent		*agent;		/* NULL: none runs */
	const struct core	*core;		/* its, or as it was last */
	struct core		 last_core;
	struct handler		 health, role_handler;
	struct registration	 registration;
	guard_cb		 guard_says;
	void			*guard_arg;
	uint64_t		 aside_epoch;
	int			 questions;	/* of this election */
	uint64_t		 early_epoch;	/* for a bug only */
	bool			 early_ready;
	char			 early_position[FAILOVER_POSITION];	/* the same */
	bool			 yielding;
	struct core_actions	 rest;		/* decided, and not yet done */
	bool			 unsettled;

	struct guard_process	 guards[GUARDS];
	struct guard_process	*guard;		/* our agent's; NULL */
	struct guard_process	*file_owner;	/* RUN_DIR/SERVICE_ID.guard */
	int64_t			 lease_until;	/* in that file; 0: none */
	int			 no_guard;	/* none can be started */
	struct guard		*client;	/* of an agent that starts */
	int64_t			 inherited;
};

typedef void	(*happening)(struct node *, void *arg, int64_t number);

struct counts {
	uint64_t	 schedules, seconds, events, promotions, failovers;
	uint64_t	 warned, woken, fired, left;
	int64_t		 longest_settling;
	/* of promotions: others could be compared, were worse; elections: alone,
	 * all others heard, and all equal; hand-overs: complete, given up, void
	 * by an operator's hand, or without a position */
	uint64_t	 judged, better, partly, alone, elections, even;
	int64_t		 longest_election, longest_even;
	uint64_t	 handovers, given_up, voided, untold, limited;
	uint64_t	 faults[48];		/* of each kind */
};

struct world {
	int64_t		 now;
	struct node	*current;	/* where it happens; NULL */
	uint64_t	 seed;
	bool		 trace;
	enum bug	 bug;
	int		 count;
	struct node	 nodes[NODES_MAX];
	bool		 quiet;		/* no faults any more */
	int64_t		 quiet_at;
	int64_t		 watch_lost_at;	/* a long poll's answer */
	int		 noise;		/* percent of the calls that go wrong */
	bool		 fences;	/* on_fence_failure kills it */
	int		 slow, lossy;	/* faults of requests, counted */
	uint64_t	 epoch;		/* of the last ensure_master, */
	int		 epoch_node;	/* and where it was */
	int		 master;	/* the last node that was one; -1 */
	bool		 tells;		/* the plugin has positions */
	bool		 limited;	/* by max_behind */
	int64_t		 told_at;	/* the last master's position */
	bool		 rewinds;	/* a slave gives up what is only its */
	int		 logs;
	int		 faults;	/* of Consul, that last */
	int64_t		 disturbed_at, closed_at, free_at;
	struct {
		bool		 pending;
		struct data	 need;
		bool		 untouched;	/* no write since */
		uint32_t	 from;		/* nodes, as bits */
		int64_t		 at;
	} handover;
	char		 failure[256];	/* "" while all invariants hold */
	struct counts	 counts;
};

extern struct world	world;

/*
 * world.c: time, chance, what is to come, and the invariants.  No expression
 * draws twice: compilers differ in the order.
 */
void	 world_begin(uint64_t seed);
void	 world_end(void);
/* Runs one happening; false when there is none before until. */
bool	 world_step(int64_t until);
/* OF_HOST waits while the host is suspended, OF_AGENT while our agent is
 * stopped too.  It is dropped if *stamp (may be NULL) has changed by then. */
void	 world_in(int64_t delay, enum whose, struct node *, happening,
	    void *arg, int64_t number, uint32_t *stamp);
void	 world_resume(struct node *);	/* what waited happens, in any order */
uint64_t random_next(void);
/* Another stream, and back to what that gave. */
uint64_t random_begin(uint64_t seed);
void	 random_back(uint64_t before);
int64_t	 between(int64_t low, int64_t high);
bool	 chance(int percent);
void	 say(const struct node *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 world_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	 check_masters(const struct node *newest);
void	 check_epoch(const struct node *, uint64_t epoch);
bool	 check_settled(void);

int64_t	 node_boottime(const struct node *);
int64_t	 node_monotonic(const struct node *);
int64_t	 node_clock(const struct node *);	/* what our agent goes by */
int64_t	 node_delay(const struct node *, int64_t ms);

/* events.c: libevent */
void	 world_signal(struct node *, int number);	/* to its agent */
void	 world_readable(int fd);	/* there is something to read */
void	 events_end(void);

/* consul_model.c: consul.h; servers.c: what is behind it */
void	 consul_begin(void);
void	 consul_end(void);
/* False: none of what is asked on that loop is answered. */
bool	 consul_answers_at_once(const struct event_base *);
bool	 consul_reaches(const struct node *);	/* packets pass both ways */
void	 consul_path_changed(struct node *);
void	 consul_agent_dies(struct node *);
void	 consul_agent_returns(struct node *, bool has_data, bool passing);
void	 consul_agent_leaves(struct node *, int64_t stays);	/* then dies */
void	 consul_set_check(struct node *, bool passing);
void	 consul_register_service(struct node *, bool passing);
void	 consul_deregister_service(struct node *);
void	 consul_lose_leader(bool isolated);	/* isolated: still answers */
void	 consul_elect_leader(void);
void	 consul_forget_lock_delay(void);
void	 consul_flap(struct node *);
bool	 consul_has_leader(void);
bool	 consul_has_key(void);
const char *consul_last_master(void);	/* its record; NULL */
bool	 consul_has_record_of(const struct node *);	/* that is alive */
bool	 consul_has_other_record(const struct node *);
/* an operator's hand */
void	 consul_delete_key(void);
void	 consul_force_release(const char *value);
void	 consul_overwrite_key(const char *value);
void	 consul_destroy_holder(void);

/* node.c: a machine, its application, and the life of our agent there */
void	 node_begin(struct node *, int id, const struct config *);
void	 node_end(struct node *);
void	 agent_start(struct node *);
/* A happening: the same, if one may run here by then. */
void	 agent_starts(struct node *, void *, int64_t);
void	 agent_kill(struct node *);
void	 agent_stop(struct node *);	/* SIGTERM */
void	 agent_pause(struct node *, bool);	/* SIGSTOP, SIGCONT */
void	 agent_exits(struct node *);	/* its loop is over */
void	 agent_started(struct node *, int64_t inherited);
void	 agent_not_started(struct node *);
void	 host_suspend(struct node *, bool);
void	 application_dies(struct node *);
void	 application_starts(struct node *);
void	 application_repaired(struct node *, void *, int64_t);
void	 act(struct node *, bool yes);	/* as master */
void	 node_said(struct node *, bool tried);	/* "MAY STILL BE A MASTER" */
/* An agent or guard that can demote the copy came, went, continues or hangs. */
void	 node_helpless_changed(struct node *);

/* plugin_model.c: the handlers, and the plugin in them */
/* Milliseconds that a call takes; -1 if it hangs. */
int64_t	 node_call_chance(struct node *, enum core_op, enum core_result *);
void	 node_kill_role(struct node *, uint32_t role);
void	 plugin_leaves_call(struct node *);	/* the agent is gone */

/* parts_model.c: what else the agent stands on */
void	 parts_poll_health(struct node *, void *, int64_t);
void	 parts_look_at_checks(struct node *);

/* seam.c: between the agent's own objects */
void	 agent_goes_on(struct node *);	/* with what it was at */
void	 agent_renewed(struct node *, int64_t sent_at);
void	 agent_begins(struct node *);	/* its bugs, if planted */

/* copies.c: the data, and invariant 3 */
void	 copy_begin(struct node *);
void	 copy_position(const struct node *, char *text, size_t size);
bool	 copy_has_position(const struct node *, const char *text);
int64_t	 copy_behind(const struct node *, const char *position);
bool	 copy_is_refused(const struct node *);	/* and must be */
void	 copy_disturbed(struct node *);		/* NULL: all */
void	 copy_disturbed_for(struct node *, int64_t ms);
void	 copy_follows(struct node *, const char *host);
void	 copy_diverges(struct node *);
void	 copy_lags(struct node *, bool);
void	 copy_told_target(struct node *, const char *target,
	    const char *host, bool enough);
bool	 copy_complete(const struct node *);
void	 copy_deaf(struct node *, bool to_key, bool to_records);
void	 copy_opens(struct node *);
void	 copy_closes(struct node *);
void	 copy_election_begins(struct node *);
void	 copy_elected(struct node *);
void	 copy_hands_over(struct node *, bool own, bool told,
	    bool by_agent);
void	 copies_forget_handover(void);
void	 copies_see_free(bool released);
void	 copies_see_lost(const struct node *);
void	 copies_see_taken(struct node *);
void	 copy_tells(struct node *, const char *record);
void	 copy_unrecorded(struct node *);

/* guard_client.c: the agent's own guard.c, and its start */
void	 client_start(struct node *);
void	 client_stop(struct node *);	/* before agent_started */

/* guards.c: the guard */
void	 guard_kill(struct guard_process *);		/* NULL is fine */
/* SIGSTOP, SIGCONT; all: what holds it counts no more. */
void	 guard_pause(struct guard_process *, bool yes, bool all);
void	 guard_hang(struct guard_process *, bool yes);
void	 guards_die(struct node *);
int64_t	 guard_time(void);	/* of whose turn it is */
bool	 node_is_guarded(const struct node *);
bool	 node_guard_demotes(const struct node *);
bool	 node_guard_fires_soon(const struct node *);

/* faults.c */
void		 faults_begin(int64_t until, bool with_yields);
/* A moment at which a fault is worst: n has entered that state, or has just
 * been given the lock (CORE_STATE_STARTING, which no agent enters). */
#define MOMENT_OF_ACQUIRE	CORE_STATE_STARTING
enum {
	MOMENT_OF_FIRING = CORE_STATES + 1,	/* the guard begins to demote */
	MOMENT_OF_LEAVING,
	/* What is decided is not done yet: … + core_action_type */
	MOMENT_OF_ACTION,
	MOMENT_OF_DEMOTION = MOMENT_OF_ACTION + 32,
	MOMENT_OF_PROMOTION,
	MOMENT_NEVER
};
/* True if a fault begins at once: nothing more may be done before it. */
bool		 faults_moment(struct node *, int moment);
const char	*fault_name(size_t kind);	/* NULL after the last */

#endif

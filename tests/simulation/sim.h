/* sim.h - what the parts of the simulator know of each other. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core.h"
#include "lock.h"

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
	X(TAG_FIRST, "tag-before-demotion", "a demotion waits for the tag's request on the same connection")

#define BUG_NAME(id, name, text)	BUG_##id,
enum bug { BUGS(BUG_NAME) BUG_COUNT };
#undef BUG_NAME

struct event_base {
	struct node	*node;
};

struct consul {
	struct node	*node;
};

/* A call of the plugin, in the role handler. */
struct call {
	bool		 running;
	uint32_t	 stamp;
	uint32_t	 number;		/* the core's */
	enum core_op	 op;
	enum core_result result;
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
	int			 suspended;	/* how many faults say so */
	int64_t			 suspended_at;
	struct waiting		*waiting;	/* until it runs again */
	size_t			 waiting_count, waiting_room;

	/* its way to the Consul servers; all count the faults that say so */
	int			 cut_out, cut_in, cut_local;
	int			 consul_down, consul_frozen, denied;
	uint32_t		 consul_life;
	uint32_t		 serf_stamp, sync_stamp;
	bool			 old_leader;	/* that is whom it talks to */
	bool			 registered, passing, serf;	/* in Consul */
	bool			 check;		/* its own agent's verdict */
	int			 polls_failed;

	bool			 alive, watched;	/* by the plugin's watch_fd */
	int			 dead, sick, busy, disabled, trouble;
	bool			 acting;
	bool			 asked;		/* its plugin, to demote it */
	bool			 said;		/* "MAY STILL BE A MASTER" */
	int64_t			 woken_until;	/* has just been suspended */
	uint32_t		 woken_stamp;
	int64_t			 proved_at;	/* world time of its last proof */
	struct call		 call;

	int			 down;		/* no agent may run here */
	bool			 running, identified, tried;
	bool			 stopping;
	int			 stopped;	/* SIGSTOP */
	uint32_t		 life;		/* of the agent */
	uint32_t		 wake_stamp, registration_stamp, health_stamp;
	struct event_base	 base;
	struct consul		 consul;
	struct config		 config;
	struct core		 core;
	struct lock		*lock;
	enum core_health	 verdict, published;
	bool			 was_disabled;
	char			 run_session[CONSUL_ID_MAX];
	uint64_t		 run_epoch;
};

enum whose { OF_WORLD, OF_HOST, OF_AGENT };
typedef void	(*happening)(struct node *, void *arg, int64_t number);

struct counts {
	uint64_t	 schedules, seconds, events, promotions, failovers;
	uint64_t	 warned, woken;
	int64_t		 longest_settling;
	uint64_t	 faults[32];		/* of each kind */
};

struct world {
	int64_t		 now;
	uint64_t	 seed;
	bool		 trace;
	enum bug	 bug;
	int		 count;
	struct node	 nodes[NODES_MAX];
	bool		 quiet;		/* no faults any more */
	int64_t		 quiet_at;
	int		 noise;		/* percent of the calls that go wrong */
	int		 slow, lossy;	/* faults of requests, counted */
	uint64_t	 epoch;		/* of the last ensure_master, */
	int		 epoch_node;	/* and where it was */
	int		 master;	/* the last node that was one; -1 */
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

/* consul_model.c: the servers, and consul.h on top of them */
void	 consul_begin(void);
void	 consul_end(void);
bool	 consul_reaches(const struct node *);	/* packets pass both ways */
void	 consul_path_changed(struct node *);
void	 consul_agent_died(struct node *);	/* what is under way breaks */
void	 consul_agent_left(struct node *);
void	 consul_set_check(struct node *, bool passing);
void	 consul_register_service(struct node *);
void	 consul_deregister_service(struct node *);
void	 consul_lose_leader(bool isolated);	/* isolated: still answers */
void	 consul_elect_leader(void);
void	 consul_forget_lock_delay(void);
void	 consul_flap(struct node *);
bool	 consul_has_leader(void);
bool	 consul_has_key(void);
/* an operator's hand */
void	 consul_delete_key(void);
void	 consul_force_release(void);
void	 consul_overwrite_key(void);
void	 consul_destroy_holder(void);

/* node.c: our agent around the core, its handlers, the application */
void	 node_begin(struct node *, int id, const struct config *);
void	 node_end(struct node *);
void	 agent_start(struct node *);
void	 agent_kill(struct node *);
void	 agent_stop(struct node *);	/* SIGTERM */
void	 agent_pause(struct node *, bool);	/* SIGSTOP, SIGCONT */
void	 agent_renewed(struct node *, int64_t sent_at);
void	 host_suspend(struct node *, bool);
void	 application_dies(struct node *);
void	 application_starts(struct node *);
bool	 node_may_act(const struct node *);	/* now, or soon */
/* How long an agent may be silent and its copy go on as master, so that it is
 * still demoted before another node can have the lock: what a guard is for. */
int64_t	 node_patience(const struct node *);

/* faults.c */
void		 faults_begin(int64_t until);
/* A moment at which a fault is worst: n has entered that state, or has just
 * been given the lock (CORE_STARTING, which nobody enters). */
#define MOMENT_OF_ACQUIRE	CORE_STARTING
void		 faults_moment(struct node *, enum core_state);
const char	*fault_name(size_t kind);	/* NULL after the last */

#endif

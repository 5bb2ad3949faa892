/*
 * faults.c - what goes wrong, when, and where.
 *
 * A schedule draws a few kinds out of the table and lets them happen again and
 * again: rare pairs meet more often so than when all kinds are mixed.
 */

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX	12
#define KINDS_MAX	5

struct fault {
	size_t		 kind;
	struct node	*node;
	bool		 extra, idle;	/* what begin() must tell end() */
	enum core_state	 when;		/* any node enters it; CORE_STATES: … */
	int64_t		 at, lasts;	/* … at this time */
};

struct fault_kind {
	const char	*name;
	void		(*begin)(struct fault *);
	void		(*end)(struct fault *);
	int64_t		 shortest, longest;	/* ms */
};

static struct fault	faults[FAULTS_MAX];
static size_t		fault_count;
static int64_t		faults_until;
static int		leaderless;

/*
 * The path to Consul.
 */

static void
path(struct fault *f, int *one, int *two, int by)
{
	*one += by;
	if (two != NULL)
		*two += by;
	consul_path_changed(f->node);
}

static void
flaps(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (consul_has_leader())
		consul_flap(n);
}

/* The one that comes back tells of others that it held for dead. */
static void
heal(struct fault *f)
{
	int64_t		 later = between(SEC, 8 * SEC);
	struct node	*other = &world.nodes[between(0, world.count - 1)];

	if (f->lasts > 15 * SEC && world.now + later < faults_until &&
	    chance(30))
		world_in(later, OF_WORLD, other, flaps, NULL, 0, NULL);
}

static void
cut_both(struct fault *f)
{
	path(f, &f->node->cut_out, &f->node->cut_in, 1);
}

static void
heal_both(struct fault *f)
{
	path(f, &f->node->cut_out, &f->node->cut_in, -1);
	heal(f);
}

static void
cut_out(struct fault *f)
{
	path(f, &f->node->cut_out, NULL, 1);
}

static void
heal_out(struct fault *f)
{
	path(f, &f->node->cut_out, NULL, -1);
	heal(f);
}

static void
cut_in(struct fault *f)
{
	path(f, &f->node->cut_in, NULL, 1);
}

static void
heal_in(struct fault *f)
{
	path(f, &f->node->cut_in, NULL, -1);
	heal(f);
}

/* Between our agent and its Consul agent, whose polls go on. */
static void
cut_local(struct fault *f)
{
	f->node->cut_local++;
}

static void
heal_local(struct fault *f)
{
	f->node->cut_local--;
}

static void
deny(struct fault *f)
{
	f->node->denied++;
}

static void
allow(struct fault *f)
{
	f->node->denied--;
}

/*
 * The node's Consul agent.
 */

static void
consul_dies(struct fault *f)
{
	path(f, &f->node->consul_down, NULL, 1);
	consul_agent_died(f->node);
}

static void
consul_returns(struct fault *f)
{
	path(f, &f->node->consul_down, NULL, -1);
	if (chance(30))
		consul_set_check(f->node, false);	/* until its next poll */
}

static void
consul_leaves(struct fault *f)
{
	if (consul_has_leader() && consul_reaches(f->node) &&
	    consul_has_key())
		consul_agent_left(f->node);
	consul_dies(f);
}

static void
consul_joins(struct fault *f)
{
	consul_returns(f);
	if (chance(70))
		f->node->registered = f->node->running;
}

static void
consul_freezes(struct fault *f)
{
	path(f, &f->node->consul_frozen, NULL, 1);
}

static void
consul_thaws(struct fault *f)
{
	path(f, &f->node->consul_frozen, NULL, -1);
}

/*
 * Our agent, the application and their host.
 */

/* An init system: starts what may run, once the old one has ended. */
static void
supervise(struct node *n, void *arg, int64_t unused)
{
	(void)unused;
	if (n->down > 0)
		return;
	if (n->running && n->stopping)
		world_in(100 * MS, OF_WORLD, n, supervise, arg, 0, NULL);
	else
		agent_start(n);
}

/* Without a guard the copy of a dead agent stays master: where nobody could
 * demote it in time, it dies with the agent. */
static void
agent_dies(struct fault *f)
{
	struct node	*n = f->node;

	f->idle = !n->running || n->stopped > 0 || n->suspended > 0;
	if (f->idle)
		return;
	n->down++;
	say(n, "the agent is killed");
	f->extra = n->acting && (n->stopping || f->lasts > node_patience(n));
	agent_kill(n);
	if (f->extra)
		application_dies(n);
}

static void
agent_returns(struct fault *f)
{
	if (f->extra)
		application_starts(f->node);
	if (f->idle)
		return;
	f->node->down--;
	supervise(f->node, NULL, 0);
}

static void
agent_told(struct fault *f)
{
	f->idle = !f->node->running || f->node->stopped > 0 ||
	    f->node->suspended > 0;
	if (f->idle)
		return;
	f->node->down++;
	agent_stop(f->node);
}

/* Whether the host can stand still, and be right as it wakes up. */
static bool
can_sleep(const struct node *n)
{
	return !node_may_act(n) || (n->running && n->core.state != CORE_STARTING);
}

static void
suspend(struct fault *f)
{
	f->extra = can_sleep(f->node);
	if (f->extra)
		host_suspend(f->node, true);
}

static void
wake(struct fault *f)
{
	if (f->extra)
		host_suspend(f->node, false);
}

/* SIGSTOP for the agent alone; for all of the host where a guard would have
 * to step in. */
static void
agent_freezes(struct fault *f)
{
	struct node	*n = f->node;

	if (node_may_act(n) && f->lasts > node_patience(n))
		suspend(f);
	else
		agent_pause(n, true);
}

static void
agent_thaws(struct fault *f)
{
	if (f->extra)
		host_suspend(f->node, false);
	else if (f->node->stopped > 0)
		agent_pause(f->node, false);
}

static void
dies(struct fault *f)
{
	application_dies(f->node);
}

static void
lives(struct fault *f)
{
	application_starts(f->node);
}

static void
host_dies(struct fault *f)
{
	struct node	*n = f->node;

	n->down++;
	agent_kill(n);
	application_dies(n);
	consul_dies(f);
	n->run_session[0] = '\0';	/* the run folder is empty after a boot */
	n->run_epoch = 0;
}

static void
host_boots(struct fault *f)
{
	consul_returns(f);
	application_starts(f->node);
	f->node->down--;
	supervise(f->node, NULL, 0);
}

static void
falls_sick(struct fault *f)
{
	f->node->sick++;
}

static void
gets_well(struct fault *f)
{
	f->node->sick--;
}

static void
gets_busy(struct fault *f)
{
	f->node->busy++;
}

static void
has_time(struct fault *f)
{
	f->node->busy--;
}

static void
misbehaves(struct fault *f)
{
	f->node->trouble++;
}

static void
behaves(struct fault *f)
{
	f->node->trouble--;
}

static void
disable(struct fault *f)
{
	f->node->disabled++;
}

static void
enable(struct fault *f)
{
	f->node->disabled--;
}

static void
step_clock(struct fault *f)
{
	f->node->wall_step += between(-3600, 3600) * 1000;
}

/*
 * The servers.
 */

/* The old leader may not know for a moment; the new one may be there at once,
 * or only after an election that failed. */
static void
leader_changes(struct fault *f)
{
	if (leaderless++ == 0)
		consul_lose_leader(true);
	f->extra = chance(50);
	if (f->extra && leaderless == 1) {
		consul_elect_leader();
	}
}

static void
quorum_returns(struct fault *f)
{
	(void)f;
	if (--leaderless == 0)
		consul_elect_leader();
}

static void
quorum_lost(struct fault *f)
{
	(void)f;
	if (leaderless++ == 0)
		consul_lose_leader(chance(50));
}

/* From a snapshot that knows nothing of the lock-delay. */
static void
servers_return(struct fault *f)
{
	consul_forget_lock_delay();
	quorum_returns(f);
}

static void
gets_slow(struct fault *f)
{
	(void)f;
	world.slow++;
}

static void
gets_fast(struct fault *f)
{
	(void)f;
	world.slow--;
}

static void
gets_lossy(struct fault *f)
{
	(void)f;
	world.lossy++;
}

static void
gets_sure(struct fault *f)
{
	(void)f;
	world.lossy--;
}

static void
key_deleted(struct fault *f)
{
	int	i;

	(void)f;
	/* Without key and registration a master is hidden from a node that
	 * starts in this moment and believes to be alone (lock_alone).  Who
	 * takes both away by hand within a second is beyond help. */
	for (i = 0; i < world.count; i++)
		if (world.nodes[i].acting && !world.nodes[i].registered)
			return;
	consul_delete_key();
}

static void
key_released(struct fault *f)
{
	(void)f;
	consul_force_release();
}

static void
key_overwritten(struct fault *f)
{
	(void)f;
	consul_overwrite_key();
}

static void
session_destroyed(struct fault *f)
{
	(void)f;
	if (consul_has_leader())
		consul_destroy_holder();
}

static void
deregistered(struct fault *f)
{
	if (consul_has_leader() && f->node->registered && consul_has_key())
		consul_deregister_service(f->node);
}

static const struct fault_kind kinds[] = {
	{ "host cut off", cut_both, heal_both, 500, 40000 },
	{ "host cut off, out", cut_out, heal_out, 500, 40000 },
	{ "host cut off, in", cut_in, heal_in, 500, 40000 },
	{ "agent cut from its Consul agent", cut_local, heal_local, 200, 30000 },
	{ "token may not touch the key", deny, allow, 1000, 40000 },
	{ "Consul agent killed", consul_dies, consul_returns, 500, 30000 },
	{ "Consul agent leaves", consul_leaves, consul_joins, 1000, 30000 },
	{ "Consul agent frozen", consul_freezes, consul_thaws, 500, 30000 },
	{ "agent killed", agent_dies, agent_returns, 100, 20000 },
	{ "agent stopped (SIGTERM)", agent_told, agent_returns, 500, 20000 },
	{ "agent frozen (SIGSTOP)", agent_freezes, agent_thaws, 50, 60000 },
	{ "machine suspended", suspend, wake, 500, 60000 },
	{ "application dies", dies, lives, 200, 20000 },
	{ "host dies", host_dies, host_boots, 5000, 30000 },
	{ "application sick", falls_sick, gets_well, 1000, 30000 },
	{ "application busy", gets_busy, has_time, 1000, 40000 },
	{ "plugin misbehaves", misbehaves, behaves, 1000, 30000 },
	{ "disable file", disable, enable, 2000, 20000 },
	{ "wall clock stepped", step_clock, NULL, 0, 0 },
	{ "Consul leader changes", leader_changes, quorum_returns, 1000, 15000 },
	{ "Consul has no quorum", quorum_lost, quorum_returns, 1000, 60000 },
	{ "Consul servers restarted", quorum_lost, servers_return, 500, 10000 },
	{ "Consul slow", gets_slow, gets_fast, 1000, 30000 },
	{ "errors that took effect", gets_lossy, gets_sure, 1000, 30000 },
	{ "key deleted", key_deleted, NULL, 0, 0 },
	{ "key released by hand", key_released, NULL, 0, 0 },
	{ "key overwritten", key_overwritten, NULL, 0, 0 },
	{ "session destroyed by hand", session_destroyed, NULL, 0, 0 },
	{ "service deregistered by hand", deregistered, NULL, 0, 0 },
};

#define KINDS	(sizeof kinds / sizeof kinds[0])

static void
fault_ends(struct node *n, void *arg, int64_t unused)
{
	struct fault	*f = arg;

	(void)unused;
	say(n, "--- over: %s", kinds[f->kind].name);
	kinds[f->kind].end(f);
}

static struct node *
fault_place(void)
{
	int	i;

	if (chance(60))
		for (i = 0; i < world.count; i++)
			if (world.nodes[i].acting)
				return &world.nodes[i];
	return &world.nodes[between(0, world.count - 1)];
}

static void
fault_begins(struct node *n, void *arg, int64_t unused)
{
	struct fault			*f = arg;
	const struct fault_kind		*k = &kinds[f->kind];

	(void)unused;
	if (world.now >= faults_until)
		return;
	f->node = n != NULL ? n : fault_place();
	if (f->lasts > faults_until - world.now)
		f->lasts = faults_until - world.now;
	world.counts.faults[f->kind]++;
	say(f->node, "--- %s%s", k->name, k->end == NULL ? "" : " …");
	k->begin(f);
	if (k->end != NULL)
		world_in(f->lasts, OF_WORLD, f->node, fault_ends, f, 0, NULL);
}

/* The worst moments are those when something is under way. */
void
faults_moment(struct node *n, enum core_state state)
{
	static const int64_t	later[] = { 2 * MS, 30 * MS, 3 * SEC };
	int64_t			delay;
	size_t			i;

	for (i = 0; i < fault_count; i++) {
		struct fault	*f = &faults[i];

		if (f->when != state || world.now < f->at)
			continue;
		f->when = CORE_STATES;
		delay = later[between(0, 2)];
		delay = between(0, delay);
		world_in(delay, OF_WORLD, chance(80) ? n : NULL, fault_begins,
		    f, 0, NULL);
	}
}

static int64_t
fault_length(const struct fault_kind *k)
{
	int64_t	longest = k->longest;

	while (longest / 2 > k->shortest && chance(50))
		longest /= 2;
	return between(k->shortest, longest) * MS;
}

static void
fault_draw(struct fault *f, size_t kind)
{
	static const enum core_state	states[] = {
		CORE_PROMOTING, CORE_MASTER, CORE_DEMOTING, CORE_CANDIDATE,
		CORE_SLAVE, CORE_FENCED, MOMENT_OF_ACQUIRE,
	};

	memset(f, 0, sizeof *f);
	f->kind = kind;
	f->lasts = fault_length(&kinds[kind]);
	f->at = between(SEC, faults_until - SEC);
	f->when = CORE_STATES;
	if (chance(40))
		f->when = states[between(0, 6)];
	else
		world_in(f->at, OF_WORLD, NULL, fault_begins, f, 0, NULL);
}

void
faults_begin(int64_t until)
{
	size_t	chosen[KINDS_MAX], count, i;

	faults_until = until;
	leaderless = 0;
	count = (size_t)between(1, KINDS_MAX);
	for (i = 0; i < count; i++)
		chosen[i] = (size_t)between(0, KINDS - 1);
	fault_count = (size_t)between(2, FAULTS_MAX);
	for (i = 0; i < fault_count; i++)
		fault_draw(&faults[i], chosen[between(0,
		    (int64_t)count - 1)]);
}

const char *
fault_name(size_t i)
{
	return i < KINDS ? kinds[i].name : NULL;
}

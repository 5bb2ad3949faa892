/*
 * faults.c - what goes wrong, when, and where.
 *
 * A schedule draws a few kinds out of the table and lets them happen again and
 * again: rare pairs meet more often than if all kinds were mixed.
 */

#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "host_files.h"

#define FAULTS_MAX	12
#define LATE_MAX	2
#define LATE_STREAM	0x6c617465	/* "late" */
#define APART_MAX	3	/* of yields, and of what a host suffers */
#define HOSTS_STREAM	0x686f737473	/* "hosts" */
#define KINDS_MAX	5
/* Some of them last for ever. */
#define OR_NEVER(ms)	(-(ms))
#define NEVER_PERCENT	15

static struct fault	faults[FAULTS_MAX + LATE_MAX + 1];	/* one follows another */
static struct fault	yields[APART_MAX], of_hosts[APART_MAX];
static size_t		fault_count;
static int64_t		faults_until;
static int		leaderless;
/* All faults at one node: what is bad may become worse. */
static bool		focused;
static struct node	*focus;

/*
 * Most are a counter in the node, of the faults that say so.
 */

static void
count(struct fault *f, int by)
{
	char	*n = (char *)f->node;

	*(int *)(n + f->kind->one) += by;
	if (f->kind->two != 0)
		*(int *)(n + f->kind->two) += by;
}

static void
more(struct fault *f)
{
	count(f, 1);
}

static void
less(struct fault *f)
{
	count(f, -1);
}

/*
 * The path to Consul.
 */

static void
cut(struct fault *f)
{
	count(f, 1);
	consul_path_changed(f->node);
}

static void
mend(struct fault *f)
{
	count(f, -1);
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

	mend(f);
	if (f->lasts > 15 * SEC && world.now + later < faults_until &&
	    chance(30))
		world_in(later, OF_WORLD, other, flaps, NULL, 0, NULL);
}

/*
 * The node's Consul agent.
 */

static void
consul_dies(struct fault *f)
{
	consul_agent_dies(f->node);
}

static void
consul_leaves(struct fault *f)
{
	int64_t	stays = f->lasts < 6 * SEC ? f->lasts / 2 : 3 * SEC;

	if (consul_has_leader() && consul_reaches(f->node) &&
	    consul_has_key())
		consul_agent_leaves(f->node, stays);
	else
		consul_agent_dies(f->node);
}

/* Its data is seldom lost, or what it knew of the check. */
static void
consul_returns(struct fault *f)
{
	bool	has_data = chance(85), passing = chance(70);

	consul_agent_returns(f->node, has_data, passing);
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
	if ((n->running || n->starting) && n->stopping)
		world_in(100 * MS, OF_WORLD, n, supervise, arg, 0, NULL);
	else
		agent_start(n);
}

static void
agent_dies(struct fault *f)
{
	struct node	*n = f->node;

	f->idle = (!n->running && !n->starting) || n->suspended > 0;
	if (f->idle)
		return;
	n->down++;
	/* Another one comes while the guard is at work. */
	if (chance(50))
		f->lasts = node_delay(n, n->config.restart_wait) +
		    between(0, 500 * MS);
	say(n, "the agent is killed");
	agent_kill(n);
}

static void
agent_returns(struct fault *f)
{
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

/* The agent may not start then, nor the guard's `leave`. */
static void
run_file_given(struct fault *f)
{
	struct node	*n = f->node;

	f->idle = !n->running || n->suspended > 0;
	if (f->idle)
		return;
	say(n, "the agent is killed");
	agent_kill(n);
	host_run_file_given(n, chance(50));
	world_in(node_delay(n, n->config.restart_wait), OF_WORLD, n, supervise,
	    NULL, 0, NULL);
}

static void
run_file_returned(struct fault *f)
{
	host_run_file_returned(f->node, chance(50));
}

static void
suspend(struct fault *f)
{
	host_suspend(f->node, true);
}

static void
wake(struct fault *f)
{
	host_suspend(f->node, false);
}

static void
agent_freezes(struct fault *f)
{
	f->life = f->node->life;
	f->idle = !f->node->running && !f->node->starting;
	if (!f->idle)
		agent_pause(f->node, true);
}

/* It may have been killed since then. */
static void
agent_thaws(struct fault *f)
{
	if (!f->idle && f->life == f->node->life)
		agent_pause(f->node, false);
}

/* As an init system does that misses its heart-beat. */
static void
agent_barks(struct fault *f)
{
	if (f->idle || f->life != f->node->life || f->node->suspended > 0)
		return;
	say(f->node, "the agent is killed: its watchdog");
	agent_kill(f->node);
	world_in(between(50 * MS, 3 * SEC), OF_WORLD, f->node, supervise, NULL,
	    0, NULL);
}

/*
 * Agent and guard.
 */

static void
thaws_later(struct node *n, void *arg, int64_t unused)
{
	(void)n;
	(void)unused;
	agent_thaws(arg);
}

static void
both_freeze(struct fault *f)
{
	guard_freezes(f);
	agent_freezes(f);
}

/* One of them is first. */
static void
both_thaw(struct fault *f)
{
	int64_t	later = between(0, 30 * SEC);

	if (chance(50)) {
		guard_thaws(f);
		world_in(later, OF_WORLD, f->node, thaws_later, f, 0, NULL);
	} else {
		agent_thaws(f);
		guard_thaws(f);
	}
}

static void
both_die(struct fault *f)
{
	guard_dies(f);
	agent_dies(f);
}

/* By an init system that does not know which of them to ask. */
static void
all_told(struct fault *f)
{
	agent_told(f);
	if (!f->idle)
		guards_are_told(f->node);
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
host_ends(struct fault *f)
{
	struct node	*n = f->node;

	n->down++;
	application_dies(n);
	agent_kill(n);
	node_kill_role(n, n->role);
	guards_die(n);
	consul_dies(f);
}

/* By chance of its own: on a disk, a boot does not empty the run_dir. */
static void
host_dies(struct fault *f)
{
	uint64_t	before = random_begin(~world.seed ^
			    (uint64_t)world.now);
	bool		kept = chance(50);

	random_back(before);
	host_ends(f);
	host_boots(f->node, kept);
}

/* A machine or a container is made of another one, of the master if there is
 * one, with its run_dir. */
static void
host_is_copied(struct fault *f)
{
	struct node	*n = f->node;
	struct node	*other = &world.nodes[(n->id + 1) % world.count];
	int		 i;

	for (i = 0; i < world.count; i++)
		if (&world.nodes[i] != n && world.nodes[i].acting)
			other = &world.nodes[i];
	host_ends(f);
	say(n, "it is a copy of %s now", other->name);
	host_is_copy_of(n, other, chance(50));
	if (chance(30))
		host_boots(n, true);
}

static void
host_returns(struct fault *f)
{
	consul_returns(f);
	application_starts(f->node);
	f->node->down--;
	supervise(f->node, NULL, 0);
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
	(void)f;
	consul_delete_key();
}

static void
key_released(struct fault *f)
{
	(void)f;
	consul_force_release(chance(50) ? "" : "mine! {\"state\"");
}

static void
key_overwritten(struct fault *f)
{
	(void)f;
	consul_overwrite_key(chance(50) ? "" : "mine! {\"state\"");
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

static void
replication_stops(struct fault *f)
{
	copy_lags(f->node, true);
}

static void
replication_resumes(struct fault *f)
{
	copy_lags(f->node, false);
}

static void
written_to(struct fault *f)
{
	copy_diverges(f->node);
}

#define COUNTER(field)	offsetof(struct node, field)
static const struct fault_kind kinds[] = {
	{ "host cut off", cut, heal, 500, 40000, COUNTER(cut_out),
	    COUNTER(cut_in), A_NODE },
	{ "host cut off, out", cut, heal, 500, 40000, COUNTER(cut_out), 0, A_NODE },
	{ "host cut off, in", cut, heal, 500, 40000, COUNTER(cut_in), 0, A_NODE },
	/* whose polls go on */
	{ "agent cut from its Consul agent", more, less, 200, 30000,
	    COUNTER(cut_local), 0, A_NODE },
	{ "token may not touch the key", more, less, 1000, 40000,
	    COUNTER(denied), 0, A_NODE },
	{ "token revoked", more, less, 1000, 60000, COUNTER(revoked), 0, A_NODE },
	{ "Consul agent killed", consul_dies, consul_returns, 500, 30000, 0, 0, A_NODE },
	{ "Consul agent leaves", consul_leaves, consul_returns, 1000, 30000, 0, 0, A_NODE },
	{ "Consul agent frozen", cut, mend, 500, 30000, COUNTER(consul_frozen), 0, A_NODE },
	{ "Consul slow", gets_slow, gets_fast, 1000, 30000, 0, 0, ALL },
	{ "errors that took effect", gets_lossy, gets_sure, 1000, 30000, 0, 0, ALL },
	{ "agent killed", agent_dies, agent_returns, 100, OR_NEVER(60000), 0, 0, A_NODE },
	{ "agent stopped (SIGTERM)", agent_told, agent_returns, 500, 20000, 0, 0, A_NODE },
	{ "agent frozen (SIGSTOP)", agent_freezes, agent_thaws, 50,
	    OR_NEVER(60000), 0, 0, A_NODE },
	{ "agent hangs, and is killed for it", agent_freezes, agent_barks, 500,
	    30000, 0, 0, A_NODE },
	{ "guard killed", guard_dies, NULL, 0, 0, 0, 0, A_NODE },
	{ "guard frozen", guard_freezes, guard_thaws, 50, OR_NEVER(30000), 0, 0, A_NODE },
	{ "guard can't be started", guard_prevented, guard_allowed, 500, 10000, 0, 0, A_NODE },
	{ "agent and guard killed", both_die, agent_returns, 100,
	    OR_NEVER(20000), 0, 0, A_NODE },
	{ "agent and guard frozen", both_freeze, both_thaw, 500, 30000, 0, 0, A_NODE },
	{ "machine suspended", suspend, wake, 500, 60000, 0, 0, A_NODE },
	{ "application dies", dies, lives, 200, 20000, 0, 0, A_NODE },
	{ "host dies", host_dies, host_returns, 5000, 30000, 0, 0, A_NODE },
	{ "application sick", more, less, 1000, 30000, COUNTER(sick), 0, A_NODE },
	{ "application busy", more, less, 1000, 40000, COUNTER(busy), 0, A_NODE },
	{ "plugin misbehaves", more, less, 1000, 30000, COUNTER(trouble), 0, A_NODE },
	{ "disable file", more, less, 2000, 20000, COUNTER(disabled), 0, A_NODE },
	{ "wall clock stepped", step_clock, NULL, 0, 0, 0, 0, A_NODE },
	{ "Consul leader changes", leader_changes, quorum_returns, 1000, 15000, 0, 0, ALL },
	{ "Consul has no quorum", quorum_lost, quorum_returns, 1000, 60000, 0, 0, ALL },
	{ "Consul servers restarted", quorum_lost, servers_return, 500, 10000, 0, 0, ALL },
	{ "key deleted", key_deleted, NULL, 0, 0, 0, 0, ALL },
	{ "key released by hand", key_released, NULL, 0, 0, 0, 0, ALL },
	{ "key overwritten", key_overwritten, NULL, 0, 0, 0, 0, ALL },
	{ "session destroyed by hand", session_destroyed, NULL, 0, 0, 0, 0, ALL },
	{ "service deregistered by hand", deregistered, NULL, 0, 0, 0, 0, A_NODE },
	{ "replication stops", replication_stops, replication_resumes, 500,
	    OR_NEVER(40000), 0, 0, ONLY_DATA },
	{ "written to by hand", written_to, NULL, 0, 0, 0, 0, ONLY_DATA },
	/* These are drawn apart.  Whoever else could take it: see faults_begin() */
	{ "not handed out by Consul", more, less, 1000, 40000, COUNTER(yields),
	    0, A_NODE },
	/* the same */
	{ "host becomes a copy of another", host_is_copied, host_returns, 5000,
	    30000, 0, 0, A_NODE },
	{ "run file of another user", run_file_given, run_file_returned, 1000,
	    20000, 0, 0, A_NODE },
	/* see draw_late() */
	{ "guard hangs", guard_hangs, guard_goes_on, 50, OR_NEVER(30000), 0, 0, A_NODE },
	{ "guard gets a log rotation's signal", guard_is_rotated, NULL, 0, 0,
	    0, 0, A_NODE },
	{ "agent and guard stopped (SIGTERM)", all_told, agent_returns, 500,
	    20000, 0, 0, A_NODE },
};
#define KINDS	(sizeof kinds / sizeof kinds[0])
#define LATE	3		/* the last: thought of when others were */
#define OF_HOSTS	2
#define YIELD	(KINDS - LATE - OF_HOSTS - 1)
#define PATH_KINDS	11	/* the first: from the agent to Consul */
#define AGENT_KINDS	10	/* the next: agent, guard and machine */

_Static_assert(KINDS <= sizeof world.counts.faults /
    sizeof world.counts.faults[0], "a kind that is not counted");

static void
disturb(const struct fault *f, int by)
{
	switch (f->kind->disturbs) {
	case A_NODE:
		f->node->copy.faults += by;
		copy_disturbed(f->node);
		break;
	case ALL:
		world.faults += by;
		copy_disturbed(NULL);
		break;
	case ONLY_DATA:
		break;
	}
}

static void
fault_ends(struct node *n, void *arg, int64_t unused)
{
	struct fault	*f = arg;

	(void)unused;
	say(n, "--- over: %s", f->kind->name);
	disturb(f, -1);
	f->kind->end(f);
}

static struct node *
fault_place(void)
{
	int	i;

	if (focus != NULL)
		return focus;
	if (chance(60))
		for (i = 0; i < world.count; i++)
			if (world.nodes[i].acting)
				return &world.nodes[i];
	return &world.nodes[between(0, world.count - 1)];
}

static void
end_who_takes_it(void (*begin)(struct fault *))
{
	size_t	i;

	for (i = 0; kinds[i].begin != begin; i++)
		continue;
	faults[fault_count++] = (struct fault){ .kind = &kinds[i],
	    .lasts = between(SEC, 20 * SEC), .at = world.now,
	    .when = CORE_STATE_PROMOTING };
}

/* Who takes a lock whose key was deleted waits for the master that may be left,
 * and may be stopped before that is over; or be killed, by chance of its own. */
static void
disturb_who_takes_it(void)
{
	uint64_t	before;

	if (fault_count == sizeof faults / sizeof faults[0])
		return;
	if (chance(50)) {
		before = random_begin(~world.seed ^ (uint64_t)world.now);
		if (chance(50))
			end_who_takes_it(agent_dies);
		random_back(before);
	} else
		end_who_takes_it(agent_told);
}

static void
fault_happens(struct fault *f)
{
	const struct fault_kind	*k = f->kind;

	world.counts.faults[k - kinds]++;
	say(f->node, "--- %s%s", k->name, k->end == NULL ? "" : " …");
	disturb(f, k->end != NULL);
	k->begin(f);
}

static void
fault_begins(struct node *n, void *arg, int64_t unused)
{
	struct fault			*f = arg;
	const struct fault_kind		*k = f->kind;

	(void)unused;
	if (world.now >= faults_until)
		return;
	f->node = n != NULL ? n : fault_place();
	if (focused && focus == NULL)
		focus = f->node;
	if (f->lasts > faults_until - world.now)
		f->lasts = faults_until - world.now;
	fault_happens(f);
	if (k->begin == key_deleted)
		disturb_who_takes_it();
	if (k->end != NULL && (k->longest >= 0 || !chance(NEVER_PERCENT)))
		world_in(f->lasts, OF_WORLD, f->node, fault_ends, f, 0, NULL);
}

/* Lets it happen before the agent does anything more. */
static void
fault_ends_moment(struct node *n, void *arg, int64_t life)
{
	(void)arg;
	if (n->life == (uint32_t)life && n->stopped > 0)
		agent_pause(n, false);
}

static void
fault_at_once(struct fault *f, struct node *n)
{
	agent_pause(n, true);
	world_in(0, OF_WORLD, n, fault_begins, f, 0, NULL);
	world_in(0, OF_WORLD, n, fault_ends_moment, NULL, n->life, NULL);
}

/* The worst moments are those when something is under way. */
bool
faults_moment(struct node *n, int moment)
{
	static const int64_t	later[] = { 2 * MS, 30 * MS, 3 * SEC };
	int64_t			delay;
	size_t			i;

	for (i = 0; i < fault_count; i++) {
		struct fault	*f = &faults[i];

		if (f->when != moment || world.now < f->at)
			continue;
		f->when = MOMENT_NEVER;
		if (moment >= MOMENT_OF_ACTION && chance(60)) {
			fault_at_once(f, n);
			return true;
		}
		delay = later[between(0, 2)];
		delay = between(0, delay);
		world_in(delay, OF_WORLD, chance(80) ? n : NULL, fault_begins,
		    f, 0, NULL);
	}
	return false;
}

static int64_t
fault_length(const struct fault_kind *k)
{
	int64_t	longest = k->longest < 0 ? -k->longest : k->longest;

	while (longest / 2 > k->shortest && chance(50))
		longest /= 2;
	return between(k->shortest, longest) * MS;
}

static void
fault_draw(struct fault *f, const struct fault_kind *kind)
{
	static const int	moments[] = {
		CORE_STATE_PROMOTING, CORE_STATE_MASTER, CORE_STATE_DEMOTING,
		CORE_STATE_CANDIDATE, CORE_STATE_SLAVE, CORE_STATE_FENCED,
		MOMENT_OF_ACQUIRE, MOMENT_OF_FIRING,
		MOMENT_OF_LEAVING, MOMENT_OF_LEAVING, MOMENT_OF_LEAVING,
		MOMENT_OF_LEAVING, MOMENT_OF_PROMOTION, MOMENT_OF_DEMOTION,
		MOMENT_OF_DEMOTION, MOMENT_OF_ACTION + CORE_DO_RELEASE,
		MOMENT_OF_ACTION + CORE_DO_LEASE,
		MOMENT_OF_ACTION + CORE_DO_END_LEASE,
		MOMENT_OF_ACTION + CORE_DO_REMEMBER,
		MOMENT_OF_ACTION + CORE_DO_WANT_SESSION,
	};
	int64_t			last = sizeof moments / sizeof moments[0] - 1;

	memset(f, 0, sizeof *f);
	f->kind = kind;
	f->lasts = fault_length(kind);
	f->at = between(SEC, faults_until - SEC);
	f->when = MOMENT_NEVER;
	if (chance(50))
		f->when = moments[between(0, last)];
	else
		world_in(f->at, OF_WORLD, NULL, fault_begins, f, 0, NULL);
}

/* Of whoever is master then, or of n. */
static void
apart_begins(struct node *n, void *arg, int64_t unused)
{
	struct fault	*f = arg;
	int		 i;

	(void)unused;
	for (i = 0; n == NULL && i < world.count; i++)
		if (world.nodes[i].acting)
			n = &world.nodes[i];
	f->node = n != NULL ? n : &world.nodes[0];
	fault_happens(f);
	world_in(f->lasts, OF_WORLD, f->node, fault_ends, f, 0, NULL);
}

static void
draw_apart(struct fault *f, const struct fault_kind *kind)
{
	struct node	*n = &world.nodes[between(0, world.count - 1)];
	int64_t		 at = between(SEC, faults_until - SEC);

	*f = (struct fault){ .kind = kind, .lasts = fault_length(kind) };
	if (f->lasts > faults_until - at)
		f->lasts = faults_until - at;
	world_in(at, OF_WORLD, chance(60) ? NULL : n, apart_begins, f, 0, NULL);
}

/* By chance of their own, so that without them a schedule is what it was before
 * they were thought of. */
static void
draw_some_apart(struct fault *list, uint64_t stream, int percent, size_t first,
    size_t kinds_count)
{
	uint64_t	before = random_begin(~world.seed ^ stream);
	int64_t		count = chance(percent) ? between(1, APART_MAX) : 0, i;

	for (i = 0; i < count; i++)
		draw_apart(&list[i], &kinds[first + (kinds_count == 1 ? 0 :
		    (size_t)between(0, (int64_t)kinds_count - 1))]);
	random_back(before);
}

/* By chance of their own, too. */
static void
draw_late(void)
{
	uint64_t	before = random_begin(~world.seed ^ LATE_STREAM);
	int64_t		count = chance(30) ? between(1, LATE_MAX) : 0, i;

	for (i = 0; i < count; i++)
		fault_draw(&faults[fault_count++],
		    &kinds[between(KINDS - LATE, KINDS - 1)]);
	random_back(before);
}

void
faults_begin(int64_t until, bool with_yields)
{
	size_t	chosen[KINDS_MAX], count, i;

	faults_until = until;
	leaderless = 0;
	focused = chance(40);
	focus = NULL;
	count = (size_t)between(1, KINDS_MAX);
	for (i = 0; i < count; i++)
		chosen[i] = (size_t)between(0, YIELD - 1);
	/* What a guard is for: nobody is heard, and nobody acts. */
	if (count > 1 && chance(40)) {
		int64_t	of_path = between(0, PATH_KINDS + 1);
		int64_t	of_agent = between(-2, AGENT_KINDS - 1);

		if (of_path >= PATH_KINDS)
			of_path = PATH_KINDS - 1;	/* ambiguous answers */
		if (of_agent < 0)
			of_agent = 0;			/* it is killed */
		chosen[0] = (size_t)of_path;
		chosen[1] = (size_t)(PATH_KINDS + of_agent);
	}
	fault_count = (size_t)between(2, FAULTS_MAX);
	for (i = 0; i < fault_count; i++)
		fault_draw(&faults[i], &kinds[chosen[between(0,
		    (int64_t)count - 1)]]);
	if (!with_yields)
		return;
	draw_some_apart(yields, 0, 25, YIELD, 1);
	draw_some_apart(of_hosts, HOSTS_STREAM, 10, YIELD + 1, OF_HOSTS);
	draw_late();
}

const char *
fault_name(size_t i)
{
	return i < KINDS ? kinds[i].name : NULL;
}

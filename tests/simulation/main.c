/*
 * main.c - the simulator: many schedules of faults, in virtual time.
 *
 * Linked in are the daemon's own objects of core*.c and election.c (what is
 * decided), lock*.c, candidates.c, leave.c (what is sent to Consul), several of
 * each in one process.  Around them is a world of chance that one seed decides:
 *
 *	world.c		time, clocks, the invariants
 *	events.c	libevent's loop, timers and signals
 *	servers.c	a Consul cluster
 *	consul_model.c	the requests to it, behind consul.h
 *	node.c		a machine, its application, and the agent's life there
 *	plugin_model.c	the handlers, and the plugin in them
 *	parts_model.c	what else the agent rests on
 *	seam.c		what passes between the daemon's own objects
 *	copies.c	the copies' data and their replication; invariant 3
 *	guards.c	the guards' life
 *	fiber.c		the stack on which each of them waits
 *	guard_signals.c	their signals
 *	guard_poll.c	their timers, and what they wait for
 *	guard_client.c	the start of an agent's guard
 *	guard_fakes.c	what both of these rest on
 *	leave_model.c	the guards' runs of `leave`
 *	host_files.c	the files of each host
 *	host_calls.c	the system's calls for them
 *	faults.c	what goes wrong
 *	guard_faults.c	… with the guards
 *
 * After each step: no two nodes act as master, from the call of ensure_master
 * to the end of ensure_demoted, ensure_slave or the application; the epoch of
 * those calls grows; no core is broken (core_check.c); no agent starts beside a
 * call of the one before, unless that one's guard was killed, too, or hung; none
 * continues with a run file of another machine or boot, or works with one of
 * another user.
 *
 * A guard that demotes calls again within 1 s, and ends with an agent that has
 * ended in good order.  It ends for no signal but that of the next guard, which
 * does not kill it in a demotion or release whose time is not over.  It does not
 * spin.
 *
 * Once all faults are over, there is one master among the nodes whose agents run
 * within 2 TTL + lock_delay + fuse + demote_deadline + 30 s, plus what a node
 * holds itself back that could not be made master, plus a long poll whose answer
 * was lost.  An agent may be killed or hang at any moment and for ever.
 *
 * A copy that is made master has all that a better one (which has all of that,
 * and more) had when the last master had stopped writing, if both nodes have
 * been healthy and in peace since 3 s before the copies could be compared; and,
 * before its first write, all that a controlled hand-over has left.  Such an
 * election takes less than its wait, and no question if no other node is there.
 * If [election] max_behind is set, no copy in peace takes the lock that lacks
 * more of what the last master has published; then there may be no master.
 * Not held against a node:
 * - that it missed a copy that compared too late to be heard, or whose plugin
 *   or long poll hangs;
 * - that the wait is over, if that is true of a third copy;
 * - a missing key, for which the copies are compared while one may still write,
 *   and which looks as it did the last time it was missing;
 * - what was handed over and is given up after catch_up, if the copies that have
 *   it, or the way to them, were not in peace all the time; that is counted;
 * - what was handed over, if the next holder died before it passed it on, or
 *   the key was changed by hand.
 *
 * Nor is held against a node:
 * - an overlap while its machine is suspended;
 * - one while neither its agent nor its guard can act, because each is dead or
 *   hangs, or the agent has logged that its plugin fails to demote the copy, if
 *   a guard had the lease as the copy was made master;
 * - one in the 0.1 s after that has ended with the lease run out meanwhile, and
 *   in the demotion and on_fence_failure (demote_deadline + 0.4 s) that must
 *   have begun by then; once more if the guard hangs again in that, and
 *   the agent has begun its own;
 * - one after it was logged that its plugin can't demote the copy.  If
 *   on_fence_failure works and the guard has not hung, that is no excuse: the
 *   copy must be dead in time.
 *
 * Every run of the tests plays the same range, one that was never played before
 * (--fresh), and the seeds that have failed once (tests/simulation/seeds).
 *
 * `simulation --seed N --trace` shows one schedule: world's seconds, the node,
 * and what happens there.
 */

#include "sim.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX	64
#define WATCH_LOST	65000	/* ms of a long poll, and its time-out */
#define LIMIT_STREAM	0x6c696d6974	/* "limit" */
#define FRESH_RANGE	1000000	/* seeds that one number in FRESH stands for */

struct options {
	uint64_t	 from, schedules;
	int		 jobs;
	enum bug	 bug;
	bool		 trace, keep_going, no_yields;
	const char	*seeds;			/* a file of them; NULL: none */
	uint64_t	 seconds, order;	/* for --bugs; 0: as many as needed */
};

struct result {
	struct counts	 counts;
	uint64_t	 failed, first;		/* schedules; the first's seed */
	char		 failure[sizeof world.failure];
};

#define BUG_ROW(id, name, text)	{ name, text },
static const struct {
	const char	*name, *text;
} bugs[] = { BUGS(BUG_ROW) };

/*
 * One schedule.
 */

/* Anything that config_load takes; tight values find more. */
static struct config
draw_config(void)
{
	struct config	c = {
		.file = (char *)"app.ini",
		.service_name = (char *)"app", .service_id = (char *)"app",
		.run_dir = (char *)"/run",
		.max_behind = -1, .position_interval = 10000,
		.service_port = 8080, .health_deadline = 5000,
		.role_interval = 10000, .session_ttl = 10000,
		.check_interval = 2000,
	};
	static const int64_t	waits[] = { 300, 1500, 5000 };

	c.election_wait = between(1, 3) * 1000;
	c.catch_up = between(2, 8) * 1000;
	c.health_interval = between(1, 2) * 1000;
	c.master_deadline = between(1, 10) * 3000;
	c.slave_deadline = between(1, 10) * 6000;
	c.demote_deadline = between(1, 4) * 1000;
	c.busy_limit = between(1, 6) * 10000;
	c.promote_limit = between(1, 6) * 10000;
	c.request_timeout = between(1, 2) * 1000;
	c.verify_interval = between(1, 2) * 1000;
	c.bind_node = chance(70);
	c.check_failures = between(1, 2);
	c.restart_wait = waits[between(0, 2)];
	c.fuse = c.verify_interval + c.request_timeout;
	c.fuse += between(1, 6) * 1000;
	c.lock_delay = c.fuse + c.demote_deadline + 1000;
	if (chance(50))
		c.lock_delay += between(0, 2000);
	return c;
}

/* By chance of its own, as in draw_some_apart(). */
static void
draw_limit(struct config *c)
{
	uint64_t	before = random_begin(~world.seed ^ LIMIT_STREAM);
	int64_t		limit = between(0, 12);

	world.limited = world.tells && chance(15);
	if (world.limited)
		c->max_behind = limit;
	random_back(before);
}

static void
build_world(void)
{
	struct config	c = draw_config();
	int		i;

	if (world.bug == BUG_SHORT_DELAY)
		c.lock_delay = 1000;
	if (world.bug == BUG_PROOF_AT_ARRIVAL)	/* it needs a tight one */
		c.lock_delay = c.fuse + c.demote_deadline + 1000;
	consul_begin();
	world.count = (int)between(2, NODES_MAX);
	if (chance(50))
		world.count = 3;
	world.noise = (int)between(0, 4) * 10;
	world.fences = chance(50);
	c.on_fence_failure = (char *)(world.fences ? "kill it" : "");
	world.tells = chance(90);
	world.rewinds = chance(50);
	draw_limit(&c);
	say(NULL, "%d nodes; fuse %d ms, demote_deadline %d ms, lock_delay "
	    "%d ms, request_timeout %d ms, restart_wait %d ms, %s%s",
	    world.count, (int)c.fuse, (int)c.demote_deadline,
	    (int)c.lock_delay, (int)c.request_timeout, (int)c.restart_wait,
	    c.bind_node ? "bound to serfHealth" : "not bound to serfHealth",
	    world.fences ? ", on_fence_failure" : "");
	for (i = 0; i < world.count; i++) {
		c.priority = chance(70) ? 100 : between(0, 200);
		c.never_master = i > 1 && chance(10);
		node_begin(&world.nodes[i], i, &c);
		world_in(between(0, 3 * SEC), OF_WORLD, &world.nodes[i],
		    agent_starts, NULL, 0, NULL);
	}
}

/* A node that could not be made master holds itself back for a while; one
 * whose long poll was lost on its way hears nothing until it gives that up. */
static int64_t
time_to_settle(void)
{
	const struct config	*c = &world.nodes[0].config;
	int64_t			 held_off = 0, deaf = 0;
	int			 i;

	if (world.watch_lost_at > 0 &&
	    world.now - world.watch_lost_at < WATCH_LOST * MS)
		deaf = WATCH_LOST;
	for (i = 0; i < world.count; i++) {
		const struct node	*n = &world.nodes[i];
		int64_t			 ms = n->core->hold_off - node_clock(n);

		if (n->running && ms > held_off)
			held_off = ms;
	}
	return (2 * c->session_ttl + c->lock_delay + c->fuse +
	    c->demote_deadline + 2 * c->election_wait + c->catch_up + 30000 +
	    held_off + deaf) * MS;
}

static void
settle(void)
{
	int64_t	limit = time_to_settle(), next;

	say(NULL, "--- no more faults");
	world.quiet = true;
	world.quiet_at = world.now;
	while (world.failure[0] == '\0' && !check_settled()) {
		next = world.now + SEC;
		while (world.failure[0] == '\0' && world_step(next))
			;
		if (world.now - world.quiet_at > limit)
			world_fail("no master and its slaves within %d s",
			    (int)(limit / SEC));
	}
	if (world.now - world.quiet_at > world.counts.longest_settling)
		world.counts.longest_settling = world.now - world.quiet_at;
}

/* False where an invariant did not hold: world.failure says which. */
static bool
run_schedule(uint64_t seed, bool with_yields)
{
	int64_t	until;
	int	i;

	world_begin(seed);
	until = between(15, 70) * SEC;
	build_world();
	faults_begin(until, with_yields);
	while (world.failure[0] == '\0' && world_step(until))
		;
	if (world.failure[0] == '\0')
		settle();
	world.counts.schedules++;
	world.counts.seconds += (uint64_t)(world.now / SEC);
	for (i = 0; i < world.count; i++)
		node_end(&world.nodes[i]);
	consul_end();
	world_end();
	return world.failure[0] == '\0';
}

/*
 * Many.
 */

/* Of all shares, in memory that they share: none needs to look behind it. */
static _Atomic uint64_t	*first_failure;

static void
failed_at(uint64_t seed)
{
	uint64_t	was = atomic_load(first_failure);

	while (seed < was &&
	    !atomic_compare_exchange_weak(first_failure, &was, seed))
		;
}

static struct result
run_share(const struct options *o, int job)
{
	struct result	r = { 0 };
	uint64_t	seed;

	memset(&world.counts, 0, sizeof world.counts);
	for (seed = o->from + (uint64_t)job; seed < o->from + o->schedules;
	    seed += (uint64_t)o->jobs) {
		if (!o->keep_going && seed > atomic_load(first_failure))
			break;
		if (run_schedule(seed, !o->no_yields))
			continue;
		failed_at(seed);
		if (r.failed++ == 0) {
			r.first = seed;
			memcpy(r.failure, world.failure, sizeof r.failure);
		}
		if (!o->keep_going)
			break;
		fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, world.failure);
	}
	r.counts = world.counts;
	return r;
}

static void
add(struct result *sum, const struct result *r)
{
	struct counts		*s = &sum->counts;
	const struct counts	*c = &r->counts;
	size_t			 i;

	s->schedules += c->schedules;
	s->seconds += c->seconds;
	s->events += c->events;
	s->promotions += c->promotions;
	s->failovers += c->failovers;
	s->warned += c->warned;
	s->woken += c->woken;
	s->fired += c->fired;
	s->left += c->left;
	s->judged += c->judged;
	s->better += c->better;
	s->partly += c->partly;
	s->alone += c->alone;
	s->elections += c->elections;
	s->even += c->even;
	s->handovers += c->handovers;
	s->given_up += c->given_up;
	s->voided += c->voided;
	s->untold += c->untold;
	s->limited += c->limited;
	if (c->longest_election > s->longest_election)
		s->longest_election = c->longest_election;
	if (c->longest_even > s->longest_even)
		s->longest_even = c->longest_even;
	if (c->longest_settling > s->longest_settling)
		s->longest_settling = c->longest_settling;
	for (i = 0; fault_name(i) != NULL; i++)
		s->faults[i] += c->faults[i];
	if (r->failed > 0 && (sum->failed == 0 || r->first < sum->first)) {
		sum->first = r->first;
		memcpy(sum->failure, r->failure, sizeof sum->failure);
	}
	sum->failed += r->failed;
}

/* A process a share, each of which sends its result home. */
static struct result
run_all(const struct options *o)
{
	struct result	sum = { 0 }, r;
	int		pipes[JOBS_MAX], ends[2], job, status;

	if (first_failure == NULL)
		first_failure = mmap(NULL, sizeof *first_failure, PROT_READ |
		    PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (first_failure == MAP_FAILED)
		exit(2);
	atomic_store(first_failure, UINT64_MAX);
	for (job = 0; job < o->jobs; job++) {
		if (pipe(ends) != 0)
			exit(2);
		pipes[job] = ends[0];
		if (fork() == 0) {
			r = run_share(o, job);
			_exit(write(ends[1], &r, sizeof r) != sizeof r);
		}
		close(ends[1]);
	}
	for (job = 0; job < o->jobs; job++) {
		if (read(pipes[job], &r, sizeof r) != sizeof r) {
			printf("FAILED: the simulator crashed in share %d "
			    "from seed %" PRIu64 "%s%s\n", job, o->from,
			    o->bug == BUG_NONE ? "" : " with --bug ",
			    bugs[o->bug].name);
			exit(2);
		}
		add(&sum, &r);
		close(pipes[job]);
	}
	while (wait(&status) > 0)
		;
	return sum;
}

static void
print_summary(const struct result *r)
{
	const struct counts	*c = &r->counts;
	size_t			 i;

	printf("%" PRIu64 " schedules, %" PRIu64 " virtual hours, %" PRIu64
	    " steps\n%" PRIu64 " promotions, %" PRIu64 " failovers; settled "
	    "within %.1f s at most\n%" PRIu64 " times a plugin could not "
	    "demote in time, %" PRIu64 " times a master stood still\n%" PRIu64
	    " times a guard has demoted, %" PRIu64 " times `leave` has run\n",
	    c->schedules, c->seconds / 3600, c->events, c->promotions,
	    c->failovers, (double)c->longest_settling / 1e6, c->warned,
	    c->woken, c->fired, c->left);
	printf("invariant 3: %" PRIu64 " promotions where another copy was "
	    "there to be compared: %" PRIu64 " of the better one, %" PRIu64
	    " of one of two that lack something of the other\n%" PRIu64
	    " elections with nobody else: no question asked; %" PRIu64
	    " with all others heard: within %.3f s; %" PRIu64 " of them among "
	    "equals: within %.3f s\n%" PRIu64 " hand-overs complete, %" PRIu64
	    " given up after catch_up, %" PRIu64 " without a position, %"
	    PRIu64 " void by a hand or a failure\n%" PRIu64 " times settled "
	    "without a master, as max_behind wants\n", c->judged, c->better,
	    c->partly, c->alone, c->elections,
	    (double)c->longest_election / 1e6, c->even,
	    (double)c->longest_even / 1e6, c->handovers, c->given_up,
	    c->untold, c->voided, c->limited);
	for (i = 0; fault_name(i) != NULL; i++)
		printf("%10" PRIu64 "  %s\n", c->faults[i], fault_name(i));
}

static void
print_failure(const struct options *o, const struct result *r)
{
	printf("FAILED: %" PRIu64 " schedules, the first is seed %" PRIu64
	    ": %s\nSee it with: simulation%s%s --seed %" PRIu64 " --trace\n"
	    "Have it played in every run: echo %" PRIu64
	    " >>tests/simulation/seeds\n", r->failed, r->first, r->failure,
	    o->bug == BUG_NONE ? "" : " --bug ", bugs[o->bug].name, r->first,
	    r->first);
}

/* What each of the jobs has had of a processor. */
static uint64_t
seconds_used(const struct options *o)
{
	struct rusage	u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) /
	    (uint64_t)o->jobs;
}

/* Each planted bug must be found, of which as many are played as begin in the
 * seconds that there are: of the processors, as others may be at work, too. */
static int
find_bugs(struct options *o)
{
	int		missed = 0, played = 0, all = BUG_COUNT - 1, bug;

	for (; played < all && (o->seconds == 0 ||
	    seconds_used(o) < o->seconds); played++) {
		struct result	r;

		bug = BUG_NONE + 1 + (int)((o->order + (uint64_t)played) %
		    (uint64_t)all);
		world.bug = o->bug = (enum bug)bug;
		r = run_all(o);
		missed += r.failed == 0;
		if (r.failed > 0)
			printf("found  %-24s seed %-6" PRIu64 " %s\n",
			    bugs[bug].name, r.first, r.failure);
		else
			printf("MISSED %-24s in %" PRIu64 " schedules: %s\n",
			    bugs[bug].name, r.counts.schedules,
			    bugs[bug].text);
		fflush(stdout);
	}
	printf("%d of %d planted bugs found, of %d that there are\n",
	    played - missed, played, all);
	return missed > 0;
}

static int
run_one(const struct options *o)
{
	world.trace = o->trace;
	if (run_schedule(o->from, !o->no_yields)) {
		puts("all invariants held");
		return 0;
	}
	printf("FAILED: seed %" PRIu64 ": %s\n", o->from, world.failure);
	return 1;
}

static int
run_many(const struct options *o)
{
	struct result	r = run_all(o);

	print_summary(&r);
	if (r.failed == 0)
		return 0;
	print_failure(o, &r);
	return 1;
}

/* Each seed that has failed once, one a line. */
static int
run_list(const struct options *o)
{
	FILE		*list = fopen(o->seeds, "r");
	char		 line[256];
	uint64_t	 seed;
	int		 played = 0, failed = 0, yields;

	if (list == NULL) {
		perror(o->seeds);
		return 2;
	}
	while (fgets(line, sizeof line, list) != NULL) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%" SCNu64, &seed) != 1) {
			fprintf(stderr, "%s: no seed: %s", o->seeds, line);
			break;
		}
		/* The older ones are of before there were yields. */
		for (yields = 0; yields < 2; yields++) {
			played++;
			if (run_schedule(seed, yields))
				continue;
			failed++;
			printf("FAILED: seed %" PRIu64 ": %s\nSee it with: "
			    "simulation --seed %" PRIu64 "%s --trace\n", seed,
			    world.failure, seed, yields ? "" : " --no-yields");
		}
	}
	printf("%d of the %d schedules of %s failed\n", failed, played, o->seeds);
	failed += !feof(list);
	fclose(list);
	return failed > 0 || played == 0;
}

static bool
read_number(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	char	*end;

	*number = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	    *number >= low && *number <= high;
}

/* A range that nobody has played before: by the time, or as FRESH says, which
 * is the time of the run that is to be repeated. */
static bool
draw_range(struct options *o)
{
	const char	*given = getenv("FRESH");
	uint64_t	 number = (uint64_t)time(NULL);

	if (given != NULL && given[0] != '\0' && !read_number(given, 1,
	    INT64_MAX / FRESH_RANGE - 1, &number)) {
		fprintf(stderr, "FRESH=%s is no number\n", given);
		return false;
	}
	o->from = number * FRESH_RANGE;
	printf("To play these again: simulation --from %" PRIu64
	    " --schedules %" PRIu64 "\n", o->from, o->schedules);
	fflush(stdout);
	return true;
}

static int
usage(void)
{
	size_t	i;

	fputs("usage: simulation [--schedules N] [--from SEED | --fresh] "
	    "[--jobs N] [--bug NAME]\n"
	    "                  [--keep-going] [--no-yields]\n"
	    "       simulation --seed SEED [--trace] [--bug NAME] [--no-yields]\n"
	    "       simulation --seeds FILE\n"
	    "       simulation --bugs [--schedules N] [--from SEED] "
	    "[--jobs N]\n                  [--seconds N]\n\nBugs that can be planted:\n", stderr);
	for (i = 1; i < BUG_COUNT; i++)
		fprintf(stderr, "  %-26s%s\n", bugs[i].name, bugs[i].text);
	return 2;
}

static bool
read_bug(const char *name, enum bug *bug)
{
	int	i;

	for (i = 1; i < BUG_COUNT; i++)
		if (strcmp(bugs[i].name, name) == 0) {
			*bug = (enum bug)i;
			return true;
		}
	return false;
}

int
main(int argc, char **argv)
{
	struct options	o = { .from = 1, .schedules = 1000, .jobs = 1 };
	struct options	drawn = { 0 };
	bool		one = false, all_bugs = false, fresh = false, ok = true;
	uint64_t	jobs = 1;
	int		i;

	for (i = 1; i < argc && ok; i++) {
		const char	*a = argv[i], *v = argv[i + 1];

		if (strcmp(a, "--trace") == 0)
			o.trace = true;
		else if (strcmp(a, "--keep-going") == 0)
			o.keep_going = true;
		else if (strcmp(a, "--no-yields") == 0)
			o.no_yields = true;
		else if (strcmp(a, "--fresh") == 0)
			fresh = true;
		else if (strcmp(a, "--bugs") == 0)
			all_bugs = true;
		else if (v == NULL)
			ok = false;
		else if (strcmp(a, "--schedules") == 0)
			ok = read_number(argv[++i], 1, INT64_MAX,
			    &o.schedules);
		else if (strcmp(a, "--from") == 0)
			ok = read_number(argv[++i], 0, INT64_MAX, &o.from);
		else if (strcmp(a, "--seed") == 0)
			ok = one = read_number(argv[++i], 0, INT64_MAX,
			    &o.from);
		else if (strcmp(a, "--jobs") == 0)
			ok = read_number(argv[++i], 1, JOBS_MAX, &jobs);
		else if (strcmp(a, "--seconds") == 0)
			ok = read_number(argv[++i], 1, 86400, &o.seconds);
		else if (strcmp(a, "--seeds") == 0)
			o.seeds = argv[++i];
		else
			ok = strcmp(a, "--bug") == 0 &&
			    read_bug(argv[++i], &o.bug);
	}
	if (!ok || (o.trace && !one))
		return usage();
	o.jobs = (int)jobs;
	world.bug = o.bug;
	if (o.seeds != NULL)
		return run_list(&o);
	if (fresh && !draw_range(&o))
		return 2;
	if (o.seconds > 0 && !draw_range(&drawn))
		return 2;
	o.order = drawn.from;
	return all_bugs ? find_bugs(&o) : one ? run_one(&o) : run_many(&o);
}

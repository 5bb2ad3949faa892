/*
 * copies.c - the data: what each copy has, which copy replicates which, and
 * whether the right copy is made master.
 *
 * Every mastership writes a log of its own, and a copy has a part of each: so
 * positions are only partly ordered, as GTID sets are.
 */

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "core_session.h"

/* So long before the copies are compared a node must have been in peace, or it
 * is no fault that it is not heard in time. */
#define PEACE		(3 * SEC)
/* … and so long before nobody waits any more for the silent it must have begun
 * to compare. */
#define SPARE		(350 * MS)
#define HEARD		(50 * MS)	/* what is in Consul, by one in peace */
#define CALL		60	/* ms of a call that does not hang */
#define NEVER		(-3600 * SEC)

/*
 * Sets.
 */

static bool
has(const struct data *a, const struct data *b)
{
	int	i;

	for (i = 0; i < world.logs; i++)
		if (a->of[i] < b->of[i])
			return false;
	return true;
}

static bool
same(const struct data *a, const struct data *b)
{
	return has(a, b) && has(b, a);
}

static void
print(const struct data *d, char *text, size_t size)
{
	size_t	length = 0;
	int	i;

	snprintf(text, size, "-");
	for (i = 0; i < world.logs; i++)
		if (d->of[i] > 0)
			length += (size_t)snprintf(text + length,
			    size - length, "%s%d:%d", length == 0 ? "" : ",",
			    i, d->of[i]);
}

static struct data
parse(const char *text)
{
	struct data	 d = { { 0 } };
	char		*end;
	long		 i;

	while (*text >= '0' && *text <= '9') {
		i = strtol(text, &end, 10);
		if (i >= LOGS || *end != ':')
			abort();
		d.of[i] = (uint16_t)strtol(end + 1, &end, 10);
		text = end + (*end == ',');
	}
	return d;
}

void
copy_position(const struct node *n, char *text, size_t size)
{
	print(&n->copy.data, text, size);
}

bool
copy_has_position(const struct node *n, const char *text)
{
	struct data	d = parse(text);

	return has(&n->copy.data, &d);
}

int64_t
copy_behind(const struct node *n, const char *position)
{
	struct data	 d = parse(position);
	int64_t		 lacks = 0;
	int		 i;

	for (i = 0; i < world.logs; i++)
		if (d.of[i] > n->copy.data.of[i])
			lacks += d.of[i] - n->copy.data.of[i];
	return lacks;
}

/* By what it knows of the last master. */
bool
copy_is_refused(const struct node *n)
{
	const struct lock_before	*b;

	if (!world.limited || !n->running || n->core->state !=
	    CORE_STATE_CANDIDATE || n->agent->refusal.text[0] == '\0')
		return false;
	b = lock_before(n->agent->lock);
	return copy_behind(n, b->position) > n->config.max_behind ||
	    (!b->final && copy_behind(n, candidates_master(
	    n->agent->candidates)) > n->config.max_behind);
}

/*
 * Peace: nothing goes wrong with a node, or with Consul.
 */

void
copy_disturbed(struct node *n)
{
	if (n == NULL)
		world.disturbed_at = world.now;
	else
		copy_disturbed_for(n, 0);
}

void
copy_disturbed_for(struct node *n, int64_t ms)
{
	if (n->copy.disturbed_at < world.now + ms * MS)
		n->copy.disturbed_at = world.now + ms * MS;
}

/* Until it asks again it hears nothing. */
void
copy_deaf(struct node *n, bool to_key, bool to_records)
{
	n->copy.deaf_to_key = n->copy.deaf_to_key || to_key;
	n->copy.deaf_to_records = n->copy.deaf_to_records || to_records;
}

static bool
calm(const struct node *n, int64_t since)
{
	return n->copy.faults == 0 && world.faults == 0 && n->stopped == 0 &&
	    !n->copy.deaf_to_key && !n->copy.deaf_to_records &&
	    n->copy.disturbed_at < since && world.disturbed_at < since;
}

static bool
healthy(const struct node *n)
{
	return n->running && n->stopped == 0 && n->suspended == 0 &&
	    n->alive && n->sick == 0 && n->busy == 0 && n->disabled == 0 &&
	    !n->stopping && n->core->health == CORE_HEALTH_OK;
}

/*
 * Writes and replication.
 */

/* What every copy has as the lock is free and nobody writes: to be there at a
 * promotion. */
static void
look_at_all(void)
{
	int	i;

	for (i = 0; i < world.count; i++)
		world.nodes[i].copy.then = world.nodes[i].copy.data;
}

static void
copy_writes(struct node *n, void *arg, int64_t log)
{
	(void)arg;
	if (n->suspended == 0)
		n->copy.data.of[log] = (uint16_t)(n->copy.data.of[log] +
		    between(1, 3));
	world_in(between(50 * MS, 800 * MS), OF_WORLD, n, copy_writes, NULL,
	    log, &n->copy.writing);
}

static int
new_log(void)
{
	return world.logs < LOGS ? world.logs++ : -1;
}

void
copy_closes(struct node *n)
{
	if (!n->copy.open)
		return;
	n->copy.open = false;
	n->copy.final = n->copy.data;
	n->copy.writing++;
	world.closed_at = world.now;
	look_at_all();
}

static bool
linked(const struct node *a, const struct node *b)
{
	return a->alive && b->alive && a->suspended == 0 &&
	    b->suspended == 0 && a->cut_out == 0 && a->cut_in == 0 &&
	    b->cut_out == 0 && b->cut_in == 0;
}

static void
copy_takes_over(struct copy *to, const struct copy *from)
{
	bool	whole;
	int	i;

	/* pg_rewind, or a full copy; but none of somebody who waits himself. */
	if (world.rewinds && from->open && !has(&from->data, &to->data)) {
		to->data = from->data;
		return;
	}
	/* Of what is half there the rest comes the next time. */
	whole = to->partly_there || chance(70);
	to->partly_there = !whole;
	for (i = 0; i < world.logs; i++)
		if (to->data.of[i] < from->data.of[i])
			to->data.of[i] = whole ? from->data.of[i] :
			    (uint16_t)between(to->data.of[i],
			    from->data.of[i]);
}

static void
copy_replicates(struct node *n, void *arg, int64_t from)
{
	struct node	*source = &world.nodes[from];

	world_in(between(n->copy.lag / 2, n->copy.lag), OF_WORLD, n,
	    copy_replicates, arg, from, &n->copy.following);
	if (!n->copy.open && n->copy.lagging == 0 && linked(n, source))
		copy_takes_over(&n->copy, &source->copy);
}

static struct node *
node_of(const char *host)
{
	int	i;

	for (i = 0; i < world.count; i++)
		if (strcmp(world.nodes[i].host, host) == 0)
			return &world.nodes[i];
	return NULL;
}

void
copy_follows(struct node *n, const char *host)
{
	struct node	*source = node_of(host);

	if (source == NULL || source == n || n->copy.source == source)
		return;
	n->copy.source = source;
	n->copy.following++;
	world_in(between(MS, n->copy.lag), OF_WORLD, n, copy_replicates, NULL,
	    source->id, &n->copy.following);
}

/* Somebody writes into it by hand, master or not. */
void
copy_diverges(struct node *n)
{
	int	log = new_log();

	if (log >= 0)
		n->copy.data.of[log]++;
}

void
copy_lags(struct node *n, bool yes)
{
	n->copy.lagging += yes ? 1 : -1;
	n->copy.lagged_at = world.now;
}

/*
 * A promotion.
 */

/* The plugin is told what must be there before the first write. */
void
copy_told_target(struct node *n, const char *target, const char *host,
    bool enough)
{
	n->copy.target = parse(world.bug == BUG_TARGET_IGNORED ? "" : target);
	n->copy.enough = enough && world.bug != BUG_TARGET_IGNORED;
	if (!has(&n->copy.data, &n->copy.target))
		copy_follows(n, host);
}

bool
copy_complete(const struct node *n)
{
	return n->copy.open || has(&n->copy.data, &n->copy.target);
}

static void
check_chosen(struct node *n)
{
	int	i;

	if (n->copy.too_far)
		world_fail("%s is made master, and is too far behind", n->name);
	for (i = 0; i < world.count; i++) {
		struct node	*z = &world.nodes[i];

		if ((n->copy.better & 1u << i) != 0 &&
		    !has(&n->copy.data, &z->copy.then))
			world_fail("%s is made master without what %s has, "
			    "which is healthy and was there", n->name, z->name);
	}
	world.counts.judged += n->copy.judged;
	world.counts.better += n->copy.worse;
	world.counts.partly += n->copy.partly;
	n->copy.better = 0;
	n->copy.judged = n->copy.worse = n->copy.partly = false;
}

static bool
could_have_waited(const struct node *n)
{
	int64_t	since = world.handover.at - PEACE;
	int	i;

	/* Twice it replicates, and before that from somebody else. */
	if (n->config.catch_up * MS < 3 * n->copy.lag + SEC)
		return false;
	for (i = 0; i < world.count; i++) {
		const struct node	*x = &world.nodes[i];

		if ((x == n || (world.handover.from & 1u << i) != 0) &&
		    (!calm(x, since) || x->copy.lagging > 0 ||
		    x->copy.lagged_at >= since))
			return false;
	}
	return true;
}

static void
check_given_up(const struct node *n)
{
	if (could_have_waited(n))
		world_fail("%s has given up what was handed over, although it "
		    "could be had", n->name);
	world.counts.given_up++;
}

static void
check_handed_over(struct node *n)
{
	if (!world.handover.pending)
		return;
	world.handover.pending = false;
	if (has(&n->copy.data, &world.handover.need))
		world.counts.handovers++;
	else if (!n->copy.enough)
		world_fail("%s takes writes without all that was handed over",
		    n->name);
	else
		check_given_up(n);
}

/* It takes writes from now on. */
void
copy_opens(struct node *n)
{
	int	log;

	if (n->copy.open)
		return;
	/* Else it is a call of before that ends as its machine wakes up. */
	if (world.now > n->woken_until) {
		check_chosen(n);
		check_handed_over(n);
	}
	n->copy.open = n->copy.was_open = true;
	world.handover.untouched = false;
	n->copy.source = NULL;
	n->copy.following++;
	log = new_log();
	say(n, "takes writes");
	if (log >= 0)
		world_in(between(MS, 300 * MS), OF_WORLD, n, copy_writes, NULL,
		    log, &n->copy.writing);
}

/*
 * The lock, as Consul has it.
 */

void
copies_forget_handover(void)
{
	world.counts.voided += world.handover.pending;
	world.handover.pending = false;
}

void
copies_see_free(bool released)
{
	world.free_at = world.now;
	look_at_all();
	if (!released)
		copies_forget_handover();
}

/* What was handed over to one who never took a write is still to be there. */
void
copies_see_lost(const struct node *n)
{
	copies_see_free(!n->copy.was_open);
}

/* In good order.  Of somebody who has never taken writes it is what he was
 * handed over himself that counts, until he no longer waits for that: then he may
 * have taken some, for all that his agent knows.  An agent in peace tells it; a
 * guard, who can't ask, may give back long after the harm that its agent has come
 * to. */
void
copy_hands_over(struct node *n, bool own, bool told, bool by_agent)
{
	bool	gives_up = !n->copy.was_open && own && n->copy.enough;

	if (gives_up && world.handover.pending &&
	    !has(&n->copy.data, &world.handover.need))
		check_given_up(n);
	if (n->copy.was_open || gives_up) {
		world.handover.need = gives_up ? n->copy.told : n->copy.final;
		world.handover.untouched = true;
		world.handover.from = 0;
		world.handover.at = world.now;
	} else if (!world.handover.pending)
		return;
	world.handover.from |= 1u << n->id;
	world.handover.pending = world.tells && (own ||
	    (told && !n->copy.was_open) ||
	    (by_agent && n->alive && calm(n, world.now - PEACE)));
	world.counts.untold += !world.handover.pending;
}

static int64_t
world_time(const struct node *n, int64_t ms)
{
	return world.now + (ms - node_clock(n)) * MS;
}

/* It waits for that by itself. */
static int64_t
waits_until(const struct node *z)
{
	const struct core	*c = z->core;
	int64_t			 due = c->grace_until;

	if (c->acquire_at > due)
		due = c->acquire_at;
	if (c->hold_off > due)
		due = c->hold_off;
	return world_time(z, due);
}

/* Should it have been heard in an election that began then? */
static bool
should_be_heard(const struct node *z, int64_t since, int64_t began,
    bool clean)
{
	const struct core	*c = z->core;
	int64_t			 latest = began +
				    z->config.election_wait * MS / 2 - SPARE;
	bool			 aside;

	if (!healthy(z) || !calm(z, since) || !core_session_exists(c) ||
	    z->config.never_master)
		return false;
	if (c->state == CORE_STATE_SLAVE)
		return clean;
	if (c->state != CORE_STATE_CANDIDATE || c->lock.owner != CORE_LOCK_FREE)
		return false;
	/* An ensure_slave that hangs must be killed first. */
	if (c->op != CORE_OP_NONE && node_clock(z) > c->since + CALL)
		return false;
	/* Of one that stands aside the others know that at once.  In a grace,
	 * in which nobody can have it, none has a reason to. */
	aside = clean && z->aside_epoch == c->lock.epoch;
	if (z->copy.election_epoch == c->lock.epoch) {
		if (z->copy.first_election_at >
		    (aside ? began - SPARE : latest))
			return false;
		/* Who was alone in that has asked and told nothing. */
		if (z->copy.told_epoch == c->lock.epoch)
			return true;
	} else if (aside)
		return false;
	return waits_until(z) <= latest;
}

/* By its own clock, which may be fast. */
static int64_t
all_the_wait(const struct node *n)
{
	return n->config.election_wait * 97 * MS / 100;
}

static int64_t
compared_since(const struct node *n)
{
	int64_t	grace = world_time(n, n->core->grace_until);
	int64_t	since = grace > world.free_at ? grace : world.free_at;

	return (since < n->copy.election_at ? since : n->copy.election_at) -
	    PEACE;
}

static bool
writer(void)
{
	int	i;

	for (i = 0; i < world.count; i++)
		if (world.nodes[i].copy.open)
			return true;
	return false;
}

/* Is there, or was there as it began, anybody else with a record, of whom that
 * can't be said? */
static bool
others_unheard(const struct node *n, int64_t since)
{
	int	i;

	for (i = 0; i < world.count; i++) {
		const struct node	*z = &world.nodes[i];

		if (z != n && (consul_has_record_of(z) ||
		    (n->copy.others & 1u << i) != 0) && !should_be_heard(z,
		    since, n->copy.election_at, n->core->lock.clean))
			return true;
	}
	return false;
}

/* Has another one had its word for this lock, and then to wait again, as after it
 * stood still?  Who ranks below it waits for it all the same. */
static bool
others_wait(const struct node *n)
{
	int	i;

	for (i = 0; i < world.count; i++) {
		const struct node	*z = &world.nodes[i];

		if (z != n && consul_has_record_of(z) &&
		    waits_until(z) > n->copy.election_at)
			return true;
	}
	return false;
}

static void
judge(struct node *n, const struct node *z)
{
	bool	all = has(&n->copy.data, &z->copy.then);

	n->copy.judged = true;
	if (has(&z->copy.then, &n->copy.data))
		n->copy.better |= all ? 0 : 1u << z->id;
	else if (all)
		n->copy.worse = true;
	else
		n->copy.partly = true;
}

/* Its record, as it is in Consul now. */
void
copy_tells(struct node *n, const char *record)
{
	const char	*epoch = strstr(record, "\"epoch\":");
	uint64_t	 of;

	if (epoch == NULL || strstr(record, "\"position\":\"\"") != NULL)
		return;
	of = strtoull(epoch + strlen("\"epoch\":"), NULL, 10);
	if (of != n->copy.told_epoch)
		n->copy.told_at = world.now;
	n->copy.told_epoch = of;
}

/* With its record what it has said in an election is gone. */
void
copy_unrecorded(struct node *n)
{
	n->copy.election_epoch = n->copy.told_epoch = UINT64_MAX;
}

/* After n had decided, which it did before the lock could be had, and in time to
 * be heard before n asked for it: so that was to be decided anew. */
static bool
told_since(const struct node *n, const struct node *z)
{
	return z->copy.told_epoch == n->core->lock.epoch &&
	    consul_has_record_of(z) && z->copy.told_at > n->copy.elected_at &&
	    z->copy.told_at <= n->copy.asked_at - HEARD;
}

/* Its word is of before a master ended that had stood still, and wrote on after its
 * time: from that one it may have got more since. */
static bool
told_too_early(const struct node *z)
{
	return z->copy.election_epoch == z->core->lock.epoch &&
	    z->copy.first_election_at < world.closed_at;
}

/* It has all that was left with the lock, and that is true: what others have more
 * was written by hand.  A hand at the key voids a hand-over, but not what the next
 * holder says when it gives the lock back, without a write of its own. */
static bool
has_what_was_left(const struct node *n)
{
	const struct lock_before	*b = lock_before(n->agent->lock);
	struct data			 left = parse(b->position);

	return world.handover.untouched && b->final &&
	    has(&left, &world.handover.need) && has(&n->copy.data, &left);
}

/* What the last master told it has told long ago.  One that has been master since
 * then, and left all there is, counts instead.  Whoever could not be measured when
 * it was decided may have the lock, and no longer if it could be since. */
static bool
too_far_behind(const struct node *n)
{
	const char	*told = consul_last_master(), *position;

	if (!world.limited || n->copy.elected_blind || told == NULL ||
	    world.now - world.told_at < PEACE ||
	    !calm(n, world.now - PEACE) || lock_before(n->agent->lock)->final)
		return false;
	position = strstr(told, "\"position\":\"");
	return position != NULL && copy_behind(n, position +
	    strlen("\"position\":\"")) > n->config.max_behind;
}

/* The check of invariant 3 is prepared as the lock is taken. */
void
copies_see_taken(struct node *n)
{
	int64_t		 since = compared_since(n), at = n->copy.election_at;
	bool		 waited = world.now - at >= all_the_wait(n);
	int		 i;

	n->copy.better = 0;
	n->copy.judged = n->copy.worse = n->copy.partly = false;
	n->copy.was_open = n->copy.enough = false;
	n->copy.too_far = too_far_behind(n);
	if (!world.tells || n->core->lock.epoch == 0 || !calm(n, since) ||
	    writer() || world.closed_at > since + PEACE ||
	    (world.handover.pending &&
	    has(&n->copy.data, &world.handover.need)) || has_what_was_left(n))
		return;
	if (waited && others_unheard(n, since))
		return;
	for (i = 0; i < world.count; i++) {
		const struct node	*z = &world.nodes[i];

		if (z != n && !told_too_early(z) && (told_since(n, z) ||
		    ((n->copy.others & 1u << i) != 0 &&
		    z->copy.recorded_at <= at - HEARD &&
		    should_be_heard(z, since, at, n->core->lock.clean))))
			judge(n, z);
	}
}

/*
 * Elections lose no time.
 */

void
copy_election_begins(struct node *n)
{
	int	i;

	n->copy.election_at = world.now;
	n->copy.unmeasured = false;
	if (n->copy.election_epoch != n->core->lock.epoch)
		n->copy.first_election_at = world.now;
	n->copy.election_epoch = n->core->lock.epoch;
	n->questions = 0;
	n->copy.alone = !consul_has_other_record(n);
	n->copy.others = 0;
	for (i = 0; i < world.count; i++)
		if (consul_has_record_of(&world.nodes[i]))
			n->copy.others |= 1u << i;
}

static bool
all_equal(const struct node *n)
{
	int	i;

	for (i = 0; i < world.count; i++)
		if (consul_has_record_of(&world.nodes[i]) &&
		    !same(&n->copy.data, &world.nodes[i].copy.data))
			return false;
	return true;
}

static bool
all_long_known(const struct node *n)
{
	int	i;

	for (i = 0; i < world.count; i++)
		if (world.nodes[i].copy.disturbed_at >=
		    n->copy.election_at - PEACE)
			return false;
	return world.faults == 0 &&
	    world.disturbed_at < n->copy.election_at - PEACE;
}

void
copy_elected(struct node *n)
{
	int64_t	took = world.now - n->copy.election_at;
	int64_t	since = compared_since(n);

	n->copy.elected_at = world.now;
	n->copy.elected_blind = n->copy.unmeasured;
	if (world.limited)	/* it may be asked how far it is behind */
		return;
	/* Its own record may have to be written first. */
	if (n->copy.alone && !consul_has_other_record(n) && calm(n, since) &&
	    all_long_known(n)) {
		world.counts.alone++;
		if (n->questions > 0 || took > ((n->copy.others &
		    1u << n->id) != 0 ? 5 * MS : all_the_wait(n) / 2))
			world_fail("%s loses time over an election although "
			    "it is alone", n->name);
		return;
	}
	if (n->core->lock.epoch == 0 || !calm(n, since) ||
	    others_unheard(n, since))
		return;
	world.counts.elections++;
	if (took >= all_the_wait(n) && others_wait(n))
		return;
	if (took >= all_the_wait(n))
		world_fail("%s waits in vain: all were there, and could be "
		    "heard", n->name);
	else if (took > world.counts.longest_election)
		world.counts.longest_election = took;
	if (!all_equal(n))
		return;
	world.counts.even++;
	if (took > world.counts.longest_even)
		world.counts.longest_even = took;
}

void
copy_begin(struct node *n)
{
	n->copy.disturbed_at = n->copy.lagged_at = NEVER;
	n->copy.lag = between(50, 1500) * MS;
	copy_unrecorded(n);
	world.disturbed_at = world.closed_at = NEVER;
	world.free_at = 0;
}

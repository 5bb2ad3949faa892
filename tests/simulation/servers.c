/*
 * servers.c - a Consul cluster as it was measured: what its servers know, its
 * agents on the nodes, and what happens to them.
 */

#include "servers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct servers	servers;

static int64_t
server_delay(int64_t ms)
{
	return ms * MS - ms * servers.ppm / 1000;
}

int64_t
latency(void)
{
	if (world.slow > 0 && chance(50))	/* there, back or both ways */
		return between(MS, 1900 * MS);
	if (!world.quiet && chance(servers.late))
		return between(MS, 3 * SEC);
	return between(MS / 5, PROMPT);
}

bool
by_old_leader(const struct node *n)
{
	return n->old_leader && world.now < servers.old_until;
}

/*
 * Sessions and the key.
 */

void
key_changed(void)
{
	servers.index += (uint64_t)between(1, 3);
	servers.key.index = servers.index;
	if (servers.key.shown.exists)
		servers.key.shown.modify_index = servers.index;
	requests_wake(false);
}

void
key_released(const char *value)
{
	servers.key.holder = NULL;
	servers.key.shown.session[0] = '\0';
	snprintf(servers.key.shown.value, sizeof servers.key.shown.value, "%s",
	    value);
	key_changed();
}

struct record *
record_find(const char *key)
{
	struct record	*r = servers.records.list;

	for (; r < servers.records.list + servers.records.count; r++)
		if (strcmp(r->key, key) == 0)
			return r;
	return NULL;
}

void
records_changed(void)
{
	servers.records.index = ++servers.index;
	requests_wake(false);
}

static void
records_lose_holder(const struct session *s)
{
	size_t	i;
	bool	any = false;

	for (i = 0; i < servers.records.count; i++)
		if (servers.records.list[i].holder == s) {
			servers.records.list[i].holder = NULL;
			copy_unrecorded(s->node);
			any = true;
		}
	if (any)
		records_changed();
}

void
session_end(struct session *s, const char *why)
{
	if (!s->alive)
		return;
	s->alive = false;
	s->stamp++;
	servers.index++;
	copy_disturbed(s->node);
	records_lose_holder(s);
	say(s->node, "consul: its session %s ends: %s%s", s->id, why,
	    servers.key.holder == s ? "; the lock is delayed" : "");
	if (servers.key.holder != s)
		return;
	servers.key.holder = NULL;
	servers.key.shown.session[0] = '\0';
	servers.delayed_until = world.now + server_delay(s->lock_delay);
	copies_see_lost(s->node);
	key_changed();
}

static void
sessions_of(struct node *n, bool serf_only, const char *why)
{
	size_t	i;

	for (i = 0; i < servers.session_count; i++) {
		struct session	*s = &servers.sessions[i];

		if (s->alive && s->node == n && (s->serf || !serf_only))
			session_end(s, why);
	}
}

struct session *
session_find(const char *id)
{
	size_t	i = servers.session_count;

	while (i-- > 0)
		if (strcmp(servers.sessions[i].id, id) == 0)
			return &servers.sessions[i];
	return NULL;
}

static void
session_expires(struct node *n, void *arg, int64_t unused)
{
	(void)n;
	(void)unused;
	if (servers.leader)	/* a new one begins to count again */
		session_end(arg, "its TTL is over");
}

/* Twice the TTL was measured. */
void
session_live(struct session *s)
{
	s->stamp++;
	world_in(server_delay(2 * s->ttl), OF_WORLD, s->node, session_expires,
	    s, 0, &s->stamp);
}

/*
 * The catalogue: services, their checks, and the nodes' serfHealth.
 */

bool
consul_reaches(const struct node *n)
{
	return n->cut_in == 0 && n->cut_out == 0 && n->consul_down == 0 &&
	    n->consul_frozen == 0 && n->suspended == 0;
}

/* The local Consul agent brings it to the servers as soon as it can. */
static void
check_sync(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (!servers.leader || n->revoked > 0 || !consul_reaches(n)) {
		world_in(SEC, OF_WORLD, n, check_sync, NULL, 0,
		    &n->sync_stamp);
		return;
	}
	n->registered = n->in_data;
	n->passing = n->registered && n->check;
	if (!n->passing)
		sessions_of(n, false, n->registered ? "its check is critical" :
		    "its check is gone");
}

static void
check_changed(struct node *n)
{
	n->sync_stamp++;
	world_in(latency(), OF_WORLD, n, check_sync, NULL, 0, &n->sync_stamp);
}

void
consul_set_check(struct node *n, bool passing)
{
	n->check = passing;
	check_changed(n);
}

void
consul_register_service(struct node *n, bool passing)
{
	if (n->revoked > 0)
		return;
	n->registered = n->in_data = true;
	n->polls_failed = 0;
	n->check = n->passing = passing;
	say(n, "consul: its service is registered");
}

void
consul_deregister_service(struct node *n)
{
	if (n->revoked > 0)
		return;
	n->registered = n->in_data = n->passing = n->check = false;
	say(n, "consul: its service is deregistered");
	sessions_of(n, false, "its check is gone");
}

static void
serf_turns(struct node *n, void *arg, int64_t alive)
{
	(void)arg;
	if (!servers.leader) {
		world_in(500 * MS, OF_WORLD, n, serf_turns, NULL, alive,
		    &n->serf_stamp);
		return;
	}
	if (n->serf == (alive != 0))
		return;
	n->serf = alive != 0;
	say(n, "consul: its serfHealth is %s", n->serf ? "passing" :
	    "critical");
	if (!n->serf)
		sessions_of(n, true, "its node is lost");
}

void
consul_path_changed(struct node *n)
{
	n->serf_stamp++;
	if (consul_reaches(n))
		world_in(between(MS, n->serf ? MS : 13 * SEC), OF_WORLD, n,
		    serf_turns, NULL, true, &n->serf_stamp);
	else
		world_in(between(5000 * MS, 6500 * MS), OF_WORLD, n,
		    serf_turns, NULL, false, &n->serf_stamp);
}

/* A healed node tells of others that it held for dead. */
void
consul_flap(struct node *n)
{
	serf_turns(n, NULL, false);
	world_in(200 * MS, OF_WORLD, n, serf_turns, NULL, true,
	    &n->serf_stamp);
}

void
consul_agent_dies(struct node *n)
{
	n->consul_down++;
	n->consul_life++;
	consul_path_changed(n);
	requests_break(n);
}

/* Its data folder says what it had registered, and may say that the check
 * passed. */
void
consul_agent_returns(struct node *n, bool has_data, bool passing)
{
	n->consul_down--;
	consul_path_changed(n);
	n->in_data = n->in_data && has_data;
	n->check = n->check && n->in_data && passing;
	check_changed(n);
}

static void
agent_ends(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	consul_agent_dies(n);
}

/* It goes on for a while (3 s were seen), and may register its services again
 * meanwhile. */
void
consul_agent_leaves(struct node *n, int64_t stays)
{
	n->registered = n->passing = n->serf = false;
	sessions_of(n, false, "its node has left");
	world_in(stays, OF_WORLD, n, agent_ends, NULL, 0, NULL);
	if (stays > 0 && chance(50))
		check_changed(n);
}

/*
 * The leader.
 */

bool
consul_has_leader(void)
{
	return servers.leader;
}

void
consul_lose_leader(bool isolated)
{
	int	i;

	servers.leader = false;
	servers.old = servers.key;
	servers.old_records = servers.records;
	servers.old_until = world.now + (isolated ? between(0, 500 * MS) : 0);
	servers.stale_until = world.now + (isolated ? 11 * SEC : 0);
	for (i = 0; i < world.count; i++)
		world.nodes[i].old_leader = isolated && chance(50);
}

static void
old_leader_knows(struct node *n, void *arg, int64_t unused)
{
	(void)n;
	(void)arg;
	(void)unused;
	requests_wake(true);
}

void
consul_elect_leader(void)
{
	int64_t	left = servers.old_until - world.now;
	size_t	i;

	if (servers.leader)
		return;
	servers.leader = true;
	say(NULL, "consul: there is a leader");
	for (i = 0; i < servers.session_count; i++)
		if (servers.sessions[i].alive)
			session_live(&servers.sessions[i]);
	world_in(left > 0 ? left : 0, OF_WORLD, NULL, old_leader_knows, NULL,
	    0, NULL);
}

void
consul_forget_lock_delay(void)
{
	servers.delayed_until = 0;
}

/*
 * What an operator may do to the key.
 */

bool
consul_has_key(void)
{
	return servers.key.shown.exists;
}

bool
consul_has_record_of(const struct node *n)
{
	size_t	i;

	for (i = 0; i < servers.records.count; i++)
		if (servers.records.list[i].holder != NULL &&
		    servers.records.list[i].holder->node == n)
			return true;
	return false;
}

bool
consul_has_other_record(const struct node *n)
{
	int	i;

	for (i = 0; i < world.count; i++)
		if (&world.nodes[i] != n &&
		    consul_has_record_of(&world.nodes[i]))
			return true;
	return false;
}

const char *
consul_last_master(void)
{
	const struct record	*r = record_find("lock/app/candidates/master");

	return r == NULL ? NULL : r->value;
}

void
consul_delete_key(void)
{
	memset(&servers.key.shown, 0, sizeof servers.key.shown);
	servers.key.holder = NULL;
	copies_see_free(false);
	key_changed();
}

void
consul_force_release(const char *value)
{
	if (servers.key.holder == NULL)
		return;
	copies_see_free(false);
	key_released(value);
}

void
consul_overwrite_key(const char *value)
{
	if (!servers.key.shown.exists) {
		servers.key.shown.exists = true;
		servers.key.shown.create_index = servers.index + 1;
	}
	snprintf(servers.key.shown.value, sizeof servers.key.shown.value, "%s",
	    value);
	servers.key.shown.lock_index = 0;	/* the session stays */
	copies_forget_handover();
	key_changed();
}

void
consul_destroy_holder(void)
{
	if (servers.key.holder != NULL)
		session_end(servers.key.holder, "somebody has destroyed it");
}

void
consul_begin(void)
{
	memset(&servers, 0, sizeof servers);
	servers.ppm = between(-10000, 10000);
	servers.late = chance(30) ? 15 : 1;
	servers.leader = true;
	servers.index = (uint64_t)between(10, 1000);
	servers.key.index = servers.records.index = 1;
	if (chance(50))
		consul_overwrite_key("");
}

/*
 * stage_model.c - the simulator's model of Consul, in virtual time.
 *
 *	model-simulated NODES SEED
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static void
node_is_there(struct node *n, int id)
{
	n->id = id;
	snprintf(n->name, sizeof n->name, "n%d", id + 1);
	n->config.request_timeout = STAGE_TIMEOUT;
	n->ppm = between(-10000, 10000);
	n->serf = true;
	n->base.node = n;
	n->consul = (struct consul){ .node = n, .life = &n->life,
	    .whose = OF_AGENT };
}

bool
stage_begin(int count, char **words)
{
	int	i;

	if (count != 2) {
		fputs("usage: model-simulated NODES SEED\n", stderr);
		return false;
	}
	world_begin((uint64_t)atoll(words[1]));
	world.quiet = true;
	world.count = atoi(words[0]);
	consul_begin();
	consul_delete_key();
	for (i = 0; i < world.count; i++)
		node_is_there(&world.nodes[i], i);
	return true;
}

void
stage_end(void)
{
	consul_end();
	world_end();
}

struct consul *
stage_consul(int node)
{
	return node < world.count ? &world.nodes[node].consul : NULL;
}

const char *
stage_node(int node)
{
	return node < world.count ? world.nodes[node].name : NULL;
}

const char *
stage_service(void)
{
	return "app";
}

const char *
stage_key(void)
{
	return "lock/app/leader";
}

int64_t
stage_now(void)
{
	return world.now / MS;
}

void
stage_run(int64_t ms, const bool *done)
{
	int64_t	until = world.now + ms * MS;

	while (!*done && world_step(until))
		;
}

/*
 * Faults, and an operator's hands.
 */

static void
begin_service(struct node *n, const char *status)
{
	consul_register_service(n, strcmp(status, "critical") != 0);
}

static void
end_service(struct node *n, const char *unused)
{
	(void)unused;
	consul_deregister_service(n);
}

static void
check(struct node *n, const char *status)
{
	consul_set_check(n, strcmp(status, "passing") == 0);
}

static void
agent_dies(struct node *n, const char *unused)
{
	(void)unused;
	consul_agent_dies(n);
}

static void
agent_leaves(struct node *n, const char *unused)
{
	(void)unused;
	consul_agent_leaves(n, 0);
}

static void
agent_returns(struct node *n, const char *check)
{
	consul_agent_returns(n, true, strcmp(check, "critical") != 0);
	stage_run(15000, &n->serf);
}

static void
freeze(struct node *n, const char *unused)
{
	(void)unused;
	n->consul_frozen++;
	consul_path_changed(n);
}

static void
thaw(struct node *n, const char *unused)
{
	(void)unused;
	n->consul_frozen--;
	consul_path_changed(n);
}

static void
revoke(struct node *n, const char *unused)
{
	(void)unused;
	n->revoked++;
}

static void
deny(struct node *n, const char *unused)
{
	(void)unused;
	n->denied++;
}

static void
restore(struct node *n, const char *unused)
{
	(void)unused;
	n->revoked = n->denied = 0;
}

static void
key_deleted(struct node *n, const char *unused)
{
	(void)n;
	(void)unused;
	consul_delete_key();
}

static void
key_overwritten(struct node *n, const char *value)
{
	(void)n;
	consul_overwrite_key(value);
}

static void
key_released(struct node *n, const char *value)
{
	(void)n;
	consul_force_release(value);
}

static void
leader_changes(struct node *n, const char *unused)
{
	bool	never = false;

	(void)n;
	(void)unused;
	consul_lose_leader(false);
	stage_run(3000, &never);
	consul_elect_leader();
}

static void
quorum_lost(struct node *n, const char *unused)
{
	(void)n;
	(void)unused;
	consul_lose_leader(false);
}

static void
quorum_returns(struct node *n, const char *unused)
{
	(void)n;
	(void)unused;
	consul_elect_leader();
}

static const struct {
	const char	*name;
	void		(*do_it)(struct node *, const char *word);
} hands[] = {
	{ "register", begin_service }, { "deregister", end_service },
	{ "check", check }, { "kill", agent_dies }, { "start", agent_returns },
	{ "leave", agent_leaves }, { "freeze", freeze }, { "thaw", thaw },
	{ "revoke", revoke }, { "deny", deny }, { "restore", restore },
	{ "delete", key_deleted }, { "overwrite", key_overwritten },
	{ "force-release", key_released }, { "newleader", leader_changes },
	{ "noquorum", quorum_lost }, { "quorum", quorum_returns },
};

/* Those that name no node have their word in its place. */
bool
stage_hand(int count, char **words)
{
	int	node = atoi(words[1]) - 1;
	bool	never = false;
	size_t	i;

	for (i = 0; i < sizeof hands / sizeof hands[0]; i++)
		if (strcmp(hands[i].name, words[0]) == 0)
			break;
	if (i == sizeof hands / sizeof hands[0])
		return false;
	if (node >= 0 && node < world.count)
		hands[i].do_it(&world.nodes[node], count > 2 ? words[2] : "");
	else
		hands[i].do_it(NULL, words[1]);
	stage_run(10, &never);		/* until it is told */
	return true;
}

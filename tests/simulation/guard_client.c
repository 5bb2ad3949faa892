/*
 * guard_client.c - the agent's part in its guard: guard.c itself, as the agent
 * calls it, and what that stands on beside guard_fakes.c.
 *
 * Where an agent stands still until its guard does, this one waits for a
 * happening.
 */

#include "guards.h"

#include <stdio.h>

#include "guard.h"
#include "image.h"
#include "notify.h"

/* The words of a plugin's START are nothing to a guard. */
void
handler_put_start(struct wire *w, const struct config *c,
    const struct plugin_description *d, bool watch)
{
	(void)c, (void)d, (void)watch;
	wire_begin(w, WIRE_START);
}

struct image *
image_program(enum image_program which, struct error *err)
{
	static struct image	program = { .path = "/program" };

	(void)which, (void)err;
	return &program;
}

void
notify_send(const char *fmt, ...)
{
	(void)fmt;
}

static void
client_told(enum core_guard what, int64_t until, const char *text, void *arg)
{
	(void)text;
	agent_guard(arg, what, until);
}

void
client_hears(struct node *n, void *arg, int64_t number)
{
	struct guard_process	*p = arg;
	struct error		 err;
	int64_t			 inherited;

	if (n->guard != p || p->number != number)
		return;
	if (!n->starting)
		channel_read(p);
	else if (guard_stands(n->client, &inherited, &err))
		agent_started(n, inherited);
	else
		agent_not_started(n);
}

static void
client_waits_too_long(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->starting)
		agent_not_started(n);
}

void
client_start(struct node *n)
{
	static const struct plugin_description	plugin = {
		.image = { .path = "/plugin.so" },
		.ops = 1u << HANDLER_ENSURE_DEMOTED,
	};
	static char				program[] = "consul-failover",
						word[] = "leave";
	static char *const			leave[] = { program, word,
						    NULL };
	struct error				err;
	int64_t					limit = node_delay(n,
						    GUARD_START_LIMIT +
						    n->config.demote_deadline);

	world.turn = n;
	if (!guard_start(&n->client, &n->base, &n->config, &plugin, leave,
	    client_told, n, &err))
		limit = MS;
	world_in(limit, OF_AGENT, n, client_waits_too_long, NULL, 0, &n->life);
}

void
client_lease(struct node *n, const struct core_action *a)
{
	world.turn = n;
	guard_lease(n->client, a->lease.until, a->lease.by, a->lease.clean_at,
	    a->lease.epoch, n->name, lock_session(n->lock),
	    a->lease.demote_now);
}

void
client_end(struct node *n)
{
	world.turn = n;
	guard_end(n->client);
}

void
client_role(struct node *n)
{
	world.turn = n;
	if (n->client != NULL)
		guard_role(n->client, n->role == 0 ? -1 : (pid_t)n->role);
}

/* The agent ends: its end of the channel closes. */
void
client_stop(struct node *n, bool in_good_order)
{
	world.turn = n;
	guard_free(n->client, in_good_order);
	n->client = NULL;
}

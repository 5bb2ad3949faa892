/*
 * guard_client.c - the start of an agent's guard, by its own guard.c.
 *
 * agent_new blocks until the guard is in place.  Here a happening waits for
 * that, and agent_new begins then.
 */

#include "guards.h"

#include <sys/stat.h>

#include "image.h"

bool	__real_guard_new(struct guard **, struct event_base *,
	    const struct config *, const struct plugin_description *,
	    char *const leave[], guard_cb, void *arg, struct error *);
bool	__wrap_guard_new(struct guard **, struct event_base *,
	    const struct config *, const struct plugin_description *,
	    char *const leave[], guard_cb, void *arg, struct error *);
bool	__wrap_guard_start(struct guard *, int64_t *inherited_ms,
	    struct error *);
void	__wrap_guard_lease(struct guard *, int64_t until, int64_t by,
	    int64_t clean_at, uint64_t epoch, const char *node,
	    const char *session, bool now);
void	__real_guard_lease(struct guard *, int64_t until, int64_t by,
	    int64_t clean_at, uint64_t epoch, const char *node,
	    const char *session, bool now);

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

static void
client_told(enum core_guard what, int64_t until, const char *text, void *arg)
{
	struct node	*n = arg;

	n->guard_says(what, until, text, n->guard_arg);
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
	static char		 program[] = "consul-failover", word[] = "leave";
	static char *const	 leave[] = { program, word, NULL };
	struct error		 err;
	int64_t			 limit = node_delay(n, GUARD_START_LIMIT_MS +
				    n->config.demote_deadline);

	world.current = n;
	mkdir(n->config.run_dir, 0700);
	if (!__real_guard_new(&n->client, &n->base, &n->config, &n->plugin,
	    leave, client_told, n, &err) || !guard_set_up(n->client, &err))
		limit = MS;
	world_in(limit, OF_AGENT, n, client_waits_too_long, NULL, 0, &n->life);
}

void
client_stop(struct node *n)
{
	guard_free(n->client, false);
	n->client = NULL;
}

/*
 * Between the agent's own objects.
 */

bool
__wrap_guard_new(struct guard **out, struct event_base *base,
    const struct config *config, const struct plugin_description *plugin,
    char *const leave[], guard_cb says, void *arg, struct error *err)
{
	struct node	*n = base->node;

	(void)config, (void)plugin, (void)leave, (void)err;
	n->guard_says = says;
	n->guard_arg = arg;
	*out = n->client;
	n->client = NULL;
	return true;
}

/* It stands already. */
bool
__wrap_guard_start(struct guard *g, int64_t *inherited_ms, struct error *err)
{
	(void)g, (void)err;
	*inherited_ms = world.current->inherited;
	return true;
}

/* For the bug only: it believes to have heard of the guard. */
static void
hears_itself(struct node *n, void *arg, int64_t until)
{
	(void)arg;
	client_told(CORE_GUARD_HOLDS, until, "", n);
}

void
__wrap_guard_lease(struct guard *g, int64_t until, int64_t by,
    int64_t clean_at, uint64_t epoch, const char *node, const char *session,
    bool now)
{
	struct node	*n = world.current;
	bool		 silent = world.bug == BUG_SILENCE_TRUSTED && !now &&
			    n->core->state == CORE_STATE_DEMOTING;

	__real_guard_lease(g, silent ? by + n->config.demote_deadline : until,
	    by, clean_at, epoch, node, session, now);
	if (world.bug == BUG_GUARD_UNANSWERED)
		world_in(MS / 10, OF_AGENT, n, hears_itself, NULL, until,
		    &n->life);
}

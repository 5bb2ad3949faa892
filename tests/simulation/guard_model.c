/*
 * guard_model.c - the guard: daemon/guard/ around the daemon's own lease.o, and
 * guard.c and `leave` beside it.
 *
 * A guard is a process of its own: what was sent to it can be read after the
 * sender's death, it may stand still or die at any time, and the next one waits
 * until it has ended.
 */

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consul.h"

/* As in daemon/guard/ and guard.c. */
#define PAUSE_FIRST	100
#define PAUSE_MAX	500
#define TRY_PAUSE	5000
#define LISTEN		1000
#define LEAVE_LIMIT	15000
#define HAND_OVER	500
#define START_LIMIT	20000
#define START_PAUSE_MAX	5000
#define SILENCE		5000
#define SILENT_LEASES	3

static void	guard_wakes(struct node *, void *, int64_t);
static void	guard_leave(struct guard *, const char *);
static void	client_read(struct node *, void *, int64_t);

/*
 * Messages: a queue for each way, which outlives the one who filled it.
 */

static void
put(struct channel *c, struct message m)
{
	/* Full: who sends does not wait. */
	if (c->count == CHANNEL_ROOM - (m.type != EOF_SEEN))
		return;
	c->list[(c->first + c->count++) % CHANNEL_ROOM] = m;
}

static bool
take(struct channel *c, struct message *m)
{
	if (c->count == 0)
		return false;
	*m = c->list[c->first];
	c->first = (c->first + 1) % CHANNEL_ROOM;
	c->count--;
	return true;
}

/* A process is on in a moment; now and then others go before it. */
static int64_t
turn(void)
{
	return chance(2) && !world.quiet ? between(MS, 100 * MS) :
	    between(20, MS);
}

static void
guard_wake_up(struct guard *g, int64_t delay)
{
	world_in(delay, OF_HOST, g->node, guard_wakes, g, 0, &g->life);
}

static void
client_send(struct node *n, struct message m)
{
	if (n->guard == NULL || !n->guard->alive)
		return;
	put(&n->guard->in, m);
	guard_wake_up(n->guard, turn());
}

static void
guard_tell_of(struct guard *g, enum core_guard what, int64_t until)
{
	struct message	m = { .type = SAYS, .what = what, .until = until };

	if (!g->agent || g->node->guard != g)
		return;
	put(&g->out, m);
	world_in(turn(), OF_AGENT, g->node, client_read, g, 0,
	    &g->node->life);
}

static void
guard_tell(struct guard *g, enum core_guard what)
{
	guard_tell_of(g, what, g->lease.until);
}

static int64_t
guard_clock(const struct guard *g)
{
	return node_clock(g->node) +
	    (world.bug == BUG_GUARD_WALL_CLOCK ? g->node->wall_step : 0);
}

/*
 * Its life.
 */

static void
guard_save(struct guard *g)
{
	struct guard_file	*f = &g->node->file;

	*f = (struct guard_file){
		g->lease.until, g->lease.by, g->clean_at, g->epoch,
		.failed = g->doing == FAILED,
		.busy = g->doing == DEMOTING || g->doing == LEAVING ?
		    g->deadline : 0,
	};
	memcpy(f->session, g->session, sizeof f->session);
}

static void
guard_bury(struct guard *g)
{
	g->call_stamp++;
	g->calling = g->answered = false;
}

/* However it ends, what it has started ends with it. */
static void
guard_ends(struct guard *g)
{
	struct message	 eof = { .type = EOF_SEEN };
	struct node	*n = g->node;
	int		 i;

	g->alive = false;
	g->life++;
	g->leave_life++;
	guard_bury(g);
	if (n->guard == g) {
		put(&g->out, eof);
		world_in(turn(), OF_AGENT, n, client_read, g, 0, &n->life);
	}
	if (n->file_owner == g) {
		n->file_owner = NULL;
		if (n->half_said)
			node_said(n, true);
		for (i = 0; i < GUARDS; i++)
			if (n->guards[i].alive && !n->guards[i].ready)
				guard_wake_up(&n->guards[i], turn());
	}
	node_helpless_changed(n);
}

static void
guard_exits(struct guard *g)
{
	guard_save(g);
	guard_ends(g);
}

static void
guard_inherit(struct guard *g)
{
	const struct guard_file	*f = &g->node->file;

	if (f->until == 0 || world.bug == BUG_LEASE_NOT_INHERITED)
		return;
	g->clean_at = f->clean_at;
	g->epoch = f->epoch;
	memcpy(g->session, f->session, sizeof g->session);
	lease_hold(&g->lease, f->until, f->by);
	if (!f->failed)
		return;
	g->lease.fired = g->heard = g->fenced = true;
	g->doing = FAILED;
	g->deadline = guard_clock(g) + TRY_PAUSE;
}

static void
guard_hand_over(struct guard *g)
{
	if (!g->handing_over || g->doing == DEMOTING || g->doing == LEAVING)
		return;
	if (g->doing != FAILED && g->doing != WATCHING)
		lease_end(&g->lease);
	say(g->node, "guard: hands over");
	guard_exits(g);
}

/* Too long: the one before does not end, nor is it at something that it says
 * must be finished. */
static void
guard_insists(struct node *n, void *arg, int64_t asked)
{
	struct guard	*g = arg;
	int64_t		 busy, limit;

	if (n->file_owner == NULL || g->ready || g->asked != asked)
		return;
	busy = (n->file.busy > g->asked_at ? n->file.busy : g->asked_at) +
	    HAND_OVER - guard_clock(g);
	limit = g->asked_at + n->config.demote_deadline + LEASE_SLACK_MS +
	    LEAVE_LIMIT - guard_clock(g);
	if (busy > 0 && limit > 0) {
		world_in(node_delay(n, busy < limit ? busy : limit), OF_HOST, n,
		    guard_insists, g, asked, &g->life);
		return;
	}
	say(n, "guard: the one before does not end: it is killed");
	guard_ends(n->file_owner);
}

static void
guard_take_over(struct guard *g)
{
	struct node	*n = g->node;
	struct guard	*old = n->file_owner;

	if (old != NULL && old->alive && world.bug != BUG_GUARD_NOT_AWAITED) {
		if (g->asked == old->number)
			return;
		if (n->guard != g) {	/* its agent is gone */
			guard_ends(g);
			return;
		}
		g->asked = old->number;
		g->asked_at = guard_clock(g);
		old->handing_over = true;
		guard_wake_up(old, turn());
		if (old->stopped > 0)
			guard_pause(old, false, true);
		guard_insists(n, g, old->number);
		return;
	}
	n->file_owner = g;
	g->ready = true;
	guard_inherit(g);
	guard_save(g);
	say(n, "guard: it stands%s", g->lease.until == 0 ? "" :
	    ", with the lease of the one before");
	guard_tell(g, CORE_GUARD_HOLDS);
	node_helpless_changed(n);
}

static struct guard *
guard_spawn(struct node *n)
{
	/* Not in the world, which is wiped for each schedule. */
	static struct message	 rooms[NODES_MAX][GUARDS][2][CHANNEL_ROOM];
	static int64_t	 number;
	struct guard	*g = NULL;
	uint32_t	 life, leave_life, call_stamp, timer;
	int		 i;

	for (i = 0; i < GUARDS && g == NULL; i++)
		if (!n->guards[i].alive && n->guard != &n->guards[i])
			g = &n->guards[i];
	if (g == NULL || n->no_guard > 0)
		return NULL;
	life = g->life;
	leave_life = g->leave_life;
	call_stamp = g->call_stamp;
	timer = g->timer + 1;
	memset(g, 0, sizeof *g);
	g->node = n;
	g->in.list = rooms[n->id][g - n->guards][0];
	g->out.list = rooms[n->id][g - n->guards][1];
	g->life = life;
	g->leave_life = leave_life;
	g->call_stamp = call_stamp;
	g->timer = timer;
	g->number = ++number;
	g->alive = g->agent = true;
	g->clean_at = INT64_MAX;
	lease_init(&g->lease, n->config.restart_wait,
	    n->config.demote_deadline);
	g->leave = (struct consul){ .node = n, .life = &g->leave_life,
	    .whose = OF_HOST };
	guard_wake_up(g, between(MS, 20 * MS));
	return g;
}

/*
 * Demoting.
 */

static void
guard_handler_done(struct node *n, void *arg, int64_t result)
{
	struct guard	*g = arg;

	if (result == CORE_RESULT_DONE)
		act(n, false);
	g->answered = true;
	g->result = (enum core_result)result;
	guard_wake_up(g, turn());
}

static void
guard_call(struct guard *g)
{
	struct node		*n = g->node;
	enum core_result	 result;
	int64_t			 takes;

	guard_bury(g);
	g->calling = true;
	n->asked = true;
	takes = node_call_chance(n, CORE_OP_ENSURE_DEMOTED, &result);
	say(n, "guard: calls ensure_demoted");
	if (takes >= 0)
		world_in(node_delay(n, takes), OF_HOST, n, guard_handler_done,
		    g, result, &g->call_stamp);
}

static void
guard_not_done(struct guard *g)
{
	int64_t	pause = (int64_t)PAUSE_FIRST << (g->not_done < 3 ?
		    g->not_done : 3);

	guard_bury(g);
	g->not_done++;
	g->call_at = guard_clock(g) + (pause < PAUSE_MAX ? pause : PAUSE_MAX);
}

static void
guard_demote(struct guard *g, int64_t deadline)
{
	g->doing = DEMOTING;
	g->deadline = deadline;
	guard_save(g);
	g->not_done = 0;
	guard_call(g);
}

static void
guard_stop_role(struct guard *g)
{
	if (world.bug != BUG_GUARD_SPARES_CALL)
		node_kill_role(g->node, g->role);
	g->role = 0;
}

static void
guard_fire(struct guard *g, int64_t deadline)
{
	say(g->node, "guard: it fires: %s", g->agent ?
	    "the agent is silent" : "the agent is gone");
	world.counts.fired++;
	g->fenced = g->heard = false;
	guard_tell(g, CORE_GUARD_FIRED);
	guard_stop_role(g);
	if (world.bug == BUG_GUARD_RELEASES_FIRST) {
		guard_leave(g, "released");
		g->doing = DEMOTING;
	}
	guard_demote(g, deadline);
	faults_moment(g->node, MOMENT_OF_FIRING);
}

static void
guard_demoted(struct guard *g)
{
	guard_bury(g);
	say(g->node, "guard: the copy is demoted");
	guard_tell(g, CORE_GUARD_DEMOTED);
	g->doing = DEMOTED;
	g->deadline = guard_clock(g) + (g->agent ? LISTEN : 0);
}

static void
application_fenced(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	say(n, "on_fence_failure kills it");
	application_dies(n);
	world_in(between(SEC, 10 * SEC), OF_WORLD, n, application_repaired,
	    NULL, 0, NULL);
}

static void
guard_fence(struct guard *g)
{
	struct node	*n = g->node;

	if (!world.fences)
		node_said(n, true);
	else if (!g->fenced)
		world_in(between(MS, 200 * MS), OF_HOST, n,
		    application_fenced, NULL, 0, NULL);
	g->fenced = true;
}

static void
guard_fail(struct guard *g)
{
	guard_bury(g);
	say(g->node, "guard: the copy MAY STILL BE A MASTER");
	guard_tell(g, CORE_GUARD_FAILED);
	guard_fence(g);
	g->doing = FAILED;
	g->deadline = guard_clock(g) + TRY_PAUSE;
	guard_save(g);
	if (!g->heard && !g->leaving)
		guard_leave(g, "unfenced");
}

/*
 * `leave`, a process of its own:  wipe -> look -> release -> destroy -> deregister
 */

static void
leave_ended(struct guard *g)
{
	say(g->node, "leave: it ends");
	g->left = true;
	guard_wake_up(g, turn());
}

static void
leave_end(struct node *n, void *arg, int64_t unused)
{
	(void)n;
	(void)unused;
	leave_ended(arg);
}

/* A request that was lost on its way may come through long after. */
static void
leave_late(struct node *n, void *arg, int64_t unused)
{
	(void)arg;
	(void)unused;
	if (n->registered && consul_has_leader())
		consul_deregister_service(n);
}

static void
leave_deregister(struct node *n, void *arg, int64_t unused)
{
	int64_t	takes = node_delay(n, n->config.request_timeout);
	bool	there = consul_reaches(n) && n->cut_local == 0 &&
		    consul_has_leader();

	(void)unused;
	if (there && (world.lossy == 0 || chance(50))) {
		leave_late(n, NULL, 0);
		leave_ended(arg);
		return;
	}
	if (chance(30))
		world_in(between(SEC, 10 * SEC), OF_HOST, n, leave_late, NULL,
		    0, NULL);
	world_in(there ? 5 * MS : takes, OF_HOST, n, leave_end, arg, 0,
	    &((struct guard *)arg)->leave_life);
}

static void
leave_destroyed(const struct consul_reply *r, void *arg)
{
	struct guard	*g = arg;

	(void)r;
	world_in(between(MS, 5 * MS), OF_HOST, g->node, leave_deregister, g, 0,
	    &g->leave_life);
}

static void
leave_released(const struct consul_reply *r, void *arg)
{
	struct guard	*g = arg;

	(void)r;
	consul_session_destroy(&g->leave, g->leave_session, leave_destroyed,
	    g);
}

static void
leave_looked(const struct consul_reply *r, void *arg)
{
	struct guard		*g = arg;
	struct consul_key	 ours = { 0 };
	char			 path[CONSUL_NAME_MAX], *value;

	if (r->outcome == CONSUL_OK &&
	    strcmp(r->key->session, g->leave_session) == 0)
		ours = *r->key;
	snprintf(ours.session, sizeof ours.session, "%s", g->leave_session);
	lock_value_path(&g->node->config, path);
	value = lock_value_make_last(&g->node->config, g->leave_as, &ours);
	consul_release(&g->leave, path, g->leave_session, value,
	    leave_released, g);
	free(value);
	/* It may die of its own, and what it has asked for come late. */
	if (!world.quiet && chance(15)) {
		say(g->node, "leave: it is killed");
		g->leave_life++;
		leave_ended(g);
	}
}

static void
leave_begins(struct node *n, void *arg, int64_t unused)
{
	struct guard	*g = arg;
	char		 path[CONSUL_NAME_MAX];

	(void)unused;
	if (strcmp(g->leave_as, "unfenced") == 0) {
		world_in(between(5 * MS, 4 * SEC), OF_HOST, n, leave_end, g, 0,
		    &g->leave_life);
		return;
	}
	snprintf(g->leave_session, sizeof g->leave_session, "%s",
	    n->file_session);
	if (g->session[0] != '\0')
		memcpy(g->leave_session, g->session, sizeof g->session);
	if (world.bug != BUG_RUN_FILE_KEPT &&
	    strcmp(g->leave_session, n->file_session) == 0) {
		n->file_session[0] = '\0';
		n->file_epoch = 0;
	}
	if (g->leave_session[0] == '\0') {
		leave_destroyed(NULL, g);
		return;
	}
	lock_value_path(&n->config, path);
	consul_get(&g->leave, path, true, leave_looked, g);
}

static void
guard_leave(struct guard *g, const char *as)
{
	say(g->node, "leave: as %s", as);
	world.counts.left++;
	g->leave_as = as;
	g->leaving = true;
	g->left = false;
	g->leave_life++;
	/* The config may be on a disk that hangs. */
	world_in(between(3 * MS, chance(25) ? LEAVE_LIMIT * MS : 60 * MS),
	    OF_HOST, g->node, leave_begins, g, 0, &g->leave_life);
	if (g->doing == FAILED)
		return;
	g->doing = LEAVING;
	g->deadline = guard_clock(g) + LEAVE_LIMIT;
	guard_save(g);
	faults_moment(g->node, MOMENT_OF_LEAVING);
}

static void
guard_left(struct guard *g)
{
	g->leave_life++;
	g->leaving = g->left = false;
	if (g->doing != LEAVING)
		return;
	g->doing = LEFT;
	if (!g->agent) {
		lease_end(&g->lease);
		guard_exits(g);
	}
}

/*
 * The messages of the agent.
 */

static void
guard_read_lease(struct guard *g, const struct message *m)
{
	if (!lease_hold(&g->lease, m->until, m->by)) {
		guard_tell(g, CORE_GUARD_FIRED);
		return;
	}
	if (world.bug == BUG_GUARD_TRUSTS_WORD)
		lease_hold(&g->lease, m->until + guard_clock(g) - m->sent,
		    m->by + guard_clock(g) - m->sent);
	g->clean_at = m->clean_at;
	g->epoch = m->epoch;
	memcpy(g->session, m->session, sizeof g->session);
	guard_save(g);
	/* Its word is about the lease as the agent named it. */
	guard_tell_of(g, CORE_GUARD_HOLDS, m->until);
	if (m->now && g->doing == WATCHING)
		guard_fire(g, lease_fire_now(&g->lease, guard_clock(g)));
}

static void
guard_read_end(struct guard *g)
{
	if (g->doing == DEMOTING)
		guard_bury(g);
	g->leave_life++;
	g->leaving = g->left = false;
	g->doing = WATCHING;
	lease_end(&g->lease);
	guard_save(g);
}

static void
guard_lose_agent(struct guard *g)
{
	int64_t	now = guard_clock(g);

	say(g->node, "guard: the agent is gone");
	g->agent = g->heard = false;
	guard_stop_role(g);
	lease_lose_agent(&g->lease, now);
	if (g->doing == DEMOTED || g->doing == FAILED)
		g->deadline = now;
	if (g->doing == LEFT) {
		lease_end(&g->lease);
		guard_exits(g);
	}
}

static void
guard_read(struct guard *g, const struct message *m)
{
	g->heard = true;
	switch (m->type) {
	case ROLE:
		g->role = m->role;
		break;
	case LEASE:
		guard_read_lease(g, m);
		break;
	case END:
		guard_read_end(g);
		break;
	case BYE:
		lease_end(&g->lease);
		guard_exits(g);
		break;
	case EOF_SEEN:
		guard_lose_agent(g);
		break;
	case SAYS:
		break;
	}
}

/*
 * Time, and one turn of its loop.
 */

static int64_t
guard_wake(const struct guard *g)
{
	switch (g->doing) {
	case WATCHING:
		return lease_wake(&g->lease);
	case DEMOTING:
		return g->calling || g->deadline < g->call_at ?
		    g->deadline : g->call_at;
	case DEMOTED:
	case FAILED:
	case LEAVING:
		return g->deadline;
	case LEFT:
		break;
	}
	return INT64_MAX;
}

static void
guard_tick(struct guard *g)
{
	int64_t	now = guard_clock(g), deadline;

	if (now < guard_wake(g))
		return;
	switch (g->doing) {
	case WATCHING:
		if (lease_fire(&g->lease, now, &deadline))
			guard_fire(g, deadline);
		else if (lease_is_over(&g->lease, now))
			guard_leave(g, "dropped");
		break;
	case DEMOTING:
		if (now >= g->deadline)
			guard_fail(g);
		else
			guard_call(g);
		break;
	case DEMOTED:
		guard_leave(g, now >= g->clean_at ? "released" : "dropped");
		break;
	case FAILED:
		g->deadline = now + TRY_PAUSE;
		if (!g->heard)
			guard_demote(g, now + g->lease.demote_deadline_ms);
		g->heard = false;
		break;
	case LEAVING:
		guard_left(g);
		break;
	case LEFT:
		break;
	}
}

static void
guard_set_timer(struct guard *g)
{
	int64_t	wake = guard_wake(g), left = wake - guard_clock(g);

	g->timer++;
	if (wake != INT64_MAX)
		world_in(left > 0 ? node_delay(g->node, left) : 1, OF_HOST,
		    g->node, guard_wakes, g, 0, &g->timer);
}

/* The order is guard_run's. */
static void
guard_turn(struct guard *g)
{
	struct message	m;

	while (g->alive && g->agent && take(&g->in, &m))
		guard_read(g, &m);
	if (g->alive && g->answered) {
		if (g->result == CORE_RESULT_DONE)
			guard_demoted(g);
		else
			guard_not_done(g);
	}
	if (g->alive && g->left)
		guard_left(g);
	if (g->alive)
		guard_tick(g);
	if (g->alive)
		guard_hand_over(g);
	if (g->alive)
		guard_set_timer(g);
}

static void
guard_wakes(struct node *n, void *arg, int64_t unused)
{
	struct guard	*g = arg;

	(void)n;
	(void)unused;
	if (!g->alive)
		return;
	if (g->stopped > 0) {
		g->woken = true;
		return;
	}
	if (!g->ready)
		guard_take_over(g);
	if (g->ready)
		guard_turn(g);
}

void
guard_kill(struct guard *g)
{
	if (g == NULL || !g->alive)
		return;
	say(g->node, "the guard is killed");
	guard_ends(g);
}

void
guard_pause(struct guard *g, bool yes, bool all)
{
	g->stopped = all ? 0 : g->stopped + (yes ? 1 : -1);
	if (g->stopped == 0 && g->woken) {
		g->woken = false;
		guard_wake_up(g, turn());
	}
	node_helpless_changed(g->node);
}

/*
 * guard.c: the agent's side.
 */

static void
client_send_role(struct node *n)
{
	client_send(n, (struct message){ .type = ROLE, .role = n->role });
}

static void
client_send_lease(struct node *n, bool now)
{
	struct message	m = n->told;

	m.now = now;
	m.sent = node_clock(n);
	client_send(n, m);
	if (n->unanswered++ == 0)
		n->unanswered_at = m.sent;
	if (n->guard == NULL || n->unanswered <= SILENT_LEASES ||
	    m.sent - n->unanswered_at < SILENCE)
		return;
	n->unanswered = 0;
	say(n, "its guard stands still");
	guard_kill(n->guard);
}

static void
client_start_again(struct node *n, void *arg, int64_t unused)
{
	int64_t	pause = n->losses > 5 ? START_PAUSE_MAX :
		    PAUSE_FIRST << n->losses;

	(void)unused;
	n->guard = guard_spawn(n);
	if (n->guard == NULL) {
		n->losses++;
		world_in(node_delay(n, pause), OF_AGENT, n,
		    client_start_again, arg, 0, &n->life);
		return;
	}
	if (n->role != 0)
		client_send_role(n);
	if (n->told.until != 0)
		client_send_lease(n, false);
	else if (n->ended)
		client_end(n);
}

static void
client_lose(struct node *n)
{
	n->guard = NULL;
	n->unanswered = 0;
	world_in(n->losses == 0 ? 1 : node_delay(n, PAUSE_FIRST), OF_AGENT, n,
	    client_start_again, NULL, 0, &n->life);
	n->losses++;
	say(n, "its guard has died");
	agent_guard(n, CORE_GUARD_GONE, 0);
}

static void
client_read(struct node *n, void *arg, int64_t unused)
{
	struct guard	*g = arg;
	struct message	 m;

	(void)unused;
	if (n->guard != g || !take(&g->out, &m))
		return;
	if (n->starting && m.type == EOF_SEEN)
		agent_not_started(n);
	else if (n->starting)
		agent_started(n, m.until);
	else if (m.type == EOF_SEEN)
		client_lose(n);
	else {
		n->losses = 0;
		n->unanswered = 0;
		agent_guard(n, m.what, m.until);
	}
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
	n->losses = 0;
	n->unanswered = 0;
	n->told = (struct message){ .type = LEASE };
	n->ended = false;
	n->guard = guard_spawn(n);
	world_in(n->guard == NULL ? MS : node_delay(n, START_LIMIT +
	    n->config.demote_deadline), OF_AGENT, n, client_waits_too_long,
	    NULL, 0, &n->life);
}

void
client_lease(struct node *n, const struct core_action *a)
{
	n->told = (struct message){ .type = LEASE, .until = a->lease.until,
	    .by = a->lease.by, .clean_at = a->lease.clean_at,
	    .epoch = a->lease.epoch };
	snprintf(n->told.session, sizeof n->told.session, "%s",
	    lock_session(n->agent->lock));
	n->ended = false;
	client_send_lease(n, a->lease.demote_now);
}

void
client_end(struct node *n)
{
	n->told.until = 0;
	n->ended = true;
	client_send(n, (struct message){ .type = END });
}

void
client_role(struct node *n)
{
	client_send_role(n);
}

/* The agent ends: its end of the channel closes. */
void
client_stop(struct node *n, bool in_good_order)
{
	struct guard	*g = n->guard;

	if (in_good_order)
		client_send(n, (struct message){ .type = BYE });
	client_send(n, (struct message){ .type = EOF_SEEN });
	n->guard = NULL;
	if (g != NULL)
		g->out.count = 0;
}

/*
 * What the invariants forgive: see acts().
 */

/* Somebody is there who can end a mastership. */
bool
node_is_guarded(const struct node *n)
{
	return n->file_owner != NULL && n->file_owner->stopped == 0;
}

bool
node_guard_demotes(const struct node *n)
{
	return node_is_guarded(n) && (n->file_owner->doing == DEMOTING ||
	    (n->file_owner->doing == FAILED && world.fences));
}

/* The agent has begun to demote, and been lost at it. */
bool
node_guard_fires_soon(const struct node *n)
{
	const struct guard	*g = n->file_owner;

	return node_is_guarded(n) && g->lease.until != 0 &&
	    g->doing == WATCHING && g->lease.until < guard_clock(g) + 300;
}

void
guards_die(struct node *n)
{
	int	i;

	for (i = 0; i < GUARDS; i++)
		guard_kill(&n->guards[i]);
	memset(&n->file, 0, sizeof n->file);
}

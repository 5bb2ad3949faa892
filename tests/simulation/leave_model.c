/*
 * leave_model.c - the run of `consul-failover leave` that a guard starts, a
 * process of its own:  wipe -> look -> release -> destroy -> deregister
 *
 * The steps are those of leave.c, in the same order.
 */

#include "guards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consul.h"
#include "guard_state.h"

static void
leave_ended(struct guard_process *p)
{
	say(p->node, "leave: it ends");
	p->left = true;
	guard_wake_up(p);
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
	struct guard_process	*p = arg;
	int64_t	takes = node_delay(n, n->config.request_timeout);
	bool	there = consul_reaches(n) && n->cut_local == 0 &&
		    consul_has_leader();

	(void)unused;
	if (there && (world.lossy == 0 || chance(50))) {
		leave_late(n, NULL, 0);
		leave_ended(p);
		return;
	}
	if (chance(30))
		world_in(between(SEC, 10 * SEC), OF_HOST, n, leave_late, NULL,
		    0, NULL);
	world_in(there ? 5 * MS : takes, OF_HOST, n, leave_end, p, 0,
	    &p->leave.life);
}

static void
leave_destroyed(const struct consul_reply *r, void *arg)
{
	struct guard_process	*p = arg;

	(void)r;
	world_in(between(MS, 5 * MS), OF_HOST, p->node, leave_deregister, p, 0,
	    &p->leave.life);
}

static void
leave_released(const struct consul_reply *r, void *arg)
{
	struct guard_process	*p = arg;

	(void)r;
	consul_session_destroy(&p->leave.consul, p->leave.session,
	    leave_destroyed, p);
}

static void
leave_looked(const struct consul_reply *r, void *arg)
{
	struct guard_process	*p = arg;
	const char		*session = p->leave.session;
	struct consul_key	 ours = { 0 };
	char			 path[CONSUL_NAME_MAX], *value;

	if (r->outcome == CONSUL_OK && strcmp(r->key->session, session) == 0)
		ours = *r->key;
	snprintf(ours.session, sizeof ours.session, "%s", session);
	lock_value_path(&p->node->config, path);
	value = lock_value_make_last(&p->node->config, p->leave.as, &ours);
	consul_release(&p->leave.consul, path, session, value, leave_released,
	    p);
	free(value);
	/* It may die of its own, and what it has asked for come late. */
	if (!world.quiet && chance(15)) {
		say(p->node, "leave: it is killed");
		leave_dies(p);
		leave_ended(p);
	}
}

/* Of the session that its guard has named, or else the run file does. */
static void
leave_begins(struct node *n, void *arg, int64_t unused)
{
	struct guard_process	*p = arg;
	char			*session = p->leave.session;
	char			 path[CONSUL_NAME_MAX];

	(void)unused;
	if (strcmp(p->leave.as, "unfenced") == 0) {
		world_in(between(5 * MS, 4 * SEC), OF_HOST, n, leave_end, p, 0,
		    &p->leave.life);
		return;
	}
	if (session[0] == '\0')
		memcpy(session, n->file_session, sizeof p->leave.session);
	if (world.bug != BUG_RUN_FILE_KEPT &&
	    strcmp(session, n->file_session) == 0) {
		n->file_session[0] = '\0';
		n->file_epoch = 0;
	}
	if (session[0] == '\0') {
		leave_destroyed(NULL, p);
		return;
	}
	lock_value_path(&n->config, path);
	consul_get(&p->leave.consul, path, true, leave_looked, p);
}

void
leave_starts(struct guard_process *p, const char *as, const char *session)
{
	say(p->node, "leave: as %s", as);
	world.counts.left++;
	p->leave.as = as;
	snprintf(p->leave.session, sizeof p->leave.session, "%s",
	    session != NULL ? session : "");
	p->left = false;
	p->leave.life++;
	/* The config may be on a disk that hangs. */
	world_in(between(3 * MS, chance(25) ? LEAVE_LIMIT * MS : 60 * MS),
	    OF_HOST, p->node, leave_begins, p, 0, &p->leave.life);
}

void
leave_dies(struct guard_process *p)
{
	p->leave.life++;
}

/* agent.c - joins the parts, on one event loop. */

#include "agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <consul-failover/plugin.h>

#include "api.h"
#include "candidates.h"
#include "clock.h"
#include "consul.h"
#include "core.h"
#include "election.h"
#include "guard.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "registration.h"

/* A plugin whose watch_fd never rests is asked no oftener than this. */
#define HEALTH_PAUSE	100	/* ms */
/* The same trouble with other words is logged no oftener than this. */
#define TROUBLE_PAUSE	10000	/* ms */
/* Two signals in less are one wish to stop. */
#define TWICE		500	/* ms */

/* Something that goes wrong for a while: said when it begins, when it becomes
 * something else, and when it has ended. */
struct trouble {
	const char	*what;
	char		 text[512];	/* "" while all is well */
	int64_t		 said_at;
};

struct agent {
	const struct config			*config;
	const struct plugin_description		*plugin;
	struct runfile				*runfile;

	struct event_base	*base;
	struct consul		*consul;
	struct lock		*lock;
	struct registration	*registration;
	struct api		*api;
	struct handler		*health;
	struct handler		*role;
	struct guard		*guard;
	struct candidates	*candidates;
	struct election		*election;
	struct election_config	 election_config;
	struct election_step	 question;	/* not asked yet; or NOTHING */
	uint32_t		 election_round, asked_round;
	uint64_t		 aside_epoch;	/* of the lock not wanted */
	struct core		 core;

	int			 wake_fd;	/* timerfd: it counts in suspend */
	struct event		*wake;
	struct event		*health_timer;
	struct event		*watchdog;
	struct event		*leave_timer;
	struct event		*election_timer;
	struct event		*position_timer;	/* while master */
	struct event		*signals[3];

	int64_t			 health_asked_at;
	bool			 health_again;	/* once more when it ends */
	bool			 health_retried;	/* it was lost once */
	enum api_health		 published;
	char			 published_text[CORE_TEXT];
	int64_t			 published_at;
	bool			 disabled;
	bool			 was_bad;	/* said in the log */

	int64_t			 inherited_lease;
	uint32_t		 call;		/* the core's number for it */
	enum core_op		 op;
	char			 call_said[CORE_TEXT];
	enum failover_role	 role_done;	/* what the last one made */
	bool			 refused;	/* to be a slave, and it is none */

	char			 node[CONSUL_NAME_MAX];
	struct trouble		 key_trouble;
	struct trouble		 write_trouble;
	struct trouble		 session_trouble;
	struct trouble		 registration_trouble;
	struct trouble		 election_trouble;
	struct trouble		 refusal;	/* of the lock, by max_behind */
	char			 final_position[FAILOVER_POSITION];
	char			 untold[CORE_TEXT];	/* why it is not, yet */
	struct core_action	 leaving;	/* the call that asks for it */
	enum { OWN, HAVE_ALL, PASS_ON } leaves;
	bool			 final;		/* nobody has more */
	bool			 caught_up;	/* it is said that we gave up */

	struct api_transition	 transitions[API_TRANSITIONS];
	size_t			 transition_count;
	int64_t			 since_wall_ms;
	struct api_status	 counters;	/* only the counters of it */

	bool			 stopping;
	int64_t			 stopping_at;
	bool			 clean_stop;
	void			(*reload)(void *);
	void			*reload_arg;
	enum agent_end		 end;
};

static void	agent_event(struct agent *, const struct core_event *);
static void	agent_ask_health(struct agent *);
static void	agent_call_done(enum handler_result, const char *, void *);
static void	agent_election_soon(struct agent *);
static void	agent_rank(struct agent *);

static int64_t
wall_ms(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
timer_in(struct event *timer, int64_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(timer, &tv);
}

static void
trouble_set(struct trouble *t, const char *text)
{
	if (strcmp(t->text, text) == 0)
		return;
	if (text[0] == '\0')
		log_info("%s: all is well again", t->what);
	else if (t->text[0] == '\0' ||
	    clock_ms() - t->said_at >= TROUBLE_PAUSE) {
		log_warning("%s: %s; we go on trying", t->what, text);
		t->said_at = clock_ms();
	}
	snprintf(t->text, sizeof t->text, "%s", text);
}

/*
 * The plugin's health.
 */

static void
agent_look_for_disable_file(struct agent *a)
{
	struct core_event	ev = { .type = CORE_EV_DISABLED };

	ev.yes = access(a->config->disable_file, F_OK) == 0;
	ev.text = a->config->disable_file;
	if (ev.yes == a->disabled)
		return;
	a->disabled = ev.yes;
	agent_event(a, &ev);
}

/* The older program's words, for those who search logs for them. */
static void
agent_say_health(struct agent *a, enum core_health h, const char *text)
{
	if (h == CORE_HEALTH_BAD && !a->was_bad)
		log_warning("Service is not healthy: %s", text);
	else if (h == CORE_HEALTH_OK && a->was_bad)
		log_info("Service is healthy: %s", text);
	a->was_bad = h == CORE_HEALTH_BAD || (a->was_bad && h != CORE_HEALTH_OK);
}

static void
agent_health_done(enum handler_result result, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_HEALTH, .text = text };

	/* A crash costs one call: it says nothing about the application. */
	if (result == HANDLER_LOST && !a->health_retried) {
		log_warning("%s; health is asked again", text);
		a->counters.handler_restarts++;
		a->health_retried = true;
		agent_ask_health(a);
		return;
	}
	a->health_retried = false;
	ev.health = result == HANDLER_DONE ? CORE_HEALTH_OK :
	    result == HANDLER_AGAIN ? CORE_HEALTH_BUSY : CORE_HEALTH_BAD;
	a->counters.health_failures += ev.health == CORE_HEALTH_BAD;
	timer_in(a->health_timer, a->health_again ? HEALTH_PAUSE :
	    a->config->health_interval);
	a->health_again = false;
	agent_say_health(a, ev.health, text);
	agent_election_soon(a);		/* it may have waited for the handler */
	agent_look_for_disable_file(a);
	registration_set_health(a->registration, ev.health == CORE_HEALTH_OK,
	    text);
	agent_event(a, &ev);
}

/* What every call is told. */
static void
agent_tell(const struct agent *a, struct handler_call *call, const char *reason)
{
	const struct core_lock	*l = &a->core.lock;

	call->what.epoch = a->core.epoch;
	call->what.node = a->node;
	call->what.reason = reason;
	call->what.role = a->role_done;
	if (l->owner == CORE_LOCK_THEIRS) {
		call->what.master_host = l->host;
		call->what.master_port = l->port;
	}
}

static void
agent_ask_health(struct agent *a)
{
	struct handler_call	call = {
		.op = HANDLER_HEALTH,
		.timeout_ms = a->config->health_deadline,
	};

	agent_tell(a, &call, core_state_name(a->core.state));
	if (handler_call(a->health, &call, agent_health_done, a)) {
		a->counters.health_calls++;
		a->health_asked_at = clock_ms();
	} else
		a->health_again = true;
}

static void
agent_health_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	agent_ask_health(arg);
}

static void
agent_watched(void *arg)
{
	struct agent	*a = arg;

	if (clock_ms() - a->health_asked_at < HEALTH_PAUSE)
		timer_in(a->health_timer, HEALTH_PAUSE);
	else
		agent_ask_health(a);
}

/*
 * The plugin's role.
 */

static void
agent_say_call(struct agent *a, enum core_op op, enum handler_result result,
    const char *text)
{
	char	line[CORE_TEXT];

	if (result == HANDLER_DONE) {
		a->call_said[0] = '\0';
		log_debug("%s is done: %s", core_op_name(op), text);
		return;
	}
	snprintf(line, sizeof line, "%s %s: %.400s", core_op_name(op),
	    result == HANDLER_AGAIN ? "is under way" : "failed", text);
	if (strcmp(line, a->call_said) == 0)
		return;
	memcpy(a->call_said, line, sizeof line);
	log_line(result == HANDLER_AGAIN ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	    "%s", line);
}

/*
 * What a demoted copy leaves with the lock is how far it has got: all there is,
 * if it has been the master.  One that has not may lack what it was to wait for,
 * and then it passes that on.
 */

static void
agent_ask_position(struct agent *a, const struct core_action *act, bool again)
{
	const struct lock_before	*before = lock_before(a->lock);
	struct handler_call		 call = {
		.op = HANDLER_POSITION,
		.timeout_ms = act->timeout,
	};

	agent_tell(a, &call, act->text);
	a->leaves = OWN;
	a->final = act->yes || (again && before->final);
	if (!act->yes && !again && before->position[0] != '\0') {
		a->leaves = HAVE_ALL;
		a->leaving = *act;
		call.op = HANDLER_HAS_POSITION;
		call.what.position = before->position;
	}
	handler_call(a->role, &call, agent_call_done, a);
}

static void
agent_position_left(struct agent *a, enum handler_result result,
    struct core_event *ev)
{
	if (a->leaves == HAVE_ALL && result == HANDLER_DONE) {
		agent_ask_position(a, &a->leaving, true);
		return;
	}
	snprintf(a->untold, sizeof a->untold, "%s",
	    ev->result == CORE_AGAIN ? ev->text : "");
	if (a->leaves == HAVE_ALL) {
		a->leaves = PASS_ON;
		ev->result = CORE_DONE;
	} else if (ev->result == CORE_DONE)
		snprintf(a->final_position, sizeof a->final_position, "%s",
		    ev->text);
	else if (ev->result == CORE_FAILED)
		log_info("The demoted copy can't tell how far it has got, so "
		    "the others are compared with each other only: %.300s",
		    ev->text);
	agent_event(a, ev);
}

/* Then every other copy goes first in an election, as far as it is not behind. */
static void
agent_refused(struct agent *a, bool refused)
{
	if (a->refused == refused)
		return;
	a->refused = refused;
	agent_rank(a);
}

static void
agent_call_done(enum handler_result result, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = {
		.type = CORE_EV_CALL_DONE,
		.call = a->call,
		.text = text,
		.result = result == HANDLER_DONE ? CORE_DONE :
		    result == HANDLER_AGAIN ? CORE_AGAIN : CORE_FAILED,
	};

	a->final_position[0] = '\0';
	if (a->op == CORE_POSITION) {
		agent_position_left(a, result, &ev);
		return;
	}
	a->counters.role_failures += ev.result == CORE_FAILED;
	if (ev.result == CORE_DONE)
		a->role_done = a->op == CORE_ENSURE_MASTER ? FAILOVER_MASTER :
		    a->op == CORE_ENSURE_SLAVE ? FAILOVER_SLAVE :
		    FAILOVER_NO_ROLE;
	if (a->op == CORE_ENSURE_SLAVE)
		agent_refused(a, ev.result == CORE_FAILED &&
		    a->role_done != FAILOVER_SLAVE);
	a->counters.handler_restarts += result == HANDLER_LOST ||
	    result == HANDLER_TIMEOUT;
	agent_say_call(a, a->op, result, text);
	agent_event(a, &ev);
}

/* Who was master before, and what he left; unless we have waited for that long
 * enough. */
static void
agent_tell_before(struct agent *a, struct handler_call *call, bool enough)
{
	const struct lock_before	*b = lock_before(a->lock);

	call->what.previous_host = b->host;
	call->what.previous_port = b->port;
	call->what.target = enough ? "" : b->position;
	call->what.enough = enough;
	if (!enough || a->core.state != CORE_PROMOTING ||
	    b->position[0] == '\0' || a->caught_up)
		return;
	a->caught_up = true;
	log_error("This copy has not got what the master before it, %s, left "
	    "(%.200s) within [election] catch_up: it becomes master without; "
	    "what is missing may be found on %s", b->node, b->position,
	    b->node);
}

static void
agent_call(struct agent *a, const struct core_action *act)
{
	static const enum handler_op	ops[] = {
		[CORE_ENSURE_MASTER] = HANDLER_ENSURE_MASTER,
		[CORE_ENSURE_SLAVE] = HANDLER_ENSURE_SLAVE,
		[CORE_ENSURE_DEMOTED] = HANDLER_ENSURE_DEMOTED,
		[CORE_POSITION] = HANDLER_POSITION,
	};
	struct handler_call		call = {
		.op = ops[act->op],
		.timeout_ms = act->timeout,
	};

	agent_tell(a, &call, act->text);
	call.what.epoch = act->epoch;
	call.what.not_after = act->until;
	if (act->op == CORE_ENSURE_SLAVE) {
		call.what.master_host = act->host;
		call.what.master_port = act->port;
	}
	if (act->op == CORE_ENSURE_MASTER)
		agent_tell_before(a, &call, act->yes);
	a->call = act->call;
	a->op = act->op;
	a->counters.role_calls++;
	handler_cancel(a->role);
	if (act->op == CORE_POSITION) {
		agent_ask_position(a, act, false);
		return;
	}
	handler_call(a->role, &call, agent_call_done, a);
}

/*
 * The election: the plugin's answers come from the health handler, because the
 * other one may be at a long ensure_slave.
 */

/* Another call of it has ended, and health has waited for that. */
static void
agent_health_handler_free(struct agent *a)
{
	if (!a->health_again)
		return;
	a->health_again = false;
	timer_in(a->health_timer, 0);
}

static void
agent_election_soon(struct agent *a)
{
	if (election_runs(a->election))
		timer_in(a->election_timer, 0);
}

static void
agent_election_answer(enum handler_result result, const char *text, void *arg)
{
	struct agent	*a = arg;

	agent_health_handler_free(a);
	agent_election_soon(a);
	if (a->asked_round != a->election_round)
		return;		/* of an election that is over */
	if (result != HANDLER_DONE && result != HANDLER_FAILED)
		log_warning("Comparing the copies: %s", text);
	election_answer(a->election, result == HANDLER_DONE ? ELECTION_YES :
	    result == HANDLER_FAILED ? ELECTION_NO : ELECTION_CAN_NOT_TELL,
	    text);
}

/* If the handler is busy it is tried again when it is not. */
static void
agent_election_ask(struct agent *a)
{
	const struct election_step	*s = &a->question;
	struct handler_call		 call = {
		.op = s->type == ELECTION_COMPARE ? HANDLER_HAS_POSITION :
		    s->type == ELECTION_MEASURE ? HANDLER_BEHIND :
		    HANDLER_POSITION,
		/* So that there is time left to say that it can't be told. */
		.timeout_ms = (a->config->election_wait + 1) / 2,
	};

	if (s->type == ELECTION_NOTHING)
		return;
	agent_tell(a, &call, "an election");
	call.what.position = s->text;
	if (!handler_call(a->health, &call, agent_election_answer, a))
		return;
	a->asked_round = a->election_round;
	a->question.type = ELECTION_NOTHING;
}

/* "consul-failover promote" leaves it, for one time. */
static bool
agent_take_override(const struct agent *a)
{
	char	path[PATH_MAX];

	runfile_promote_file(a->config, path);
	return unlink(path) == 0;
}

static void
agent_elected(struct agent *a, const struct election_step *s)
{
	struct core_event	ev = { .type = CORE_EV_ELECTED };
	char			why[CORE_TEXT];

	ev.yes = s->type == ELECTION_TAKE || agent_take_override(a);
	if (ev.yes && s->type == ELECTION_REFUSE)
		log_warning("Taking the lock all the same, this once, as "
		    "\"promote\" wants it: %s", s->text);
	else if (!ev.yes)
		snprintf(why, sizeof why, "%.300s; to make it master all the "
		    "same, run: consul-failover promote -c %s", s->text,
		    a->config->file);
	else if (election_reason(a->election)[0] != '\0')
		log_warning("Taking the lock after [election] wait, although "
		    "%s", election_reason(a->election));
	trouble_set(&a->refusal, ev.yes ? "" : why);
	agent_event(a, &ev);
}

static void
agent_election_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent		*a = arg;
	struct election_step	 s;

	(void)fd;
	(void)what;
	if (!election_runs(a->election))
		return;
	s = election_next(a->election, clock_ms());
	switch (s.type) {
	case ELECTION_POSITION_OF_OURS:
	case ELECTION_COMPARE:
	case ELECTION_MEASURE:
		/* What the plugin still answers was asked before. */
		a->election_round++;
		a->question = s;
		/* FALLTHROUGH */
	case ELECTION_NOTHING:
		agent_election_ask(a);
		timer_in(a->election_timer, s.at - clock_ms() + 1);
		break;
	case ELECTION_PUBLISH:
		candidates_publish(a->candidates, a->core.lock.epoch, s.text,
		    s.yields);
		timer_in(a->election_timer, 0);
		break;
	case ELECTION_TAKE:
	case ELECTION_REFUSE:
		agent_elected(a, &s);
		break;
	}
}

static void
agent_records_changed(void *arg)
{
	struct agent			*a = arg;
	const struct election_record	*records;
	size_t				 count;

	records = candidates_records(a->candidates, &count);
	election_records(a->election, records, count);
	agent_election_soon(a);
}

/* A copy that is busy, or could not be made master a moment ago, does not want
 * the lock: it says so, or the others would wait for what it has to say. */
static void
agent_stand_aside(struct agent *a)
{
	static const char *const	anybody[] = { "*", NULL };
	const struct core		*c = &a->core;

	/* Where nobody can take it yet, that may change until somebody can. */
	if (c->state != CORE_CANDIDATE || c->lock.epoch == a->aside_epoch ||
	    !c->lock.clean ||
	    (c->health == CORE_HEALTH_OK && c->now >= c->hold_off))
		return;
	a->aside_epoch = c->lock.epoch;
	candidates_publish(a->candidates, c->lock.epoch, "", anybody);
}

static void
agent_elect(struct agent *a, bool yes)
{
	const struct lock_before	*b = lock_before(a->lock);
	char				 last[ELECTION_ID];

	a->election_round++;
	a->question.type = ELECTION_NOTHING;
	if (!yes) {
		election_end(a->election);
		return;
	}
	candidates_make_id(last, b->node, b->service_id);
	/* Only of his own will he does not want it any more. */
	if (!a->core.lock.clean)
		last[0] = '\0';
	election_begin(a->election, a->core.lock.epoch, last, b->final ?
	    b->position : "",
	    b->position[0] != '\0' ? b->position :
	    candidates_master(a->candidates), clock_ms());
	agent_records_changed(a);
}

/* While we are the master: for the max_behind of those who may be it next. */

static void
agent_position_told(enum handler_result result, const char *text, void *arg)
{
	struct agent	*a = arg;

	if (result == HANDLER_DONE && core_is_master(&a->core))
		candidates_say_master(a->candidates, a->core.epoch, text);
	agent_health_handler_free(a);
}

static void
agent_position_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent		*a = arg;
	struct handler_call	 call = { .op = HANDLER_POSITION,
				    .timeout_ms = a->config->health_deadline };

	(void)fd;
	(void)what;
	timer_in(a->position_timer, a->config->position_interval);
	if (a->config->max_behind < 0 || !core_is_master(&a->core))
		return;
	agent_tell(a, &call, "others may not be promoted if they are behind");
	handler_call(a->health, &call, agent_position_told, a);
}

/*
 * The guard.
 */

static void
agent_guard(enum core_guard what, int64_t until, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_GUARD, .guard = what,
				    .until = until, .text = text };

	if (what == CORE_GUARD_DEMOTED)
		a->role_done = FAILOVER_NO_ROLE;
	a->counters.guard_demotions += what == CORE_GUARD_FIRED &&
	    !a->core.guard_fired;
	agent_event(a, &ev);
}

static void
agent_role_process(pid_t pid, void *arg)
{
	struct agent	*a = arg;

	guard_role(a->guard, pid);
}

/*
 * The actions.
 */

/* A mastership that ends against our will is what somebody is woken for. */
static enum log_level
agent_change_level(const struct agent *a, const struct core_action *act)
{
	bool	lost = (act->to == CORE_FENCED && a->core.proof >= 0) ||
		    (act->to == CORE_DEMOTING && (act->from == CORE_MASTER ||
		    act->from == CORE_PROMOTING));

	if (lost && !a->core.stop && !a->core.disabled)
		return LOG_LEVEL_WARNING;
	/* Nobody expects that of a start which was to go on as master. */
	if (act->from == CORE_STARTING && act->to == CORE_DEMOTING &&
	    a->core.config.resume_epoch != 0)
		return LOG_LEVEL_INFO;
	return act->yes ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static void
agent_changed(struct agent *a, const struct core_action *act)
{
	struct api_transition	*t = a->transitions;

	memmove(t + 1, t, (API_TRANSITIONS - 1) * sizeof *t);
	if (a->transition_count < API_TRANSITIONS)
		a->transition_count++;
	if (act->to == CORE_MASTER)
		lock_settle(a->lock);
	/* It was for the lock that is given now. */
	if (act->to == CORE_MASTER || act->to == CORE_SLAVE)
		agent_take_override(a);
	t->wall_ms = a->since_wall_ms = wall_ms();
	t->from = core_state_name(act->from);
	t->to = core_state_name(act->to);
	snprintf(t->why, sizeof t->why, "%s", act->text);
	a->counters.failovers += act->to == CORE_MASTER;
	a->counters.demotions += act->to == CORE_DEMOTING &&
	    act->from == CORE_MASTER;
	log_line(agent_change_level(a, act), "%s -> %s: %s", t->from, t->to,
	    t->why);
	if ((act->to == CORE_PROMOTING || (act->to == CORE_CANDIDATE &&
	    a->core.lock.owner == CORE_LOCK_FREE)) &&
	    a->core.grace_until > a->core.now)
		log_info("Nobody gave the lock back in good order: whoever had "
		    "it last may act as master for %.1f s more, so we wait",
		    (double)(a->core.grace_until - a->core.now) / 1000);
	if (act->to == CORE_CANDIDATE)
		candidates_look(a->candidates);
	notify_send("STATUS=%s: %s", t->to, act->text);
}

static void
agent_publish(struct agent *a, const struct core_action *act)
{
	a->published = act->health == CORE_HEALTH_OK ? API_HEALTH_OK :
	    act->health == CORE_HEALTH_BUSY ? API_HEALTH_BUSY : API_HEALTH_BAD;
	snprintf(a->published_text, sizeof a->published_text, "%s", act->text);
}

static void
agent_remember(struct agent *a, const char *session, uint64_t epoch)
{
	struct error	err;

	if (!runfile_save(a->runfile, session, epoch, &err))
		log_warning("%s: a restart of this agent would cost a failover",
		    err.text);
}

static void
agent_gone(void *arg)
{
	struct agent	*a = arg;

	a->end = a->clean_stop ? AGENT_STOPPED : AGENT_FAILED;
	event_base_loopbreak(a->base);
}

static void
agent_leave_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent	*a = arg;

	(void)fd;
	(void)what;
	log_warning("Consul does not answer: leaving our session to its TTL, "
	    "and the service registered; once Consul answers, run: "
	    "consul services deregister -id=%s", a->config->service_id);
	a->clean_stop = false;
	agent_gone(a);
}

static void
agent_deregistered(bool ok, void *arg)
{
	struct agent	*a = arg;

	a->clean_stop = a->clean_stop && ok;
	agent_gone(a);
}

static void
agent_session_left(void *arg)
{
	struct agent	*a = arg;

	registration_leave(a->registration, agent_deregistered, a);
}

static void
agent_leave(struct agent *a, bool demoted)
{
	notify_send("STOPPING=1");
	a->clean_stop = demoted;
	timer_in(a->leave_timer, 2 * a->config->request_timeout + 1000);
	candidates_leave(a->candidates);
	if (lock_session(a->lock)[0] != '\0')
		log_info("Destroying leader session");
	lock_leave(a->lock, agent_session_left, a);
}

static void
agent_perform(struct agent *a, const struct core_action *act)
{
	switch (act->type) {
	case CORE_WANT_SESSION:
		lock_want_session(a->lock, act->yes);
		break;
	case CORE_ELECT:
		agent_elect(a, act->yes);
		break;
	case CORE_ACQUIRE:
		a->caught_up = false;
		lock_acquire(a->lock);
		break;
	case CORE_LOOK:
		lock_look(a->lock);
		break;
	case CORE_RELEASE:
		if (!act->yes && a->untold[0] != '\0')
			log_warning("The demoted copy can't tell in time how "
			    "far it has got, so the next master waits for "
			    "nothing of it: %.300s", a->untold);
		a->untold[0] = '\0';
		if (act->yes && a->leaves == PASS_ON)
			lock_pass_on(a->lock, act->clean);
		else
			lock_release(a->lock, act->clean, act->yes ?
			    a->final_position : "", a->final);
		break;
	case CORE_CALL:
		agent_call(a, act);
		break;
	case CORE_CANCEL:
		handler_cancel(a->role);
		break;
	case CORE_LEASE:
		guard_lease(a->guard, act->until, act->by, act->clean_at,
		    act->epoch, a->node, lock_session(a->lock), act->yes);
		break;
	case CORE_END_LEASE:
		guard_end(a->guard);
		break;
	case CORE_SET_TAG:
		registration_set_tag(a->registration, act->text);
		break;
	case CORE_PUBLISH:
		agent_publish(a, act);
		break;
	case CORE_REMEMBER:
		agent_remember(a, act->epoch == 0 ? "" : lock_session(a->lock),
		    act->epoch);
		break;
	case CORE_CHANGED:
		agent_changed(a, act);
		break;
	case CORE_SAY:
		log_error("%s", act->text);
		break;
	case CORE_LEAVE:
		agent_leave(a, act->yes);
		break;
	}
}

/* Absolute, so that a timer that should have rung in a suspended machine rings
 * as it wakes up. */
static void
agent_set_wake(struct agent *a)
{
	struct itimerspec	t = { 0 };

	if (a->core.wake != INT64_MAX) {
		t.it_value.tv_sec = a->core.wake / 1000;
		t.it_value.tv_nsec = a->core.wake % 1000 * 1000000;
	}
	timerfd_settime(a->wake_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void
agent_event(struct agent *a, const struct core_event *ev)
{
	struct core_actions	 todo;
	size_t			 i;

	core_event(&a->core, ev, clock_ms(), &todo);
	registration_set_warning(a->registration,
	    a->core.unfenced ? CORE_UNFENCED : "");
	for (i = 0; i < todo.count; i++)
		agent_perform(a, &todo.list[i]);
	candidates_session(a->candidates, lock_session(a->lock));
	agent_set_wake(a);
}

static void
agent_tick(evutil_socket_t fd, short what, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_TICK };
	uint64_t		rings;

	(void)what;
	if (read(fd, &rings, sizeof rings) < 0)
		return;
	agent_event(arg, &ev);
}

/*
 * The lock's and the registration's news.
 */

static void
agent_lock_seen(const struct core_lock *lock, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_LOCK, .lock = lock };

	if (lock->owner != CORE_LOCK_FREE)
		trouble_set(&a->refusal, "");
	agent_event(a, &ev);
	if (lock->owner == CORE_LOCK_FREE)
		agent_stand_aside(a);
}

static void
agent_lock_refused(bool usual, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_REFUSED, .yes = usual,
				    .text = text };

	log_debug("The lock was refused: %s", text);
	agent_event(arg, &ev);
}

static void
agent_session(bool yes, const char *text, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_SESSION, .yes = yes };

	if (!yes) {
		log_warning("Our session in Consul is gone: %s", text);
		/* What ends a session may have ended our registration too. */
		registration_look(a->registration);
	} else if (strcmp(text, runfile_session(a->runfile)) != 0)
		/* Only news: the guard may have wiped what is old. */
		agent_remember(a, text, runfile_epoch(a->runfile));
	agent_event(a, &ev);
}

static void
agent_released(bool yes, const char *text, void *arg)
{
	struct core_event	ev = { .type = CORE_EV_RELEASED, .yes = yes };

	if (!yes)
		log_warning("The lock could not be given back, so the session "
		    "goes: %s", text);
	agent_event(arg, &ev);
}

static void
agent_key_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	/* A Consul agent that comes back may have lost us. */
	if (text[0] == '\0' && a->key_trouble.text[0] != '\0')
		registration_look(a->registration);
	trouble_set(&a->key_trouble, text);
}

static void
agent_write_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->write_trouble, text);
}

static void
agent_session_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->session_trouble, text);
}

static void
agent_configure_election(struct agent *a)
{
	const uint32_t	compare = 1u << HANDLER_POSITION |
			    1u << HANDLER_HAS_POSITION;

	a->election_config = (struct election_config){
		.wait = a->config->election_wait,
		/* It may have what no other has, and not what all others have. */
		.priority = a->refused ? 0 : a->config->priority,
		.max_behind = a->config->max_behind,
		.compares = (a->plugin->ops & compare) == compare,
		.measures = (a->plugin->ops & 1u << HANDLER_BEHIND) != 0,
	};
	candidates_make_id(a->election_config.id, a->node,
	    a->config->service_id);
}

static void
agent_rank(struct agent *a)
{
	agent_configure_election(a);
	if (a->node[0] != '\0')
		candidates_identify(a->candidates, a->node,
		    a->election_config.compares, a->election_config.priority);
}

static void
agent_election_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->election_trouble, text);
}

static void
agent_registered(const char *node, const char *address, void *arg)
{
	struct agent	*a = arg;

	snprintf(a->node, sizeof a->node, "%s", node);
	agent_rank(a);
	lock_identify(a->lock, node, address);
}

static void
agent_registration_trouble(const char *text, void *arg)
{
	struct agent	*a = arg;

	trouble_set(&a->registration_trouble, text);
}

static const struct lock_events lock_events = {
	.seen = agent_lock_seen,
	.refused = agent_lock_refused,
	.session = agent_session,
	.released = agent_released,
	.key_trouble = agent_key_trouble,
	.write_trouble = agent_write_trouble,
	.session_trouble = agent_session_trouble,
};

static const struct candidates_events candidates_events = {
	.changed = agent_records_changed,
	.trouble = agent_election_trouble,
};

static const struct registration_events registration_events = {
	.registered = agent_registered,
	.trouble = agent_registration_trouble,
};

/*
 * Signals, the watchdog, and the status for the API.
 */

static void
agent_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent		*a = arg;
	struct core_event	 ev = { .type = CORE_EV_STOP };

	(void)what;
	/* A wrapper may signal us and our group: that is once. */
	if (a->stopping && clock_ms() - a->stopping_at < TWICE)
		return;
	if (a->stopping) {
		log_warning("Told to stop twice: stopping at once. The guard "
		    "goes on: it demotes the copy if it is a master, and "
		    "gives the lock back");
		a->end = AGENT_FAILED;
		event_base_loopbreak(a->base);
		return;
	}
	a->stopping = true;
	a->stopping_at = clock_ms();
	ev.text = sig == SIGINT ? "SIGINT" : "SIGTERM";
	agent_event(a, &ev);
}

static void
agent_reload_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent	*a = arg;

	(void)sig;
	(void)what;
	if (a->stopping)
		return;
	notify_reloading();
	a->reload(a->reload_arg);
	notify_send("READY=1");
}

/* From the loop that decides: if it hangs, the init system learns of it. */
static void
agent_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct agent	*a = arg;

	(void)fd;
	(void)what;
	notify_send("WATCHDOG=1");
	timer_in(a->watchdog, notify_watchdog_ms());
}

/* Why a free lock is not ours, as far as that is for us to say. */
static const char *
agent_waits(const struct agent *a)
{
	const char	*why = election_runs(a->election) ?
			    election_reason(a->election) : a->refusal.text;

	if (a->core.state != CORE_CANDIDATE)
		return NULL;
	if (a->config->never_master)
		why = "this copy is never_master";
	return why[0] == '\0' ? NULL : why;
}

static void
agent_status(struct api_status *s, void *arg)
{
	struct agent		*a = arg;
	const struct core	*c = &a->core;
	int64_t			 now = clock_ms();
	bool			 held = c->lock.owner == CORE_LOCK_OURS ||
				    c->lock.owner == CORE_LOCK_THEIRS;

	*s = a->counters;
	consul_count(a->consul, &s->consul_requests, &s->consul_failures);
	s->service = a->config->service_name;
	s->service_id = a->config->service_id;
	s->node = a->node;
	s->plugin_name = a->plugin->name;
	s->plugin_version = a->plugin->version;
	s->plugin_path = a->plugin->path;
	s->consul_address = consul_address(a->consul);
	s->role = core_state_name(c->state);
	s->is_master = core_is_master(c);
	s->is_slave = c->state == CORE_SLAVE;
	s->since_wall_ms = a->since_wall_ms;
	s->epoch = c->epoch;
	s->holder = held ? c->lock.node : "";
	s->holder_address = held ? c->lock.host : "";
	s->holder_port = held ? c->lock.port : 0;
	s->waiting = agent_waits(a);
	s->consul_error = a->key_trouble.text[0] != '\0' ? a->key_trouble.text :
	    a->write_trouble.text[0] != '\0' ? a->write_trouble.text :
	    a->session_trouble.text[0] != '\0' ? a->session_trouble.text :
	    a->registration_trouble.text;
	s->health = a->published;
	s->health_text = a->published_text;
	s->health_age_ms = a->health_asked_at == 0 ? -1 :
	    now - a->health_asked_at;
	s->proof_age_ms = c->proof < 0 ? -1 : now - c->proof;
	s->fuse_left_ms = core_fuse_left(c, now);
	s->guard_pid = guard_pid(a->guard);
	s->may_be_master = c->unfenced;
	s->transitions = a->transitions;
	s->transition_count = a->transition_count;
}

/*
 * Start and end.
 */

static bool
agent_start_signals(struct agent *a)
{
	a->signals[0] = evsignal_new(a->base, SIGTERM, agent_stop_signal, a);
	a->signals[1] = evsignal_new(a->base, SIGINT, agent_stop_signal, a);
	a->signals[2] = evsignal_new(a->base, SIGHUP, agent_reload_signal, a);
	return event_add(a->signals[0], NULL) == 0 &&
	    event_add(a->signals[1], NULL) == 0 &&
	    event_add(a->signals[2], NULL) == 0;
}

static bool
agent_start_loop(struct agent *a, struct error *err)
{
	a->base = event_base_new();
	a->wake_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->base == NULL || a->wake_fd < 0)
		return error_set(err, "can't make an event loop");
	a->wake = event_new(a->base, a->wake_fd, EV_READ | EV_PERSIST,
	    agent_tick, a);
	a->health_timer = evtimer_new(a->base, agent_health_timer, a);
	a->leave_timer = evtimer_new(a->base, agent_leave_timer, a);
	a->watchdog = evtimer_new(a->base, agent_watchdog, a);
	a->election_timer = evtimer_new(a->base, agent_election_timer, a);
	a->position_timer = evtimer_new(a->base, agent_position_timer, a);
	event_add(a->wake, NULL);
	if (notify_watchdog_ms() > 0)
		timer_in(a->watchdog, 0);
	if (!agent_start_signals(a))
		return error_set(err, "can't catch signals");
	return true;
}

static void
agent_core_config(const struct agent *a, struct core_config *c)
{
	const struct config	*g = a->config;

	*c = (struct core_config){
		.fuse = g->fuse,
		.demote_deadline = g->demote_deadline,
		.request_timeout = g->request_timeout,
		.lock_delay = g->lock_delay,
		.role_interval = g->role_interval,
		.master_deadline = g->master_deadline,
		.slave_deadline = g->slave_deadline,
		.busy_limit = g->busy_limit,
		.promote_limit = g->promote_limit,
		.catch_up = g->catch_up,
		.can_demote = (a->plugin->ops &
		    1u << HANDLER_ENSURE_DEMOTED) != 0,
		.can_tell = (a->plugin->ops & 1u << HANDLER_POSITION) != 0,
		.never_master = g->never_master,
		.resume_epoch = runfile_epoch(a->runfile),
		.inherited_lease = a->inherited_lease,
	};
	if (!c->can_demote)
		log_warning("Plugin %s has no ensure_demoted: a master that "
		    "loses the lock takes writes until ensure_slave has run",
		    a->plugin->name);
}

static void
agent_start_core(struct agent *a)
{
	struct core_config	 c;
	struct core_event	 tick = { .type = CORE_EV_TICK };

	agent_core_config(a, &c);
	a->since_wall_ms = wall_ms();
	core_init(&a->core, &c, clock_ms());
	agent_look_for_disable_file(a);
	agent_event(a, &tick);
}

static bool
agent_start_api(struct agent *a, struct error *err)
{
	a->published = API_HEALTH_BAD;
	snprintf(a->published_text, sizeof a->published_text,
	    "The plugin has not answered yet");
	if (!api_new(&a->api, a->base, a->config->api_listen, agent_status, a,
	    err))
		return false;
	log_info("API server listening on port %d", api_port(a->api));
	return true;
}

bool
agent_new(struct agent **out, const struct config *config,
    const struct plugin_description *plugin, struct runfile *runfile,
    char *const leave[], struct error *err)
{
	struct agent	*a = calloc(1, sizeof *a);

	*out = NULL;
	if (a == NULL)
		return error_set(err, "out of memory");
	a->config = config;
	a->plugin = plugin;
	a->runfile = runfile;
	a->end = AGENT_FAILED;
	a->wake_fd = -1;
	a->key_trouble.what = "Consul, lock";
	a->write_trouble.what = "Consul, taking or giving back the lock";
	a->session_trouble.what = "Consul, session";
	a->registration_trouble.what = "Consul, registration";
	a->election_trouble.what = "Consul, comparing the copies";
	a->refusal.what = "The lock is free, but not taken";
	if (!agent_start_loop(a, err) ||
	    !consul_new(&a->consul, a->base, config, err) ||
	    !agent_start_api(a, err) ||
	    !guard_new(&a->guard, a->base, config, plugin, leave, agent_guard,
	    a, &a->inherited_lease, err)) {
		agent_free(a);
		return false;
	}
	/* Only now: the guard before may have had to end a mastership. */
	runfile_load(runfile);
	/* The run before us made it the master, and nobody has demoted it. */
	if (runfile_epoch(runfile) != 0)
		a->role_done = FAILOVER_MASTER;
	a->health = handler_new(a->base, "health", config, plugin,
	    agent_watched, a);
	a->role = handler_new(a->base, "role", config, plugin, NULL, NULL);
	handler_watch_process(a->role, agent_role_process, a);
	a->registration = registration_new(a->base, a->consul, config,
	    api_port(a->api), &registration_events, a);
	a->election = election_new(&a->election_config);
	agent_configure_election(a);
	a->candidates = candidates_new(a->base, a->consul, config,
	    &candidates_events, a);
	a->lock = lock_new(a->base, a->consul, config,
	    runfile_session(runfile), &lock_events, a);
	agent_start_core(a);
	agent_ask_health(a);
	timer_in(a->position_timer, a->config->position_interval);
	notify_send("READY=1");
	*out = a;
	return true;
}

bool
agent_is_well(const struct agent *a)
{
	return a->core.health == CORE_HEALTH_OK;
}

int64_t
agent_time_left(const struct agent *a)
{
	const struct core	*c = &a->core;
	int64_t			 left = core_fuse_left(c, clock_ms());

	if (c->state == CORE_DEMOTING && c->maybe_master)
		left = c->since + c->config.demote_deadline - clock_ms();
	/* It is late already, and a new config may be what helps. */
	if (left < 0)
		return INT64_MAX;
	return left > 0 ? left : 0;
}

bool
agent_reload(struct agent *a, const struct plugin_description *plugin,
    struct error *err)
{
	struct core_event	tick = { .type = CORE_EV_TICK };
	struct core_config	c;

	if (!consul_reload(a->consul, err))
		return false;
	a->plugin = plugin;
	agent_core_config(a, &c);
	core_configure(&a->core, &c);
	agent_rank(a);
	agent_event(a, &tick);		/* its timers may ring earlier now */
	handler_reload(a->role, plugin);
	handler_reload(a->health, plugin);
	guard_reload(a->guard, plugin);
	registration_look(a->registration);
	agent_ask_health(a);
	return true;
}

enum agent_end
agent_run(struct agent *a, void (*reload)(void *), void *arg)
{
	a->reload = reload;
	a->reload_arg = arg;
	a->end = AGENT_FAILED;
	if (event_base_dispatch(a->base) < 0)
		log_error("The event loop failed");
	return a->end;
}

void
agent_free(struct agent *a)
{
	struct event	*events[9] = { NULL };
	size_t		 i;

	if (a == NULL)
		return;
	/* No more calls of the plugin, before anything else is let go. */
	handler_free(a->role);
	handler_free(a->health);
	guard_free(a->guard, a->end == AGENT_STOPPED);
	api_free(a->api);
	candidates_free(a->candidates);
	election_free(a->election);
	lock_free(a->lock);
	registration_free(a->registration);
	consul_free(a->consul);
	events[0] = a->wake;
	events[1] = a->health_timer;
	events[2] = a->watchdog;
	events[3] = a->leave_timer;
	events[4] = a->election_timer;
	events[5] = a->position_timer;
	memcpy(&events[6], a->signals, sizeof a->signals);
	for (i = 0; i < sizeof events / sizeof events[0]; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (a->wake_fd >= 0)
		close(a->wake_fd);
	if (a->base != NULL)
		event_base_free(a->base);
	free(a);
}

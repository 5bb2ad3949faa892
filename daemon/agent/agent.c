/* agent.c - joins the parts, on one event loop. */

#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <consul-failover/plugin.h>
#include <event2/event.h>

#include "adopt.h"
#include "agent_private.h"
#include "api.h"
#include "clock.h"
#include "consul.h"
#include "elector.h"
#include "guard.h"
#include "heed.h"
#include "history.h"
#include "lock.h"
#include "log.h"
#include "must.h"
#include "namesake.h"
#include "notify.h"
#include "registration.h"
#include "stranger.h"
#include "timer.h"
#include "wall.h"

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

static CHECKED bool
agent_start_loop(struct agent *a, struct error *err)
{
	a->base = event_base_new();
	if (a->base == NULL || (a->wake = alarm_new(a->base,
	    agent_event_tick, a)) == NULL)
		return error_set(err, "can't make an event loop");
	a->health_timer = timer_new(a->base, agent_health_timer, a);
	a->leave_timer = timer_new(a->base, agent_leave_timer, a);
	a->watchdog = timer_new(a->base, agent_watchdog, a);
	a->position_timer = timer_new(a->base,
	    agent_election_position_timer, a);
	if (notify_watchdog_ms() > 0)
		timer_in(a->watchdog, 0);
	if (!agent_signals_start(a))
		return error_set(err, "can't catch signals");
	return true;
}

static void
agent_core_config(const struct agent *a, struct core_config *c)
{
	const struct config	*g = a->config;

	*c = (struct core_config){
		.fuse_ms = g->fuse,
		.demote_deadline_ms = g->demote_deadline,
		.request_timeout_ms = g->request_timeout,
		.lock_delay_ms = g->lock_delay,
		.role_interval_ms = g->role_interval,
		.master_deadline_ms = g->master_deadline,
		.slave_deadline_ms = g->slave_deadline,
		.busy_limit_ms = g->busy_limit,
		.promote_limit_ms = g->promote_limit,
		.catch_up_ms = g->catch_up,
		.election_wait_ms = g->election_wait,
		.can_demote = (a->plugin->ops &
		    1u << OPERATION_ENSURE_DEMOTED) != 0,
		.can_tell = (a->plugin->ops & 1u << OPERATION_POSITION) != 0,
		.never_master = g->never_master,
		.resume_epoch = runfile_epoch(a->runfile),
		.inherited_until_ms = a->inherited_lease,
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
	a->counters.master_changed_wall_ms = -1;
	core_init(&a->core, &c, clock_ms());
	agent_health_look_for_disable(a);
	agent_event(a, &tick);
}

static CHECKED bool
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

/* A file that says that this copy is the master is not proof of it. */
static void
agent_adopt(struct agent *a)
{
	const char	*session = runfile_session(a->runfile);
	struct error	 why;

	if (session[0] == '\0' || adopt_may(a->config, session, &why))
		return;
	/* A slave has left one that does not matter any more. */
	log_line(runfile_epoch(a->runfile) == 0 ? LOG_LEVEL_DEBUG :
	    LOG_LEVEL_WARNING, "Not continuing with the earlier session %s, "
	    "but demoting the copy first: %s", session, why.text);
	agent_remember(a, "", 0);
}

/* Before the guard of before goes, and before the plugin is called. */
static CHECKED bool
agent_may_start(struct agent *a, struct error *err)
{
	char	url[REGISTRATION_URL];

	registration_url(a->config, api_port(a->api), url);
	return stranger_lets_us_start(a->config, url, err);
}

static void
agent_name_troubles(struct agent *a)
{
	a->key_trouble.what = "Consul, lock";
	a->write_trouble.what = "Consul, taking or releasing the lock";
	a->session_trouble.what = "Consul, session";
	a->registration_trouble.what = "Consul, registration";
	a->address_trouble.what = "The master's address";
	a->namesake_trouble.what = "The service has two names";
	a->stranger_trouble.what = "Consul, lock";
	a->election_trouble.what = "Consul, comparing the copies";
	a->history_trouble.what = "Consul, the history of masters";
	a->refusal.what = "The lock is free, but not taken";
}

/* What calls the plugin, and what speaks with Consul. */
static void
agent_make_parts(struct agent *a)
{
	struct election_config	 rank;

	a->health = handler_new(a->base, "health", a->config, a->plugin,
	    agent_health_watched, a);
	a->role = handler_new(a->base, "role", a->config, a->plugin, NULL,
	    NULL);
	handler_watch_process(a->role, agent_role_process, a);
	a->registration = registration_new(a->base, a->consul, a->config,
	    api_port(a->api), &agent_news_registration, a);
	a->heed = heed_new(a->base, a->consul, a->config, &agent_news_heed, a);
	agent_election_config(a, &rank);
	a->elector = elector_new(a->base, a->consul, a->config, &rank,
	    &a->core, &agent_election_events, a);
	a->candidates = elector_candidates(a->elector);
	a->namesake = namesake_new(a->base, a->consul, a->config,
	    &agent_news_namesake, a);
	a->lock = lock_new(a->base, a->consul, a->config,
	    runfile_session(a->runfile), &agent_news_lock, a);
	a->history = history_new(a->base, a->consul, a->config,
	    agent_history_trouble, a);
}

bool
agent_new(struct agent **out, const struct config *config,
    const struct plugin_description *plugin, struct runfile *runfile,
    char *const leave[], struct error *err)
{
	struct agent	*a = must_zeroed(1, sizeof *a);

	*out = NULL;
	a->config = config;
	a->plugin = plugin;
	a->files.plugin = plugin->image;
	a->runfile = runfile;
	agent_name_troubles(a);
	if (!agent_start_loop(a, err) ||
	    !guard_new(&a->guard, a->base, config, plugin, leave,
	    agent_role_guard, a, err) ||
	    !consul_new(&a->consul, a->base, config, err) ||
	    !agent_start_api(a, err) ||
	    !agent_may_start(a, err) ||
	    !guard_start(a->guard, &a->inherited_lease, err)) {
		agent_free(a);
		return false;
	}
	/* Only now: the guard before may have had to end a mastership. */
	runfile_load(runfile);
	agent_adopt(a);
	/* The run before us made it the master, and nobody has demoted it. */
	if (runfile_epoch(runfile) != 0)
		a->role_done = FAILOVER_MASTER;
	agent_make_parts(a);
	if (!plugin->image.copied)
		log_warning("The kernel does not run programs from memory (is "
		    "vm.memfd_noexec 2?): do not overwrite %s, as cp does, "
		    "while the agent runs, or a master can't be demoted. "
		    "Replace it by a rename", plugin->image.path);
	agent_start_core(a);
	agent_health_ask(a);
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
agent_time_left_ms(const struct agent *a)
{
	const struct core	*c = &a->core;
	int64_t			 left = core_fuse_left_ms(c, clock_ms());

	if (c->state == CORE_STATE_DEMOTING && c->maybe_master)
		left = c->since + c->config.demote_deadline_ms - clock_ms();
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
	a->files.plugin = plugin->image;
	files_look(&a->files);
	agent_core_config(a, &c);
	core_configure(&a->core, &c);
	agent_election_rank(a);
	heed_identify(a->heed, a->node);
	agent_event(a, &tick);		/* its timers may ring earlier now */
	agent_notice_set(a);
	handler_reload(a->role, plugin);
	handler_reload(a->health, plugin);
	guard_reload(a->guard, plugin);
	registration_look(a->registration);
	agent_health_ask(a);
	return true;
}

enum agent_end
agent_run(struct agent *a, void (*reload)(void *), void *arg)
{
	a->reload = reload;
	a->reload_arg = arg;
	a->in_good_order = false;
	if (event_base_dispatch(a->base) < 0)
		log_error("The event loop failed");
	return a->in_good_order && !a->misnamed && a->core.broken == NULL ?
	    AGENT_STOPPED : AGENT_FAILED;
}

void
agent_free(struct agent *a)
{
	struct event	*events[4 + AGENT_SIGNALS] = { NULL };
	size_t		 i;

	if (a == NULL)
		return;
	/* No more calls of the plugin, before anything else is let go. */
	handler_free(a->role);
	handler_free(a->health);
	guard_free(a->guard, a->in_good_order);
	api_free(a->api);
	elector_free(a->elector);
	namesake_free(a->namesake);
	heed_free(a->heed);
	history_free(a->history);
	lock_free(a->lock);
	registration_free(a->registration);
	consul_free(a->consul);
	events[0] = a->health_timer;
	events[1] = a->watchdog;
	events[2] = a->leave_timer;
	events[3] = a->position_timer;
	memcpy(&events[4], a->signals, sizeof a->signals);
	for (i = 0; i < sizeof events / sizeof events[0]; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	alarm_free(a->wake);
	if (a->base != NULL)
		event_base_free(a->base);
	agent_history_flush(a);
	free(a);
}

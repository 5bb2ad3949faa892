/* api_metrics.c - /metrics: the status as Prometheus reads it. */
#include "api_metrics.h"

#include <inttypes.h>
#include <string.h>

#include "core.h"
#include "utf8.h"

static void
api_metric(struct api_answer *a, const char *name, const char *type,
    const char *help)
{
	api_answer_put(a, "# HELP consul_failover_%s %s\n"
	    "# TYPE consul_failover_%s %s\n", name, help, name, type);
}

static void
api_put_label(struct api_answer *a, const char *name, const char *value)
{
	size_t	 n;

	api_answer_put(a, "%s=\"", name);
	for (; *value != '\0'; value += n) {
		n = utf8_length((const unsigned char *)value);
		if (*value == '\n')
			api_answer_put(a, "\\n");
		else if (n > 0)
			api_answer_put(a, "%s%.*s", *value == '"' ||
			    *value == '\\' ? "\\" : "", (int)n, value);
		else {		/* Prometheus would refuse all metrics */
			api_answer_put(a, "?");
			n = 1;
		}
	}
	api_answer_put(a, "\"");
}

/* "consul_failover_NAME{service=…": the caller closes the brace. */
static void
api_sample(struct api_answer *a, const struct api_status *s, const char *name)
{
	api_answer_put(a, "consul_failover_%s{", name);
	api_put_label(a, "service", s->service);
}

/* One sample a possible value, 1 for the one that is true now. */
static void
api_sample_of(struct api_answer *a, const struct api_status *s,
    const char *name, const char *label, const char *value, bool is)
{
	api_sample(a, s, name);
	api_answer_put(a, ",");
	api_put_label(a, label, value);
	api_answer_put(a, "} %d\n", is);
}

static void
api_put_build(struct api_answer *a, const struct api_status *s)
{
	api_metric(a, "build_info", "gauge", "1, with the versions of the "
	    "program and of its plugin.");
	api_sample(a, s, "build_info");
	api_answer_put(a, ",");
	api_put_label(a, "version", VERSION);
	api_answer_put(a, ",");
	api_put_label(a, "plugin", s->plugin_name);
	api_answer_put(a, ",");
	api_put_label(a, "plugin_version", s->plugin_version);
	api_answer_put(a, "} 1\n");
}

static void
api_put_states(struct api_answer *a, const struct api_status *s)
{
	enum core_state	 state;
	enum api_health	 health;
	const char	*name;

	api_metric(a, "role", "gauge", "1 for the role of the copy.");
	for (state = 0; state <= CORE_STATES; state++) {
		name = state < CORE_STATES ? core_state_name(state) :
		    CORE_JOINING;
		api_sample_of(a, s, "role", "role", name,
		    strcmp(s->role, name) == 0);
	}
	api_metric(a, "health", "gauge",
	    "1 for the last result of the plugin's health.");
	for (health = API_HEALTH_BAD; health <= API_HEALTH_BUSY; health++)
		api_sample_of(a, s, "health", "status",
		    api_health_name(health), s->health == health);
}

/* Yes or no; no sample where neither is true. */
static void
api_put_truths(struct api_answer *a, const struct api_status *s)
{
	const struct {
		const char	*name;
		bool		 exists, is;
		const char	*help;
	} rows[] = {
		{ "consul_up", true, s->consul_error[0] == '\0',
		    "1 while Consul answers." },
		{ "guard_up", true, s->guard_pid > 0,
		    "1 while the guard runs, which demotes the copy if the "
		    "agent can't." },
		{ "may_be_master", true, s->may_be_master,
		    "1 while the copy may be a master although it must not "
		    "be." },
		{ "following",
		    s->is_slave || strcmp(s->role, CORE_JOINING) == 0,
		    s->is_slave,
		    "If the copy should be a slave: 1 while it follows the "
		    "master." },
		{ "candidate", true, s->candidate,
		    "1 while the copy could take a free lock; 0 for the "
		    "master." },
		{ "never_master", true, s->never_master,
		    "1 if never_master is configured." },
		{ "notice", true, s->notice[0] != '\0',
		    "1 while /status has a notice." },
	};
	size_t	 i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		api_metric(a, rows[i].name, "gauge", rows[i].help);
		if (!rows[i].exists)
			continue;
		api_sample(a, s, rows[i].name);
		api_answer_put(a, "} %d\n", rows[i].is);
	}
}

/* Milliseconds as seconds; no sample where there is none. */
static void
api_put_seconds(struct api_answer *a, const struct api_status *s)
{
	const struct {
		const char	*name;
		int64_t		 ms;
		const char	*help;
	} rows[] = {
		{ "role_since_seconds", s->since_wall_ms,
		    "When the agent entered this state, since 1970." },
		{ "master_changed_timestamp_seconds",
		    s->master_changed_wall_ms,
		    "When this agent last saw a new master, since 1970." },
		{ "consul_contact_age_seconds", s->consul_contact_age_ms,
		    "Age of Consul's last usable answer." },
		{ "health_age_seconds", s->health_age_ms,
		    "Age of the last result of the plugin's health." },
		{ "proof_age_seconds", s->proof_age_ms,
		    "Age of Consul's last proof that the lock is ours." },
		{ "fuse_seconds", s->fuse_ms,
		    "Longest time as master without a new proof." },
		{ "fuse_left_seconds", s->fuse_left_ms,
		    "As master: time until it is demoted without a new "
		    "proof." },
	};
	size_t	 i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		api_metric(a, rows[i].name, "gauge", rows[i].help);
		if (rows[i].ms < 0)
			continue;
		api_sample(a, s, rows[i].name);
		api_answer_put(a, "} %" PRId64 ".%03d\n", rows[i].ms / 1000,
		    (int)(rows[i].ms % 1000));
	}
}

static void
api_put_counts(struct api_answer *a, const struct api_status *s)
{
	const struct {
		const char	*name;
		const char	*type;
		uint64_t	 count;
		const char	*help;
	} rows[] = {
		{ "epoch", "gauge", s->epoch,
		    "The lock's epoch: grows with each new master." },
		{ "priority", "gauge", (uint64_t)s->priority,
		    "The copy's configured priority." },
		{ "failovers_total", "counter", s->failovers,
		    "Times this agent became master." },
		{ "demotions_total", "counter", s->demotions,
		    "Times this agent stopped being master." },
		{ "guard_demotions_total", "counter", s->guard_demotions,
		    "Times the guard demoted the copy instead of the agent." },
		{ "health_calls_total", "counter", s->health_calls,
		    "Calls of the plugin's health." },
		{ "health_failures_total", "counter", s->health_failures,
		    "Calls of health that did not return that the copy is "
		    "healthy." },
		{ "role_calls_total", "counter", s->role_calls,
		    "Calls of the plugin's ensure_ functions." },
		{ "role_failures_total", "counter", s->role_failures,
		    "Calls of ensure_ functions that failed." },
		{ "handler_restarts_total", "counter", s->handler_restarts,
		    "Plugin processes that were started again." },
		{ "consul_requests_total", "counter", s->consul_requests,
		    "Requests to Consul." },
		{ "consul_failures_total", "counter", s->consul_failures,
		    "Requests to Consul that failed." },
	};
	size_t	 i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		api_metric(a, rows[i].name, rows[i].type, rows[i].help);
		api_sample(a, s, rows[i].name);
		api_answer_put(a, "} %" PRIu64 "\n", rows[i].count);
	}
}

void
api_metrics_answer(struct api_answer *a, const struct api_status *s)
{
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	api_put_build(a, s);
	api_put_states(a, s);
	api_put_truths(a, s);
	api_put_seconds(a, s);
	api_put_counts(a, s);
}

/* api_metrics.c - /metrics: the status as Prometheus reads it. */
#include "api_metrics.h"

#include <inttypes.h>
#include <string.h>

#include "core.h"

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
	api_answer_put(a, "%s=\"", name);
	for (; *value != '\0'; value++)
		if (*value == '\n')
			api_answer_put(a, "\\n");
		else
			api_answer_put(a, "%s%c", *value == '"' ||
			    *value == '\\' ? "\\" : "", *value);
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
api_put_truth(struct api_answer *a, const struct api_status *s,
    const char *name, bool is, const char *help)
{
	api_metric(a, name, "gauge", help);
	api_sample(a, s, name);
	api_answer_put(a, "} %d\n", is);
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
	api_put_truth(a, s, "consul_up", s->consul_error[0] == '\0',
	    "1 while Consul answers.");
	api_put_truth(a, s, "guard_up", s->guard_pid > 0,
	    "1 while the guard runs, which demotes the copy if the agent "
	    "can't.");
	api_put_truth(a, s, "may_be_master", s->may_be_master,
	    "1 while the copy may be a master although it must not be.");
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
		{ "health_age_seconds", s->health_age_ms,
		    "Age of the last result of the plugin's health." },
		{ "proof_age_seconds", s->proof_age_ms,
		    "Age of Consul's last proof that the lock is ours." },
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
	api_put_states(a, s);
	api_put_seconds(a, s);
	api_put_counts(a, s);
}

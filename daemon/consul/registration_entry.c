/* registration_entry.c - our service as Consul should have it. */
#include "registration_entry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "registration_role.h"
#include "words.h"

/* So that new words are in Consul within 10 s, and cost no more writes. */
#define WORDS_PAUSE	9000	/* ms */

static void
now_rfc3339(char *text, size_t size)
{
	time_t		now = time(NULL);
	struct tm	tm;

	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static bool
registration_told_long_ago(const struct registration_entry *e)
{
	return clock_ms() - e->told_at_ms >= WORDS_PAUSE;
}

/* The role comes first, then the configured tags. */
static void
registration_tags(const struct registration_entry *e, char *text, size_t size)
{
	const char	*extra = e->config->service_tags;

	snprintf(text, size, "%s%s%s", e->role,
	    e->role[0] != '\0' && extra[0] != '\0' ? "," : "", extra);
}

void
registration_entry_describe(const struct registration_entry *e,
    struct consul_registration *g, char tags[REGISTRATION_ENTRY_TAGS])
{
	registration_tags(e, tags, REGISTRATION_ENTRY_TAGS);
	*g = (struct consul_registration){
		.id = e->config->service_id,
		.name = e->config->service_name,
		.address = e->config->service_address,
		.port = (uint16_t)e->config->service_port,
		.tags = tags,
		.since = e->since,
		.health = e->health,
		.health_at = e->health_at,
		.warning = e->warning,
		.notice = e->notice,
		.agent = e->mark,
		.check_url = e->check_url,
		.check_interval_ms = e->config->check_interval,
		.check_timeout_ms = e->config->check_timeout,
		.check_failures = e->config->check_failures,
		.passing = e->passing,
	};
}

bool
registration_entry_is_right(const struct registration_entry *e,
    const struct consul_reply *reply, bool *same_check)
{
	struct consul_registration	 g;
	char				 tags[REGISTRATION_ENTRY_TAGS];

	registration_entry_describe(e, &g, tags);
	*same_check = consul_same_check(e->consul, reply->check, &g);
	return *same_check && strcmp(reply->tags, tags) == 0 &&
	    reply->port == g.port && strcmp(reply->address, g.address) == 0 &&
	    strcmp(reply->warning, g.warning) == 0 &&
	    strcmp(reply->notice, g.notice) == 0 &&
	    strcmp(reply->agent, g.agent) == 0 &&
	    (!registration_told_long_ago(e) ||
	    words_same(reply->health, g.health));
}

void
registration_entry_take_role(struct registration_entry *e,
    const struct consul_reply *reply)
{
	const char	*old = registration_role(reply->tags);

	if (strcmp(e->role, "?") == 0)
		snprintf(e->role, sizeof e->role, "%s", old);
	if (strcmp(e->role, old) == 0)
		snprintf(e->since, sizeof e->since, "%s", reply->since);
	else if (e->role[0] == '\0' && old[0] != '\0')
		log_info("Removing tag %s", old);
	else
		log_info("Updating tag to %s", e->role);
}

bool
registration_entry_has_news(const struct registration_entry *e)
{
	return !words_same(e->told, e->health) && registration_told_long_ago(e);
}

void
registration_entry_set_health(struct registration_entry *e, bool passing,
    const char *text)
{
	e->passing = passing;
	snprintf(e->health, sizeof e->health, "%s", text);
	json_mend(e->health);	/* or it would never be as Consul has it */
	now_rfc3339(e->health_at, sizeof e->health_at);
}

void
registration_entry_set_role(struct registration_entry *e, const char *role)
{
	snprintf(e->role, sizeof e->role, "%s", role);
	now_rfc3339(e->since, sizeof e->since);
}

void
registration_entry_set_notice(struct registration_entry *e, const char *text)
{
	snprintf(e->notice, sizeof e->notice, "%s", text);
	json_mend(e->notice);
}

void
registration_entry_init(struct registration_entry *e, struct consul *consul,
    const struct config *config, const char *check_url, const char *mark)
{
	e->consul = consul;
	e->config = config;
	e->check_url = check_url;
	e->mark = mark;
	e->warning = "";
	snprintf(e->role, sizeof e->role, "?");
}

/* config_check.c - the rules between keys. */
#include "config_check.h"

#include "config_keys.h"
#include "value.h"

/* Consul can drop our session right after a proof.  The next master comes when
 * lock_delay is over; by then we must have found out, and have stopped. */
static CHECKED bool
rule_stopped_in_time(const struct config *c, struct error *err)
{
	int64_t	 need = c->fuse + c->demote_deadline + SECOND;

	if (need <= c->lock_delay)
		return true;
	return error_set(err, "two masters at a time: [lock] fuse %s + "
	    "[plugin] demote_deadline %s + 1s = %s is longer than [lock] "
	    "lock_delay %s: %s%s%slower fuse or demote_deadline",
	    value_duration_text(c->fuse).text,
	    value_duration_text(c->demote_deadline).text,
	    value_duration_text(need).text,
	    value_duration_text(c->lock_delay).text,
	    need <= LOCK_DELAY_MAX ? "raise lock_delay to " : "",
	    need <= LOCK_DELAY_MAX ? value_duration_text(need).text : "",
	    need <= LOCK_DELAY_MAX ? ", or " : "");
}

static CHECKED bool
rule_fuse_outlasts_a_request(const struct config *c, struct error *err)
{
	int64_t	 need = c->verify_interval + c->request_timeout;

	if (c->fuse > need)
		return true;
	return error_set(err, "one slow request would demote the master: "
	    "[lock] fuse %s is not longer than verify_interval %s + [consul] "
	    "request_timeout %s = %s: raise fuse, or lower the others",
	    value_duration_text(c->fuse).text,
	    value_duration_text(c->verify_interval).text,
	    value_duration_text(c->request_timeout).text,
	    value_duration_text(need).text);
}

config_check_rule	*const config_check_rules[] = {
	rule_stopped_in_time,
	rule_fuse_outlasts_a_request,
	NULL
};

bool
config_check_times(const struct config *c, struct error *err)
{
	const struct config_key	*k;
	struct error		 why;
	int64_t			 ms;
	size_t			 i;

	for (k = config_keys; k < config_keys + config_keys_count; k++) {
		if (k->set != value_set_duration)
			continue;
		ms = *(const int64_t *)((const char *)c + k->offset);
		if (!value_in_range(ms, &k->range, &why))
			return error_set(err, "[%s] %s: %s", k->section,
			    k->name, why.text);
	}
	for (i = 0; config_check_rules[i] != NULL; i++)
		if (!config_check_rules[i](c, err))
			return false;
	return true;
}

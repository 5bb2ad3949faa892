/*
 * deregistration.c - takes our service out of Consul.
 *
 *	look, whose is it? -> register with our token -> deregister
 *
 * The first two only where the caller does not know that it is ours, and that
 * our token registered it: a Consul that is silent shall not be waited for twice.
 *
 * Consul's agent takes the service out of the catalogue with the token that
 * registered it.  Once that one is revoked, the service would stay there for
 * ever, although Consul has said that it is deregistered.
 */
#include "deregistration.h"

#include "log.h"
#include "stranger.h"

static void
deregistration_end(struct deregistration *d, bool ok, const char *text)
{
	d->request = NULL;
	d->done(ok, text, d->arg);
}

static void
deregistration_ended(const struct consul_reply *reply, void *arg)
{
	deregistration_end(arg, reply->outcome == CONSUL_OK ||
	    reply->outcome == CONSUL_GONE, reply->text);
}

static void
deregistration_last(struct deregistration *d)
{
	log_info("Deregistering service in Consul");
	d->request = consul_deregister(d->consul, d->config->service_id,
	    deregistration_ended, d);
}

static void
deregistration_registered(const struct consul_reply *reply, void *arg)
{
	struct deregistration	*d = arg;

	if (reply->outcome == CONSUL_OK)
		deregistration_last(d);
	else
		deregistration_end(d, false, reply->text);
}

/* Without a role, for the moment that it lasts, or where we can't go on.  A check
 * that Consul has already keeps its status, and a new one begins as critical. */
static struct consul_registration
deregistration_entry(const struct deregistration *d)
{
	return (struct consul_registration){
		.id = d->config->service_id,
		.name = d->config->service_name,
		.address = d->config->service_address,
		.port = (uint16_t)d->config->service_port,
		.tags = "",
		.since = "",
		.health = "",
		.health_at = "",
		.agent = d->mark,
		.check_url = d->check_url,
		.check_interval_ms = d->config->check_interval,
		.check_timeout_ms = d->config->check_timeout,
		.check_failures = d->config->check_failures,
	};
}

static void
deregistration_looked(const struct consul_reply *reply, void *arg)
{
	struct deregistration		*d = arg;
	struct consul_registration	 entry = deregistration_entry(d);
	char				 text[1024];

	if (reply->outcome == CONSUL_OK &&
	    stranger_wrote(reply, d->mark, d->check_url)) {
		stranger_explain(reply, d->config, d->mark, text, sizeof text);
		log_warning("The service stays registered: %s", text);
		deregistration_end(d, true, "");
		return;
	}
	if (reply->outcome == CONSUL_OK &&
	    !consul_same_check(d->consul, reply->check, &entry))
		d->request = consul_register(d->consul, &entry,
		    deregistration_registered, d);
	else
		deregistration_last(d);
}

void
deregistration_begin(struct deregistration *d)
{
	struct consul_registration	entry = deregistration_entry(d);

	if (d->check[0] != '\0' &&
	    consul_same_check(d->consul, d->check, &entry))
		deregistration_last(d);
	else
		d->request = consul_own_service(d->consul,
		    d->config->service_id, deregistration_looked, d);
}

void
deregistration_cancel(struct deregistration *d)
{
	consul_cancel(d->request);
	d->request = NULL;
}

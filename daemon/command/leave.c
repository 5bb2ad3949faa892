/*
 * leave.c - takes a copy out of the service when its agent can't.
 *
 *	begin -> look, whose session? -> release -> destroy the session ->
 *	look, whose registration? -> deregister -> end
 *
 * The run file is wiped before all of that: an answer may come late, and must
 * not take the lock from an agent that goes on with that session.
 */
#include "leave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core.h"
#include "lock_value.h"
#include "log.h"
#include "must.h"
#include "registration.h"
#include "runfile.h"
#include "value.h"

static void
leave_failed(struct leave *l, const char *what, const char *text)
{
	log_warning("Leaving: %s: %s", what, text);
	l->ok = false;
}

static void
leave_deregistered(bool ok, const char *text, void *arg)
{
	struct leave	*l = arg;

	if (!ok)
		leave_failed(l, "the service stays registered", text);
	l->done(l->arg);
}

static void
leave_deregister(struct leave *l)
{
	l->deregistration = (struct deregistration){ .consul = l->consul,
	    .config = l->config, .check_url = l->check_url, .mark = l->mark,
	    .check = "", .done = leave_deregistered, .arg = l };
	deregistration_begin(&l->deregistration);
}

static void
leave_destroyed(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome != CONSUL_OK)
		leave_failed(l, "the session is left to its TTL", r->text);
	leave_deregister(l);
}

static void
leave_released(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome == CONSUL_OK)
		log_info("The lock is released (%s)", l->as ==
		    LEAVE_RELEASED ? "cleanly" : "the next master waits as if "
		    "it had been lost");
	else if (r->outcome != CONSUL_REFUSED && r->outcome != CONSUL_GONE)
		leave_failed(l, "the lock is left to the lock-delay", r->text);
	consul_session_destroy(l->consul, l->session, leave_destroyed, l);
}

static void
leave_decide(struct leave *l)
{
	char	 path[CONSUL_NAME_MAX];
	char	*value;

	if (--l->looking > 0)
		return;
	if (l->there[0] == '\0') {
		log_warning("Leaving: Consul does not show session %s: the lock "
		    "is not touched", l->session);
		leave_deregister(l);
		return;
	}
	/* Where our check is gone the session can't be ours any more. */
	if (strcasecmp(l->here, l->there) != 0) {
		log_warning("Leaving: session %s belongs to node \"%s\", but "
		    "this is %s: it is not touched; was %s copied?",
		    l->session, l->there, l->here[0] != '\0' ? l->here :
		    "not known to be that one (the local Consul agent has no "
		    "check of ours)", l->config->run_dir);
		leave_deregister(l);
		return;
	}
	snprintf(l->key.session, sizeof l->key.session, "%s", l->session);
	value = lock_value_make_last(l->config, l->as == LEAVE_RELEASED ?
	    "released" : "dropped", &l->key);
	lock_value_path(l->config, path);
	consul_release(l->consul, path, l->session, value, leave_released, l);
	free(value);
}

static void
leave_looked(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome == CONSUL_OK && strcmp(r->key->session, l->session) == 0)
		l->key = *r->key;
	leave_decide(l);
}

static void
leave_saw_session(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->session_count > 0)
		snprintf(l->there, sizeof l->there, "%s", r->sessions[0].node);
	else if (r->outcome != CONSUL_OK)
		leave_failed(l, "Consul did not report whose session it is",
		    r->text);
	leave_decide(l);
}

static void
leave_saw_check(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome == CONSUL_OK)
		snprintf(l->here, sizeof l->here, "%s", r->node);
	else if (r->outcome != CONSUL_GONE)
		leave_failed(l, "Consul did not report which node this is",
		    r->text);
	leave_decide(l);
}

/* What was left to the agent, and it has not made use of, is passed on.  A
 * session of another node is none of ours, wherever it is written. */
static void
leave_release(struct leave *l)
{
	char	 path[CONSUL_NAME_MAX];

	lock_value_path(l->config, path);
	l->looking = 3;
	consul_get(l->consul, path, true, leave_looked, l);
	consul_session_info(l->consul, l->session, l->config->service_id,
	    leave_saw_session, l);
	consul_own_check(l->consul, l->config->service_id, leave_saw_check, l);
}

/* A guard without an agent is at this work itself, or will be. */
bool
leave_may(const struct config *c, struct error *err)
{
	pid_t	guard = runfile_guard(c);

	return guard == 0 || error_set(err, "the guard of service id \"%s\" "
	    "(pid %ld) is running: wait until it ends, or kill it once the "
	    "copy is not a master", c->service_id, (long)guard);
}

static CHECKED bool
leave_wipe(struct leave *l, struct error *err)
{
	struct runfile	*r;
	bool		 ok = true;

	if (!runfile_open(&r, l->config, !l->for_the_guard, err))
		return false;
	runfile_load(r);
	if (l->session[0] == '\0')
		snprintf(l->session, sizeof l->session, "%s",
		    runfile_session(r));
	if (strcmp(l->session, runfile_session(r)) == 0)
		ok = runfile_save(r, "", 0, err);
	runfile_close(r);
	return ok;
}

/*
 * A copy that may be a master stays in the catalogue, without its role, and
 * with a text that `status` shows.
 */

static void
leave_marked(const char *node, const char *address, void *arg)
{
	struct leave	*l = arg;

	(void)node;
	(void)address;
	l->done(l->arg);
}

static void
leave_not_marked(const char *text, void *arg)
{
	struct leave	*l = arg;

	if (text[0] == '\0')
		return;
	leave_failed(l, "the tag in Consul is not removed", text);
	l->done(l->arg);
}

/* It tells of the trouble next. */
static void
leave_not_ours(void *arg)
{
	(void)arg;
}

static void
leave_mark(struct leave *l)
{
	static const struct registration_events	events = {
		.registered = leave_marked, .trouble = leave_not_marked,
		.barred = leave_not_ours, .taken = leave_not_marked,
	};
	struct registration			*r = registration_new(l->base,
						    l->consul, l->config,
						    l->port, &events, l);

	l->registration = r;
	registration_set_tag(r, "");
	registration_set_warning(r, CORE_UNFENCED);
	registration_set_health(r, false, "its agent is gone");
}

/*
 * How it begins.
 */

bool
leave_begin(struct leave *l)
{
	struct error	err;

	l->ok = true;
	if (l->as == LEAVE_UNFENCED) {
		leave_mark(l);
		return true;
	}
	registration_url(l->config, l->port, l->check_url);
	stranger_make_mark(l->config, l->mark);
	if ((!l->for_the_guard && !leave_may(l->config, &err)) ||
	    !leave_wipe(l, &err)) {
		log_error("Leaving: %s", err.text);
		l->ok = false;
		return false;
	}
	if (l->session[0] != '\0')
		leave_release(l);
	else
		leave_deregister(l);
	return true;
}

static void
leave_over(void *base)
{
	event_base_loopbreak(base);
}

bool
leave_run(const struct config *config, enum leave_as as, bool for_the_guard,
    const char *session)
{
	struct event_base	*base = must(event_base_new());
	struct leave		 l = { .config = config, .base = base,
				    .as = as, .for_the_guard = for_the_guard,
				    .done = leave_over, .arg = base };
	struct error		 err;
	char			 host[256];

	snprintf(l.session, sizeof l.session, "%s", session);
	may_fail(value_split_address(config->api_listen, host, sizeof host,
	    &l.port, &err), "it was checked with the config");
	if (!consul_new(&l.consul, base, config, &err))
		log_error("%s", err.text);
	else if (leave_begin(&l))
		event_base_dispatch(base);
	registration_free(l.registration);
	consul_free(l.consul);
	event_base_free(base);
	return l.ok;
}

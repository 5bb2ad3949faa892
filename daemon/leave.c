/*
 * leave.c - takes a copy out of the service when its agent can't.
 *
 *	begin -> look -> release -> destroy the session -> deregister -> end
 *
 * The run file is wiped before all of that: an answer may come late, and must
 * not take the lock from an agent that goes on with that session.
 */
#include "leave.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consul.h"
#include "core.h"
#include "lock.h"
#include "log.h"
#include "registration.h"
#include "runfile.h"
#include "value.h"

struct leave {
	const struct config	*config;
	struct event_base	*base;
	struct consul		*consul;
	enum leave_as		 as;
	char			 session[CONSUL_ID_MAX];
	bool			 ok;
};

static void
leave_end(struct leave *l)
{
	event_base_loopbreak(l->base);
}

static void
leave_failed(struct leave *l, const char *what, const char *text)
{
	log_warning("Leaving: %s: %s", what, text);
	l->ok = false;
}

static void
leave_deregistered(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome != CONSUL_OK && r->outcome != CONSUL_GONE)
		leave_failed(l, "the service stays registered", r->text);
	leave_end(l);
}

static void
leave_destroyed(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome != CONSUL_OK)
		leave_failed(l, "the session is left to its TTL", r->text);
	log_info("Deregistering service in Consul");
	consul_deregister(l->consul, l->config->service_id,
	    leave_deregistered, l);
}

static void
leave_released(const struct consul_reply *r, void *arg)
{
	struct leave	*l = arg;

	if (r->outcome == CONSUL_OK)
		log_info("The lock is given back (%s)", l->as ==
		    LEAVE_RELEASED ? "in good order" : "the next master waits "
		    "as if it had been lost");
	else if (r->outcome != CONSUL_REFUSED && r->outcome != CONSUL_GONE)
		leave_failed(l, "the lock is left to the lock-delay", r->text);
	consul_session_destroy(l->consul, l->session, leave_destroyed, l);
}

static void
leave_looked(const struct consul_reply *r, void *arg)
{
	struct leave		*l = arg;
	struct consul_key	 ours = { 0 };
	char			 path[CONSUL_NAME_MAX];
	char			*value;

	if (r->outcome == CONSUL_OK && strcmp(r->key->session, l->session) == 0)
		ours = *r->key;
	snprintf(ours.session, sizeof ours.session, "%s", l->session);
	value = lock_make_last_value(l->config, l->as == LEAVE_RELEASED ?
	    "released" : "dropped", &ours);
	lock_make_path(l->config, path);
	consul_release(l->consul, path, l->session, value, leave_released, l);
	free(value);
}

/* What was left to the agent, and it has not made use of, is passed on. */
static void
leave_release(struct leave *l)
{
	char	 path[CONSUL_NAME_MAX];

	lock_make_path(l->config, path);
	consul_get(l->consul, path, true, leave_looked, l);
}

/* A guard without an agent is at this work itself, or will be. */
bool
leave_may(const struct config *c, struct error *err)
{
	struct flock	l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char		path[PATH_MAX];
	int		fd;

	snprintf(path, sizeof path, "%s/%s.guard", c->run_dir, c->service_id);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return true;
	if (fcntl(fd, F_GETLK, &l) != 0)
		l.l_type = F_UNLCK;
	close(fd);
	return l.l_type == F_UNLCK || error_set(err, "the guard of service id "
	    "\"%s\" (pid %ld) is at work: wait for its end, or kill it once "
	    "the copy is not a master", c->service_id, (long)l.l_pid);
}

static bool
leave_wipe(struct leave *l, bool for_the_guard, struct error *err)
{
	struct runfile	*r;
	bool		 ok = true;

	if (!runfile_open(&r, l->config, !for_the_guard, err))
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

static bool
leave_the_service(struct leave *l, bool for_the_guard)
{
	struct error	err;

	if ((!for_the_guard && !leave_may(l->config, &err)) ||
	    !leave_wipe(l, for_the_guard, &err)) {
		log_error("Leaving: %s", err.text);
		return false;
	}
	if (l->session[0] != '\0')
		leave_release(l);
	else
		consul_deregister(l->consul, l->config->service_id,
		    leave_deregistered, l);
	event_base_dispatch(l->base);
	return l->ok;
}

/*
 * A copy that may be a master stays in the catalogue, without its role, and
 * with a text that `status` shows.
 */

static void
leave_marked(const char *node, const char *address, void *arg)
{
	(void)node;
	(void)address;
	leave_end(arg);
}

static void
leave_not_marked(const char *text, void *arg)
{
	struct leave	*l = arg;

	if (text[0] == '\0')
		return;
	leave_failed(l, "the tag in Consul is not taken away", text);
	leave_end(l);
}

static bool
leave_mark(struct leave *l)
{
	static const struct registration_events	events = {
		.registered = leave_marked, .trouble = leave_not_marked,
	};
	struct registration			*r;
	struct error				 err;
	char					 host[256];
	int					 port = 0;

	value_split_address(l->config->api_listen, host, sizeof host, &port,
	    &err);
	r = registration_new(l->base, l->consul, l->config, port, &events, l);
	if (r == NULL)
		return false;
	registration_set_tag(r, "");
	registration_set_warning(r, CORE_UNFENCED);
	registration_set_health(r, false, "its agent is gone");
	event_base_dispatch(l->base);
	registration_free(r);
	return l->ok;
}

bool
leave_run(const struct config *config, enum leave_as as, bool for_the_guard,
    const char *session)
{
	struct leave	l = { .config = config, .as = as, .ok = true };
	struct error	err;
	bool		ok = false;

	snprintf(l.session, sizeof l.session, "%s", session);
	l.base = event_base_new();
	if (consul_new(&l.consul, l.base, config, &err))
		ok = as == LEAVE_UNFENCED ? leave_mark(&l) :
		    leave_the_service(&l, for_the_guard);
	else
		log_error("%s", err.text);
	consul_free(l.consul);
	event_base_free(l.base);
	return ok;
}

/*
 * ocf.c - an application that an OCF resource agent drives, as in Pacemaker.
 *
 * Pacemaker runs one action of a resource at a time, so agents are written for
 * that.  We have two handlers, and the guard a third: health waits for its
 * turn, and reports busy if that takes long; a demotion waits only for a
 * moment.
 */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parameters.h"
#include "turn.h"

static const struct failover_option options[] = {
	{ "agent", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "the resource agent: ocf:PROVIDER:TYPE, or its path" },
	{ "parameters", FAILOVER_STRING, NULL,
	    "parameters of the resource agent: NAME=VALUE ..." },
	{ "instance", FAILOVER_STRING, NULL,
	    "name of the resource, unique on this host; default: the service" },
	{ "start", FAILOVER_BOOLEAN, "yes",
	    "start the application if it is stopped" },
	{ "ocf_root", FAILOVER_STRING, "/usr/lib/ocf",
	    "where the resource agents are" },
	{ "tools", FAILOVER_STRING, OCF_TOOLS,
	    "folder of our crm_attribute and similar tools" },
	{ "lock_dir", FAILOVER_STRING, LOCK_DIR,
	    "folder of the lock that lets one action run at a time" },
	{ 0 }
};

FAILOVER_PLUGIN("ocf", "1.0", "an OCF resource agent", options);

/* Whom notify has told of last. */
static char		told_host[1025];	/* of any name */
static uint64_t		told_epoch;

enum failover_result
plugin_start(struct failover *f)
{
	if (agent_start(f) != FAILOVER_DONE)
		return FAILOVER_FAILED;
	return turn_check(f) && parameters_set(f) ? FAILOVER_DONE :
	    FAILOVER_FAILED;
}

/*
 * The calls.
 */

/* The first look of a call.  With a name that it does not know the resource
 * agent looks at its default: and says that what is not there is stopped,
 * whatever runs elsewhere.  False, and said: so it is not to be believed, nor
 * to be given anything to do. */
static bool
monitor(struct failover *f, int64_t limit, enum ocf_code *code)
{
	const char	*line = f->option(f, "parameters");
	bool		 ask;

	parameters_known = parameters_known || line == NULL ||
	    line[strspn(line, " \t")] == '\0';
	ask = !parameters_known;
	if (ask)
		parameters_ask(f, limit);
	*code = agent_run(f, "monitor", limit);
	return !ask || parameters_check(f);
}

/* A stopped copy that nobody counts on can be started, so it is fit to serve. */
static enum failover_result
look(struct failover *f)
{
	enum ocf_code	 code;
	bool		 missed = f->role == FAILOVER_MASTER ||
			    f->master_host[0] != '\0';

	if (!monitor(f, INT64_MAX, &code))
		return FAILOVER_FAILED;
	if (agent_is_slave(code) || agent_is_master(code))
		return agent_tell(f, FAILOVER_DONE, "monitor", code);
	if (code == OCF_NOT_RUNNING && !missed && f->number(f, "start"))
		return f->say(f, FAILOVER_DONE,
		    "it is stopped, and will be started when it is needed");
	return agent_tell(f, FAILOVER_FAILED, "monitor", code);
}

enum failover_result
health(struct failover *f)
{
	return turn_run(f, f->time_left(f) / 2, false, look);
}

/* Starts it if it is stopped, and starts it anew if it has failed, as Pacemaker
 * would.  Gives what it is then; OCF_NONE if there is nothing to go on with. */
static enum ocf_code
get_up(struct failover *f, bool may_start)
{
	enum ocf_code	 code = agent_run(f, "monitor", INT64_MAX);

	if (agent_is_slave(code) || agent_is_master(code))
		return code;
	agent_tell(f, FAILOVER_FAILED, "monitor", code);
	if (!may_start || !f->number(f, "start") || code == OCF_NONE ||
	    (code >= OCF_ERR_ARGS && code <= OCF_ERR_CONFIGURED))
		return OCF_NONE;
	if (code == OCF_FAILED_PROMOTED)
		agent_run(f, "demote", INT64_MAX);
	if ((code != OCF_NOT_RUNNING && !agent_act(f, "stop", INT64_MAX)) ||
	    !agent_act(f, "start", INT64_MAX))
		return OCF_NONE;
	f->log(f, FAILOVER_INFO, "the resource agent has started it");
	code = agent_run(f, "monitor", INT64_MAX);
	if (agent_is_slave(code) || agent_is_master(code))
		return code;
	agent_tell(f, FAILOVER_FAILED, "monitor, after start", code);
	return OCF_NONE;
}

/* Its exit code is nobody's business, says the standard. */
static void
notify(struct failover *f, const char *type, const char *operation,
    const char *promoted)
{
	setenv("OCF_RESKEY_CRM_meta_notify_type", type, 1);
	setenv("OCF_RESKEY_CRM_meta_notify_operation", operation, 1);
	setenv("OCF_RESKEY_CRM_meta_notify_promote_uname", promoted, 1);
	setenv("OCF_RESKEY_CRM_meta_notify_master_uname", promoted, 1);
	setenv("OCF_RESKEY_CRM_meta_notify_promoted_uname", promoted, 1);
	setenv("OCF_RESKEY_CRM_meta_notify_slave_uname", " ", 1);
	setenv("OCF_RESKEY_CRM_meta_notify_demote_uname", " ", 1);
	setenv("OCF_RESKEY_CRM_meta_notify_start_uname", " ", 1);
	setenv("OCF_RESKEY_CRM_meta_notify_stop_uname", " ", 1);
	agent_run(f, "notify", INT64_MAX);
	unsetenv("OCF_RESKEY_CRM_meta_notify_type");
	unsetenv("OCF_RESKEY_CRM_meta_notify_operation");
}

static enum failover_result
promote(struct failover *f)
{
	/* One that has died as the master may have lost what it had written:
	 * it is for health to say so, and for another copy to take over. */
	enum ocf_code	 code = get_up(f, f->role != FAILOVER_MASTER);

	told_host[0] = '\0';
	if (code == OCF_NONE)
		return FAILOVER_FAILED;
	if (agent_is_slave(code)) {
		notify(f, "pre", "promote", f->node);
		if (!agent_act(f, "promote", INT64_MAX))
			return FAILOVER_FAILED;
		notify(f, "post", "promote", f->node);
		code = agent_run(f, "monitor", INT64_MAX);
	}
	return agent_tell(f, agent_is_master(code) ? FAILOVER_DONE :
	    FAILOVER_FAILED, "monitor", code);
}

/* Most of the time there is nothing to do.  To see that takes no turn: where
 * this look hangs, health must see that the application does. */
enum failover_result
ensure_master(struct failover *f)
{
	enum ocf_code	 code;

	if (!monitor(f, f->time_left(f) / 2, &code))
		return FAILOVER_FAILED;
	if (code == OCF_NONE)
		return agent_tell(f, FAILOVER_FAILED, "monitor", code);
	if (agent_is_master(code))
		return agent_tell(f, FAILOVER_DONE, "monitor", code);
	return turn_run(f, f->time_left(f) / 2, false, promote);
}

static bool
is_told(const struct failover *f)
{
	return f->epoch == told_epoch && strcmp(f->master_host, told_host) == 0;
}

/* Agents learn of a new master by notify, as one that has been promoted. */
static enum failover_result
follow(struct failover *f)
{
	enum ocf_code	 code = get_up(f, true);

	if (code == OCF_NONE || (agent_is_master(code) &&
	    !agent_act(f, "demote", INT64_MAX)))
		return FAILOVER_FAILED;
	if (agent_is_master(code) || !is_told(f)) {
		notify(f, "post", "promote", f->master_host);
		code = agent_run(f, "monitor", INT64_MAX);
		snprintf(told_host, sizeof(told_host), "%s",
		    agent_is_slave(code) ? f->master_host : "");
		told_epoch = f->epoch;
	}
	return agent_tell(f, agent_is_slave(code) ? FAILOVER_DONE :
	    FAILOVER_FAILED, "monitor", code);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	enum ocf_code	 code;

	(void)master_host;
	if (!monitor(f, f->time_left(f) / 2, &code))
		return FAILOVER_FAILED;
	if (code == OCF_NONE)
		return agent_tell(f, FAILOVER_FAILED, "monitor", code);
	if (agent_is_slave(code) && is_told(f))
		return agent_tell(f, FAILOVER_DONE, "monitor", code);
	return turn_run(f, f->time_left(f) / 2, false, follow);
}

/* demote, and where that does not help stop.  Neither is believed: an agent may
 * say 0 of what it has only begun.  Nor is monitor, where the meta-data have not
 * come beside it, nor come now that there is time. */
static enum failover_result
demote(struct failover *f)
{
	enum ocf_code	 code;

	told_host[0] = '\0';
	if (!monitor(f, f->time_left(f) / 5, &code))
		return FAILOVER_FAILED;
	if (!agent_is_slave(code) && code != OCF_NOT_RUNNING) {
		agent_run(f, "demote", f->time_left(f) * 2 / 3);
		code = agent_run(f, "monitor", f->time_left(f) / 3);
	}
	if (!agent_is_slave(code) && code != OCF_NOT_RUNNING) {
		f->log(f, FAILOVER_WARNING, "demote did not help, so it is "
		    "stopped");
		agent_run(f, "stop", f->time_left(f) * 3 / 4);
		code = agent_run(f, "monitor", INT64_MAX);
	}
	if (!agent_is_slave(code) && code != OCF_NOT_RUNNING)
		return agent_tell(f, FAILOVER_FAILED, "monitor", code);
	if (!parameters_known) {
		parameters_ask(f, INT64_MAX);
		if (!parameters_check(f))
			return FAILOVER_FAILED;
	}
	if (!parameters_known)
		return f->say(f, FAILOVER_FAILED, "the resource agent's "
		    "meta-data did not end in time, so the option parameters "
		    "could not be checked, and its answers may concern another "
		    "application: see %s meta-data", agent.program);
	return agent_tell(f, FAILOVER_DONE, "monitor", code);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return turn_run(f, f->time_left(f) / 5, true, demote);
}

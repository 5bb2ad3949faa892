/*
 * agent.c - the resource agent: its program, its environment, and one action of
 * it.
 */
#include "agent.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INSTANCE	80	/* bytes of the longest name of a resource */

static const struct {
	int		 code;
	const char	*meaning;	/* of monitor */
} codes[] = {
	{ OCF_SUCCESS, "runs as a slave" },
	{ OCF_ERR_GENERIC, "failed" },
	{ OCF_ERR_ARGS, "bad arguments: see the option parameters" },
	{ OCF_ERR_UNIMPLEMENTED, "not implemented by this resource agent" },
	{ OCF_ERR_PERM, "lacks a right" },
	{ OCF_ERR_INSTALLED, "something is not installed" },
	{ OCF_ERR_CONFIGURED, "not configured: see the option parameters" },
	{ OCF_NOT_RUNNING, "is stopped" },
	{ OCF_RUNNING_PROMOTED, "runs as the master" },
	{ OCF_FAILED_PROMOTED, "has failed as the master" },
	{ OCF_DEGRADED, "runs as a slave, degraded" },
	{ OCF_DEGRADED_PROMOTED, "runs as the master, degraded" },
};

struct command		agent = { .leave = true };
static char		*agent_words[3];

/* The last action, and what is told of it. */
static char		printed[FAILOVER_POSITION];
static struct output	output = { .out = printed,
			    .out_size = sizeof(printed) };

/*
 * What a resource agent finds in its environment.
 */

/* "ocf:heartbeat:redis" is /usr/lib/ocf/resource.d/heartbeat/redis.  False if
 * its path is too long. */
static bool
find_agent(struct failover *f)
{
	const char	*name = f->option(f, "agent"), *type;
	size_t		 skip = strncmp(name, "ocf:", 4) == 0 ? 4 : 0;
	char		 provider[sizeof(agent.program)] = "";
	int		 length;

	type = strchr(name + skip, ':');
	if (name[0] != '/' && type != NULL) {
		snprintf(provider, sizeof(provider), "%.*s",
		    (int)(type - name - (ptrdiff_t)skip), name + skip);
		length = snprintf(agent.program, sizeof(agent.program),
		    "%s/resource.d/%s/%s", f->option(f, "ocf_root"), provider,
		    type + 1);
	} else {
		length = snprintf(agent.program, sizeof(agent.program), "%s",
		    name + skip);
		type = strrchr(name, '/');
	}
	setenv("OCF_RESOURCE_PROVIDER", provider, 1);
	setenv("OCF_RESOURCE_TYPE", type == NULL ? name : type + 1, 1);
	return length < (int)sizeof(agent.program);
}

/* The agents call crm_attribute and so on of HA_SBIN_DIR, or of PATH. */
static void
set_surroundings(struct failover *f)
{
	const char	*instance = f->option(f, "instance");
	const char	*tools = f->option(f, "tools"), *path = getenv("PATH");
	char		*paths;

	if (asprintf(&paths, "%s:%s", tools, path == NULL ?
	    "/usr/sbin:/usr/bin:/sbin:/bin" : path) != -1) {
		setenv("PATH", paths, 1);
		free(paths);
	}
	setenv("HA_SBIN_DIR", tools, 1);
	setenv("SHELL", "/bin/bash", 1);	/* ocf-shellfuncs needs it */
	setenv("OCF_ROOT", f->option(f, "ocf_root"), 1);
	setenv("OCF_RA_VERSION_MAJOR", "1", 1);
	setenv("OCF_RA_VERSION_MINOR", "1", 1);
	setenv("OCF_RESOURCE_INSTANCE",
	    instance == NULL ? f->service : instance, 1);
	setenv("OCF_RESKEY_crm_feature_set", "3.15.0", 1);
	setenv("OCF_RESKEY_CRM_meta_promotable", "true", 1);
	setenv("OCF_RESKEY_CRM_meta_promoted_max", "1", 1);
	setenv("OCF_RESKEY_CRM_meta_master_max", "1", 1);
	setenv("OCF_RESKEY_CRM_meta_clone_max", "2", 1);
	setenv("OCF_RESKEY_CRM_meta_clone_node_max", "1", 1);
	setenv("OCF_RESKEY_CRM_meta_notify", "true", 1);
}

enum failover_result
agent_start(struct failover *f)
{
	const char	*instance = f->option(f, "instance");

	if (!find_agent(f))
		return f->say(f, FAILOVER_FAILED, "option agent: its path is "
		    "too long: %.200s...", agent.program);
	/* Two that are cut to one would wait for each other's turns. */
	if (strlen(instance == NULL ? f->service : instance) > INSTANCE)
		return f->say(f, FAILOVER_FAILED, "option instance: its name, "
		    "or the service's, is longer than %d bytes: choose another",
		    INSTANCE);
	if (agent.program[0] != '/' || access(agent.program, X_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "option agent: %s: %s",
		    agent.program, agent.program[0] != '/' ?
		    "is neither ocf:PROVIDER:TYPE nor an absolute path" :
		    strerror(errno));
	agent_words[0] = agent.program;
	agent.words = agent_words;
	set_surroundings(f);
	return FAILOVER_DONE;
}

/*
 * One action.
 */

enum ocf_code
agent_run(struct failover *f, const char *action, int64_t limit)
{
	int64_t	 left = f->time_left(f);

	command_set_environment(f, action, NULL, "");
	setenv("OCF_RESKEY_CRM_meta_on_node", f->node, 1);
	setenv("OCF_RESKEY_CRM_meta_name", action, 1);
	command_set_number("OCF_RESKEY_CRM_meta_timeout",
	    limit < left ? limit : left);
	/* Else monitor takes itself for a probe. */
	command_set_number("OCF_RESKEY_CRM_meta_interval",
	    strcmp(action, "monitor") == 0 ? 10000 : 0);
	agent_words[1] = (char *)(uintptr_t)action;
	command_run(f, &agent, limit, &output);
	return output.error != 0 || output.late || !WIFEXITED(output.status) ?
	    OCF_NONE : (enum ocf_code)WEXITSTATUS(output.status);
}

/* Why: what ocf_exit_reason has written, or ocf_log; the last one counts.  ""
 * where there is neither. */
static const char *
reason(void)
{
	static const char	*const marks[] = { "ocf-exit-reason:", "ERROR: ",
				    "INFO: " };
	char			*at = NULL, *next;
	size_t			 i;

	for (i = 0; at == NULL && i < sizeof(marks) / sizeof(marks[0]); i++)
		for (next = output.err;
		    (next = strstr(next, marks[i])) != NULL; at = next)
			next += strlen(marks[i]);
	return command_line(at != NULL ? at : output.out);
}

enum failover_result
agent_tell(struct failover *f, enum failover_result result, const char *action,
    enum ocf_code code)
{
	const char	*meaning = "unknown exit code", *why;
	size_t		 i;

	why = result == FAILOVER_DONE ? "" : reason();
	if (output.late)
		return f->say(f, FAILOVER_FAILED, "%s did not end within %.1f "
		    "s%s%s", action, (double)output.limit / 1000,
		    *why ? ": " : "", why);
	if (!command_exited(f, &agent, &output))
		return FAILOVER_FAILED;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == (int)code)
			meaning = codes[i].meaning;
	return f->say(f, result, "%s: %s (%d)%s%s", action, meaning, (int)code,
	    *why ? ": " : "", why);
}

/* An action that can only succeed or fail. */
bool
agent_act(struct failover *f, const char *action, int64_t limit)
{
	enum ocf_code	 code = agent_run(f, action, limit);

	if (code != OCF_SUCCESS)
		agent_tell(f, FAILOVER_FAILED, action, code);
	return code == OCF_SUCCESS;
}

bool
agent_is_slave(enum ocf_code code)
{
	return code == OCF_SUCCESS || code == OCF_DEGRADED;
}

bool
agent_is_master(enum ocf_code code)
{
	return code == OCF_RUNNING_PROMOTED || code == OCF_DEGRADED_PROMOTED;
}

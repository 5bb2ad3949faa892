/*
 * ocf.c - an application that an OCF resource agent drives, as in Pacemaker.
 *
 * Pacemaker runs one action of a resource at a time, so agents are written for
 * that.  We have two handlers, and the guard a third: health waits for its turn,
 * and says that it is busy where that takes long; a demotion waits a moment
 * only.
 */
#include "../exec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURN_PAUSE	20	/* ms between two looks whether it is our turn */
#define INSTANCE	80	/* bytes of the longest name of a resource */
#define LOCK_DIR	"/run/consul-failover"
#define CHECK_LEVEL	"OCF_CHECK_LEVEL"	/* that of monitor */

static const struct failover_option options[] = {
	{ "agent", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "the resource agent: ocf:PROVIDER:TYPE, or its path" },
	{ "parameters", FAILOVER_STRING, NULL,
	    "what the agent wants to know: NAME=VALUE ..." },
	{ "instance", FAILOVER_STRING, NULL,
	    "name of the resource, unique on this host; default: the service" },
	{ "start", FAILOVER_BOOLEAN, "yes",
	    "start the application where it is stopped" },
	{ "ocf_root", FAILOVER_STRING, "/usr/lib/ocf",
	    "where the resource agents are" },
	{ "tools", FAILOVER_STRING, OCF_TOOLS,
	    "folder of crm_attribute and its like, of ours" },
	{ "lock_dir", FAILOVER_STRING, LOCK_DIR,
	    "folder of the lock that has one action run at a time" },
	{ 0 }
};

FAILOVER_PLUGIN("ocf", "1.0", "an OCF resource agent", options);

/* Exit codes of a resource agent. */
enum ocf_code {
	OCF_SUCCESS = 0,		/* monitor: runs, as a slave */
	OCF_ERR_GENERIC = 1,
	OCF_ERR_ARGS = 2,
	OCF_ERR_UNIMPLEMENTED = 3,
	OCF_ERR_PERM = 4,
	OCF_ERR_INSTALLED = 5,
	OCF_ERR_CONFIGURED = 6,
	OCF_NOT_RUNNING = 7,
	OCF_RUNNING_PROMOTED = 8,
	OCF_FAILED_PROMOTED = 9,
	OCF_DEGRADED = 190,
	OCF_DEGRADED_PROMOTED = 191,
	OCF_NONE = -1			/* it did not end by itself */
};

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

static struct command	agent = { .leave = true };
static char		*agent_words[3];

static bool		check_lock_dir(struct failover *);

/* The last action, and what is told of it. */
static struct output	output;

static char		lock[PATH_MAX];	/* of who has the turn */

/* Whom notify has told of last. */
static char		told_host[1025];	/* of any name */
static uint64_t		told_epoch;

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

/* NAME=VALUE becomes OCF_RESKEY_NAME. */
static bool
set_parameters(struct failover *f)
{
	const char	*line = f->option(f, "parameters"), *wrong;
	struct command	 c = { 0 };
	char		 name[256], *value;
	size_t		 i;
	bool		 ok = true;

	if (line == NULL || line[strspn(line, " \t")] == '\0')
		return true;
	if (!command_split(&c, line, &wrong)) {
		f->say(f, FAILOVER_FAILED, "option parameters %s: %s", wrong,
		    line);
		ok = false;
	}
	for (i = 0; ok && i < c.count; i++) {
		value = strchr(c.words[i], '=');
		/* Pacemaker, too, gives that one as it is. */
		ok = value != NULL && value > c.words[i] &&
		    snprintf(name, sizeof(name), "%s%.*s",
		    strncmp(c.words[i], CHECK_LEVEL "=",
		    sizeof(CHECK_LEVEL)) == 0 ? "" : "OCF_RESKEY_",
		    (int)(value - c.words[i]), c.words[i]) < (int)sizeof(name);
		if (!ok) {
			f->say(f, FAILOVER_FAILED, "option parameters: \"%.200s"
			    "\" is not NAME=VALUE", c.words[i]);
			break;
		}
		setenv(name, value + 1, 1);
	}
	command_free(&c);
	return ok;
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
plugin_start(struct failover *f)
{
	const char	*instance = f->option(f, "instance");

	if (!find_agent(f))
		return f->say(f, FAILOVER_FAILED, "option agent: its path is "
		    "too long: %.200s...", agent.program);
	/* Two that are cut to one would wait for each other's turns. */
	if (strlen(instance == NULL ? f->service : instance) > INSTANCE)
		return f->say(f, FAILOVER_FAILED, "option instance: its name, "
		    "or the service's, is longer than %d bytes: give another",
		    INSTANCE);
	if (agent.program[0] != '/' || access(agent.program, X_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "option agent: %s: %s",
		    agent.program, agent.program[0] != '/' ?
		    "is neither ocf:PROVIDER:TYPE nor an absolute path" :
		    strerror(errno));
	agent_words[0] = agent.program;
	agent.words = agent_words;
	set_surroundings(f);
	return check_lock_dir(f) && set_parameters(f) ? FAILOVER_DONE :
	    FAILOVER_FAILED;
}

/*
 * One action.
 */

static enum ocf_code
run(struct failover *f, const char *action, int64_t limit)
{
	static const char *const	 roles[] = {
		[FAILOVER_NO_ROLE] = "none",
		[FAILOVER_MASTER] = "master",
		[FAILOVER_SLAVE] = "slave",
	};
	int64_t				 left = f->time_left(f);

	command_set_environment(f, action, roles[f->role], "");
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

static enum failover_result
tell(struct failover *f, enum failover_result result, const char *action,
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
static bool
act(struct failover *f, const char *action, int64_t limit)
{
	enum ocf_code	 code = run(f, action, limit);

	if (code != OCF_SUCCESS)
		tell(f, FAILOVER_FAILED, action, code);
	return code == OCF_SUCCESS;
}

static bool
is_slave(enum ocf_code code)
{
	return code == OCF_SUCCESS || code == OCF_DEGRADED;
}

static bool
is_master(enum ocf_code code)
{
	return code == OCF_RUNNING_PROMOTED || code == OCF_DEGRADED_PROMOTED;
}

/*
 * One action at a time: a file is locked once, and free again when who has locked
 * it dies.  It is ours alone, so that nobody else can keep us waiting.
 */

/* A folder where another user may put a file would do him the same service. */
static bool
check_lock_dir(struct failover *f)
{
	const char	*folder = f->option(f, "lock_dir");
	const char	*instance = getenv("OCF_RESOURCE_INSTANCE"), *wrong = NULL;
	const char	*ours = getenv("RUNTIME_DIRECTORY");
	struct stat	 st;

	/* The unit's folder, where its user may not write into the one above. */
	if (strcmp(folder, LOCK_DIR) == 0 && ours != NULL && *ours == '/' &&
	    access(folder, W_OK) != 0)
		folder = ours;

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		wrong = strerror(errno);
	else if (stat(folder, &st) != 0)
		wrong = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		wrong = "is no folder";
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		wrong = "is another user's";
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		wrong = "others may write there";
	else if (access(folder, W_OK) != 0)
		wrong = strerror(errno);
	else if (strchr(instance, '/') != NULL)
		wrong = "the name of the instance has a slash";
	else if (snprintf(lock, sizeof(lock), "%s/ocf-%s.lock", folder,
	    instance) >= (int)sizeof(lock))
		wrong = "its path is too long";
	if (wrong != NULL)
		f->say(f, FAILOVER_FAILED, "option lock_dir: %.200s: %s; give "
		    "a folder that belongs to the agent's user, like its "
		    "[agent] run_dir", folder, wrong);
	return wrong == NULL;
}

/* -1 with EWOULDBLOCK: somebody else has it. */
static int
take_turn(struct failover *f, int64_t limit)
{
	int64_t	 until = f->time_left(f) - limit;
	int	 fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600), error;

	while (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = errno;
		if (f->time_left(f) <= until) {
			close(fd);
			errno = error;
			return -1;
		}
		usleep(TURN_PAUSE * 1000);
	}
	return fd;
}

/* What an ensure_ does in its turn. */
static enum failover_result
in_turn(struct failover *f, int64_t limit, bool must,
    enum failover_result (*work)(struct failover *))
{
	enum failover_result	 result;
	int			 turn = take_turn(f, limit);

	if (turn == -1 && !must && errno != EWOULDBLOCK)
		return f->say(f, FAILOVER_FAILED, "%.300s: %s", lock,
		    strerror(errno));
	if (turn == -1 && !must)
		return f->say(f, FAILOVER_AGAIN,
		    "another action of the resource agent is under way");
	result = work(f);
	if (turn != -1)
		close(turn);
	return result;
}

/*
 * The calls.
 */

#define XML_SPACE	" \t\r\n"

/* Is = and the name in quotes what follows, with white space where XML allows
 * it? */
static bool
is_attribute(const char *text, const char *name, size_t length)
{
	char	 quote;

	text += strspn(text, XML_SPACE);
	if (*text != '=')
		return false;
	text++;
	text += strspn(text, XML_SPACE);
	quote = *text++;
	return (quote == '"' || quote == '\'') &&
	    strncmp(text, name, length) == 0 && text[length] == quote;
}

/* Is there a <parameter ... name="NAME" ...> in that? */
static bool
describes(const char *text, const char *name, size_t length)
{
	const char	*at;

	for (; (text = strstr(text, "<parameter")) != NULL; text = at) {
		at = text + strlen("<parameter");
		if (strchr(XML_SPACE, *at) == NULL)
			continue;
		for (; *at != '\0' && *at != '>'; at++)
			if (strchr(XML_SPACE, at[-1]) != NULL &&
			    strncmp(at, "name", 4) == 0 &&
			    is_attribute(at + 4, name, length))
				return true;
	}
	return false;
}

/* Parameters that each resource agent takes, and that none describes. */
static bool
is_well_known(const char *name, size_t length)
{
	static const char	*const names[] = { "trace_ra", "trace_file",
				    "trace_dir", CHECK_LEVEL };
	size_t			 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length &&
		    strncmp(name, names[i], length) == 0)
			return true;
	return strncmp(name, "CRM_meta_", 9) == 0;
}

/* Begins to ask the resource agent what it tells of itself: it does so while
 * monitor runs, so that a demotion does not take longer for it. */
static FILE *
ask_metadata(struct failover *f, int64_t limit)
{
	int64_t	 half = f->time_left(f) / 2;
	FILE	*pipe;
	char	 text[32];

	snprintf(text, sizeof(text), "%.3f",		/* 0: for ever */
	    (double)((limit < half ? limit : half) + 1) / 1000);
	setenv("CF_LIMIT", text, 1);
	setenv("CF_AGENT", agent.program, 1);
	pipe = popen("exec timeout -s KILL \"$CF_LIMIT\" \"$CF_AGENT\" "
	    "meta-data 2>/dev/null", "re");
	unsetenv("CF_LIMIT");
	return pipe;
}

/* NULL if it has not told in time, or has nothing to tell: then it has ended by
 * itself, with less than what timeout gives where it has not. */
static char *
read_metadata(FILE *pipe, bool *ended)
{
	char	*text = NULL;
	size_t	 size = 0;
	ssize_t	 n = -1;
	int	 status = -1;

	if (pipe != NULL) {
		n = getdelim(&text, &size, '\0', pipe);
		status = pclose(pipe);
	}
	*ended = WIFEXITED(status) && WEXITSTATUS(status) < 124;
	/* Part of it would be worse than nothing. */
	if (status != 0 || n == -1) {
		free(text);
		text = NULL;
	}
	return text;
}

/* The resource agent knows the option parameters.  Else it is asked again. */
static bool	known;

static bool
knows_parameters(struct failover *f, FILE *asked)
{
	struct command	 c = { 0 };
	const char	*wrong;
	char		*text = read_metadata(asked, &known);
	size_t		 i, length;
	bool		 ok = true;

	if (text != NULL && strstr(text, "<parameter") != NULL &&
	    !command_split(&c, f->option(f, "parameters"), &wrong))
		known = false;			/* out of memory */
	for (i = 0; ok && i < c.count; i++) {
		length = strcspn(c.words[i], "=");
		ok = is_well_known(c.words[i], length) ||
		    describes(text, c.words[i], length);
		if (!ok)
			f->say(f, FAILOVER_FAILED, "option parameters: the "
			    "resource agent knows no \"%.*s\": see %s meta-data",
			    (int)length, c.words[i], agent.program);
	}
	known = known && ok;
	free(text);
	command_free(&c);
	return ok;
}

/* The first look of a call.  With a name that it does not know the resource
 * agent looks at its default: and says that what is not there is stopped,
 * whatever runs elsewhere.  False, and said: so it is not to be believed, nor
 * to be given anything to do. */
static bool
monitor(struct failover *f, int64_t limit, enum ocf_code *code)
{
	const char	*line = f->option(f, "parameters");
	FILE		*asked = NULL;
	bool		 ask;

	known = known || line == NULL || line[strspn(line, " \t")] == '\0';
	ask = !known;
	if (ask)
		asked = ask_metadata(f, limit);
	*code = run(f, "monitor", limit);
	return !ask || knows_parameters(f, asked);
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
	if (is_slave(code) || is_master(code))
		return tell(f, FAILOVER_DONE, "monitor", code);
	if (code == OCF_NOT_RUNNING && !missed && f->number(f, "start"))
		return f->say(f, FAILOVER_DONE,
		    "it is stopped, and will be started when it is needed");
	return tell(f, FAILOVER_FAILED, "monitor", code);
}

enum failover_result
health(struct failover *f)
{
	return in_turn(f, f->time_left(f) / 2, false, look);
}

/* Starts it if it is stopped, and starts it anew if it has failed, as Pacemaker
 * would.  Gives what it is then; OCF_NONE if there is nothing to go on with. */
static enum ocf_code
get_up(struct failover *f, bool may_start)
{
	enum ocf_code	 code = run(f, "monitor", INT64_MAX);

	if (is_slave(code) || is_master(code))
		return code;
	tell(f, FAILOVER_FAILED, "monitor", code);
	if (!may_start || !f->number(f, "start") || code == OCF_NONE ||
	    (code >= OCF_ERR_ARGS && code <= OCF_ERR_CONFIGURED))
		return OCF_NONE;
	if (code == OCF_FAILED_PROMOTED)
		run(f, "demote", INT64_MAX);
	if ((code != OCF_NOT_RUNNING && !act(f, "stop", INT64_MAX)) ||
	    !act(f, "start", INT64_MAX))
		return OCF_NONE;
	f->log(f, FAILOVER_INFO, "the resource agent has started it");
	code = run(f, "monitor", INT64_MAX);
	if (is_slave(code) || is_master(code))
		return code;
	tell(f, FAILOVER_FAILED, "monitor, after start", code);
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
	run(f, "notify", INT64_MAX);
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
	if (is_slave(code)) {
		notify(f, "pre", "promote", f->node);
		if (!act(f, "promote", INT64_MAX))
			return FAILOVER_FAILED;
		notify(f, "post", "promote", f->node);
		code = run(f, "monitor", INT64_MAX);
	}
	return tell(f, is_master(code) ? FAILOVER_DONE : FAILOVER_FAILED,
	    "monitor", code);
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
		return tell(f, FAILOVER_FAILED, "monitor", code);
	if (is_master(code))
		return tell(f, FAILOVER_DONE, "monitor", code);
	return in_turn(f, f->time_left(f) / 2, false, promote);
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

	if (code == OCF_NONE || (is_master(code) &&
	    !act(f, "demote", INT64_MAX)))
		return FAILOVER_FAILED;
	if (is_master(code) || !is_told(f)) {
		notify(f, "post", "promote", f->master_host);
		code = run(f, "monitor", INT64_MAX);
		snprintf(told_host, sizeof(told_host), "%s",
		    is_slave(code) ? f->master_host : "");
		told_epoch = f->epoch;
	}
	return tell(f, is_slave(code) ? FAILOVER_DONE : FAILOVER_FAILED,
	    "monitor", code);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	enum ocf_code	 code;

	(void)master_host;
	if (!monitor(f, f->time_left(f) / 2, &code))
		return FAILOVER_FAILED;
	if (code == OCF_NONE)
		return tell(f, FAILOVER_FAILED, "monitor", code);
	if (is_slave(code) && is_told(f))
		return tell(f, FAILOVER_DONE, "monitor", code);
	return in_turn(f, f->time_left(f) / 2, false, follow);
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
	if (!is_slave(code) && code != OCF_NOT_RUNNING) {
		run(f, "demote", f->time_left(f) * 2 / 3);
		code = run(f, "monitor", f->time_left(f) / 3);
	}
	if (!is_slave(code) && code != OCF_NOT_RUNNING) {
		f->log(f, FAILOVER_WARNING, "demote did not help, so it is "
		    "stopped");
		run(f, "stop", f->time_left(f) * 3 / 4);
		code = run(f, "monitor", INT64_MAX);
	}
	if (!is_slave(code) && code != OCF_NOT_RUNNING)
		return tell(f, FAILOVER_FAILED, "monitor", code);
	if (!known && !knows_parameters(f, ask_metadata(f, INT64_MAX)))
		return FAILOVER_FAILED;
	if (!known)
		return f->say(f, FAILOVER_FAILED, "the resource agent's "
		    "meta-data did not end in time, so it can't be told "
		    "whether it knows the option parameters, and speaks of "
		    "this application: see %s meta-data", agent.program);
	return tell(f, FAILOVER_DONE, "monitor", code);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return in_turn(f, f->time_left(f) / 5, true, demote);
}

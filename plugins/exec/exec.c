/*
 * exec.c - an application that commands can drive: one command a call.
 *
 * Each command is run in a process group of its own, under a keeper:
 *
 *	handler - keeper - command - whatever it starts
 *
 * The keeper is there for what the command starts.  When the handler is killed,
 * because the call was cancelled or the agent is gone, the kernel tells the
 * keeper, and the keeper kills the group: no half of an ensure_master goes on
 * behind the back of the ensure_demoted that follows.
 */
#include <consul-failover/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARGIN	200	/* ms before the deadline: time to say what happened */

/* EX_TEMPFAIL of sysexits.h. */
#define EXIT_AGAIN	75

#define COMMAND(name, meaning) \
	{ name, FAILOVER_STRING | FAILOVER_REQUIRED, NULL, meaning }
static const struct failover_option options[] = {
	COMMAND("health", "command: exit 0 if fit to serve, 75 if busy"),
	COMMAND("ensure_master", "command: be the master"),
	COMMAND("ensure_slave", "command: be a slave of $CF_MASTER_ADDR"),
	COMMAND("ensure_demoted", "command: stop being the master, at once"),
	{ 0 }
};

FAILOVER_PLUGIN("exec", "1.0", "a command for each call", options);

struct command {
	const char	*name;		/* of the option */
	const char	*role;		/* $CF_ROLE */
	char		*text;		/* holds the words */
	char		**words;
	char		 program[PATH_MAX];
};

static struct command	commands[] = {
	{ .name = "health", .role = "" },
	{ .name = "ensure_master", .role = "master" },
	{ .name = "ensure_slave", .role = "slave" },
	{ .name = "ensure_demoted", .role = "none" },
};
#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

/*
 * From a command line to words.
 */

/* Moves one word to *to, which is never ahead of *from; NULL, or what is wrong
 * with it. */
static const char *
split_word(char **from, char **to)
{
	char	*in = *from, *out = *to, quote = '\0';

	for (; *in != '\0' && (quote != '\0' || strchr(" \t", *in) == NULL);
	    in++) {
		if (*in == quote)
			quote = '\0';
		else if (quote == '\0' && (*in == '\'' || *in == '"'))
			quote = *in;
		else if (*in != '\\' || quote == '\'' ||
		    (quote == '"' && strchr("\"\\", in[1]) == NULL))
			*out++ = *in;
		else if (*++in == '\0')
			return "ends with a backslash";
		else
			*out++ = *in;
	}
	*from = *in == '\0' ? in : in + 1;
	*out = '\0';
	*to = out + 1;
	if (quote != '\0')
		return quote == '"' ? "has a \" that is not closed" :
		    "has a ' that is not closed";
	return NULL;
}

/* Splits c->text, in place. */
static const char *
split(struct command *c)
{
	char		*from = c->text, *to = c->text;
	const char	*wrong;
	size_t		 count = 0;

	/* Not more words than characters. */
	c->words = calloc(strlen(c->text) + 1, sizeof(*c->words));
	if (c->words == NULL)
		return strerror(errno);
	for (from += strspn(from, " \t"); *from != '\0';
	    from += strspn(from, " \t")) {
		c->words[count++] = to;
		wrong = split_word(&from, &to);
		if (wrong != NULL)
			return wrong;
	}
	return count == 0 || c->words[0][0] == '\0' ? "names no command" : NULL;
}

/* Now, not when it is needed: it may be ensure_demoted that is missing. */
static const char *
find_program(struct command *c)
{
	const char	*word = c->words[0], *path = getenv("PATH");
	int		 length;

	if (word[0] == '/') {
		snprintf(c->program, sizeof(c->program), "%s", word);
		return access(word, X_OK) == 0 ? NULL : strerror(errno);
	}
	if (strchr(word, '/') != NULL)
		return "is no absolute path, nor a name to be found in PATH";
	for (path = path == NULL ? "/usr/bin:/bin" : path; *path != '\0';
	    path += length + (path[length] == ':')) {
		length = (int)strcspn(path, ":");
		snprintf(c->program, sizeof(c->program), "%.*s/%s", length,
		    path, word);
		if (path[0] == '/' && access(c->program, X_OK) == 0)
			return NULL;
	}
	return "is not found in PATH";
}

enum failover_result
plugin_start(struct failover *f)
{
	struct command	*c;
	const char	*wrong;

	for (c = commands; c < commands + COMMANDS; c++) {
		free(c->text);
		free(c->words);
		c->words = NULL;
		c->text = strdup(f->option(f, c->name));
		if (c->text == NULL)
			return f->say(f, FAILOVER_FAILED, "%s",
			    strerror(errno));
		wrong = split(c);
		if (wrong != NULL)
			return f->say(f, FAILOVER_FAILED,
			    "option %s %s: %s", c->name, wrong,
			    f->option(f, c->name));
		wrong = find_program(c);
		if (wrong != NULL)
			return f->say(f, FAILOVER_FAILED, "option %s: %s: %s",
			    c->name, c->words[0], wrong);
	}
	return FAILOVER_DONE;
}

void
plugin_stop(struct failover *f)
{
	struct command	*c;

	(void)f;
	for (c = commands; c < commands + COMMANDS; c++) {
		free(c->text);
		free(c->words);
	}
}

/*
 * One run of a command.
 */

struct run {
	pid_t	 keeper;
	int	 out, err;	/* what the command writes */
	int	 end;		/* how it ended, from the keeper */
	char	 out_text[FAILOVER_SENTENCE], err_text[FAILOVER_SENTENCE];
	size_t	 out_length, err_length;
};

/* The keeper reports this. */
struct end {
	int	 error;		/* errno, where it could not be started */
	int	 status;	/* as of waitpid */
};

static void
set_number(const char *name, long long number)
{
	char	 text[32];

	snprintf(text, sizeof(text), "%lld", number);
	setenv(name, text, 1);
}

static void
set_environment(struct failover *f, const struct command *c,
    const char *master_host, int64_t limit)
{
	char	 epoch[32];

	snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)f->epoch);
	setenv("CF_OP", c->name, 1);
	setenv("CF_ROLE", c->role, 1);
	setenv("CF_SERVICE", f->service, 1);
	setenv("CF_NODE", f->node, 1);
	set_number("CF_PORT", f->port);
	setenv("CF_EPOCH", epoch, 1);
	setenv("CF_MASTER_ADDR", master_host, 1);
	set_number("CF_MASTER_PORT", f->master_port);
	setenv("CF_REASON", f->reason, 1);
	set_number("CF_DEADLINE", limit / 1000);
}

/* Runs in the keeper's child. */
static void
become_command(const struct command *c, int out, int err, int end,
    const sigset_t *signals)
{
	struct end	 e = { 0 };

	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	sigprocmask(SIG_SETMASK, signals, NULL);
	execv(c->program, c->words);
	e.error = errno;
	if (write(end, &e, sizeof(e)) != sizeof(e))
		_exit(126);
	_exit(127);
}

/* Waits for the command, or for the end of the handler.  Deaf to all signals
 * else: scripts like to end with "kill 0". */
static void
keep(const struct command *c, pid_t handler, int out, int err, int end)
{
	sigset_t	 all, wake, old;
	struct end	 e = { 0 };
	pid_t		 command, gone;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	sigemptyset(&wake);
	sigaddset(&wake, SIGCHLD);
	sigaddset(&wake, SIGUSR2);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	if (getppid() != handler)
		_exit(0);

	command = fork();
	if (command == 0)
		become_command(c, out, err, end, &old);
	e.error = command == -1 ? errno : 0;
	close(out);
	close(err);
	while (command != -1 && getppid() == handler) {
		gone = waitpid(command, &e.status, WNOHANG);
		if (gone == command)
			break;
		sigwaitinfo(&wake, NULL);
	}
	if (getppid() != handler)
		kill(0, SIGKILL);
	if (write(end, &e, sizeof(e)) != sizeof(e))
		kill(0, SIGKILL);
	pause();	/* the handler kills the group, by our number */
}

static bool
run_start(struct run *r, const struct command *c)
{
	int	 out[2] = { -1, -1 }, err[2] = { -1, -1 }, end[2] = { -1, -1 };
	pid_t	 handler = getpid();

	*r = (struct run){ .keeper = -1 };
	if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
	    pipe2(end, O_CLOEXEC) == 0)
		r->keeper = fork();
	if (r->keeper == 0) {
		setpgid(0, 0);
		keep(c, handler, out[1], err[1], end[1]);
	}
	if (r->keeper > 0)
		setpgid(r->keeper, r->keeper);	/* whoever is first */
	r->out = out[0];
	r->err = err[0];
	r->end = end[0];
	if (out[1] != -1)
		close(out[1]);
	if (err[1] != -1)
		close(err[1]);
	if (end[1] != -1)
		close(end[1]);
	if (r->out != -1)
		fcntl(r->out, F_SETFL, O_NONBLOCK);
	if (r->err != -1)
		fcntl(r->err, F_SETFL, O_NONBLOCK);
	return r->keeper != -1;
}

/* Keeps the beginning, and reads all of it, so that the command can go on. */
static void
run_read(int *fd, char *text, size_t *length)
{
	char	 bytes[65536];
	ssize_t	 n = *fd == -1 ? -1 : read(*fd, bytes, sizeof(bytes));
	size_t	 room = FAILOVER_SENTENCE - 1 - *length;

	if (n == 0) {
		close(*fd);
		*fd = -1;
	}
	if (n <= 0)
		return;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(text + *length, bytes, room);
	*length += room;
	text[*length] = '\0';
}

static void
run_read_all(struct run *r)
{
	run_read(&r->out, r->out_text, &r->out_length);
	run_read(&r->err, r->err_text, &r->err_length);
}

/* False where the time is over. */
static bool
run_wait(struct run *r, struct failover *f, int64_t margin, struct end *e)
{
	struct pollfd	 p[3] = { { .events = POLLIN }, { .events = POLLIN },
			    { .events = POLLIN } };
	int64_t		 left;

	for (;;) {
		left = f->time_left(f) - margin;
		if (left <= 0)
			return false;
		p[0].fd = r->end;
		p[1].fd = r->out;	/* poll passes over -1 */
		p[2].fd = r->err;
		if (poll(p, 3, left < INT_MAX ? (int)left : INT_MAX) < 0)
			continue;
		run_read_all(r);
		if (p[0].revents != 0)
			break;
	}
	if (read(r->end, e, sizeof(*e)) != sizeof(*e))
		e->status = SIGKILL;	/* somebody killed the keeper */
	return true;
}

static void
run_end(struct run *r)
{
	if (r->keeper != -1) {
		kill(-r->keeper, SIGKILL);
		waitpid(r->keeper, NULL, 0);
	}
	if (r->out != -1)
		close(r->out);
	if (r->err != -1)
		close(r->err);
	if (r->end != -1)
		close(r->end);
}

/* The first line of it that says something; "" if there is none. */
static const char *
first_line(char *text)
{
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static enum failover_result
tell(struct failover *f, const struct command *c, struct run *r,
    const struct end *e)
{
	const char		*line = first_line(r->out_text);
	enum failover_result	 result = FAILOVER_FAILED;
	int			 code = WEXITSTATUS(e->status);

	if (*line == '\0')
		line = first_line(r->err_text);
	if (e->error != 0)
		return f->say(f, FAILOVER_FAILED, "%s: can't run %s: %s",
		    c->name, c->program, strerror(e->error));
	if (WIFSIGNALED(e->status))
		return f->say(f, FAILOVER_FAILED, "%s was killed by signal %d "
		    "(%s)%s%s", c->program, WTERMSIG(e->status),
		    strsignal(WTERMSIG(e->status)), *line ? ": " : "", line);
	if (code == EXIT_SUCCESS)
		result = FAILOVER_DONE;
	else if (code == EXIT_AGAIN)
		result = FAILOVER_AGAIN;
	else if (code != EXIT_FAILURE || *line == '\0')
		return f->say(f, FAILOVER_FAILED, "%s ended with exit status "
		    "%d%s%s", c->program, code, *line ? ": " : "", line);
	return *line == '\0' ? result : f->say(f, result, "%s", line);
}

static enum failover_result
run(struct failover *f, const char *name, const char *master_host)
{
	const struct command	*c = commands;
	struct run		 r;
	struct end		 e = { 0 };
	int64_t			 left = f->time_left(f), margin = MARGIN;
	enum failover_result	 result;

	while (strcmp(c->name, name) != 0)
		c++;
	if (margin > left / 2)
		margin = left / 2;
	set_environment(f, c, master_host, left - margin);
	if (!run_start(&r, c))
		result = f->say(f, FAILOVER_FAILED, "%s: can't run %s: %s",
		    name, c->program, strerror(errno));
	else if (!run_wait(&r, f, margin, &e))
		result = f->say(f, FAILOVER_FAILED, "%s did not end within "
		    "%.1f s", c->program, (double)(left - margin) / 1000);
	else
		result = tell(f, c, &r, &e);
	run_end(&r);
	return result;
}

enum failover_result
health(struct failover *f)
{
	return run(f, "health", "");
}

enum failover_result
ensure_master(struct failover *f)
{
	return run(f, "ensure_master", "");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	return run(f, "ensure_slave", master_host);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return run(f, "ensure_demoted", "");
}

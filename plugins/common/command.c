/* command.c - run a command within one call of a plugin. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"

/* More than MARGIN: what does not end is killed with all that it started. */
#define KILL_TIME	200	/* ms before the deadline */

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

bool
command_split(struct command *c, const char *line, const char **wrong)
{
	char	*from, *to;

	command_free(c);
	/* Not more words than characters. */
	c->text = strdup(line);
	c->words = calloc(strlen(line) + 1, sizeof(*c->words));
	if (c->text == NULL || c->words == NULL) {
		*wrong = strerror(errno);
		return false;
	}
	to = from = c->text;
	for (from += strspn(from, " \t"); *from != '\0';
	    from += strspn(from, " \t")) {
		c->words[c->count++] = to;
		*wrong = split_word(&from, &to);
		if (*wrong != NULL)
			return false;
	}
	*wrong = "names no command";
	return c->count > 0 && c->words[0][0] != '\0';
}

bool
command_find(struct command *c, const char **wrong)
{
	const char	*word = c->words[0], *path = getenv("PATH");
	int		 length;

	*wrong = strerror(ENAMETOOLONG);
	if (strlen(word) >= sizeof(c->program))
		return false;
	if (word[0] == '/') {
		strcpy(c->program, word);
		*wrong = strerror(access(word, X_OK) == 0 ? 0 : errno);
		return access(word, X_OK) == 0;
	}
	*wrong = "is neither an absolute path nor a name to find in PATH";
	if (strchr(word, '/') != NULL)
		return false;
	for (path = path == NULL ? "/usr/bin:/bin" : path; *path != '\0';
	    path += length + (path[length] == ':')) {
		length = (int)strcspn(path, ":");
		if ((size_t)snprintf(c->program, sizeof(c->program), "%.*s/%s",
		    length, path, word) < sizeof(c->program) &&
		    path[0] == '/' && access(c->program, X_OK) == 0)
			return true;
	}
	*wrong = "is not found in PATH";
	return false;
}

void
command_free(struct command *c)
{
	free(c->text);
	free(c->words);
	c->text = NULL;
	c->words = NULL;
	c->count = 0;
}

void
command_set_shell(struct command *c, const char *line)
{
	*c = (struct command){ .program = "/bin/sh", .leave = true,
	    .log = true, .shell = { (char *)(uintptr_t)"sh",
	    (char *)(uintptr_t)"-c", (char *)(uintptr_t)line, NULL } };
	c->words = c->shell;
}

/*
 * What a command finds in its environment.
 */

void
command_set_number(const char *name, long long number)
{
	char	 text[32];

	snprintf(text, sizeof(text), "%lld", number);
	setenv(name, text, 1);
}

void
command_set_environment(struct failover *f, const char *op, const char *role,
    const char *position)
{
	static const char *const	 roles[] = {
		[FAILOVER_NO_ROLE] = "none",
		[FAILOVER_MASTER] = "master",
		[FAILOVER_SLAVE] = "slave",
	};
	char				 epoch[32];

	snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)f->epoch);
	setenv("CF_OP", op, 1);
	setenv("CF_ROLE", role != NULL ? role : roles[f->role], 1);
	setenv("CF_SERVICE", f->service, 1);
	setenv("CF_NODE", f->node, 1);
	command_set_number("CF_PORT", f->port);
	setenv("CF_EPOCH", epoch, 1);
	setenv("CF_MASTER_ADDR", f->master_host, 1);
	command_set_number("CF_MASTER_PORT", f->master_port);
	setenv("CF_PREVIOUS_ADDR", f->previous_host, 1);
	command_set_number("CF_PREVIOUS_PORT", f->previous_port);
	setenv("CF_TARGET", f->target, 1);
	setenv("CF_POSITION", position, 1);
	setenv("CF_REASON", f->reason, 1);
}

/*
 * One run of a command.
 */

/* The keeper reports this. */
struct end {
	int	 error;		/* errno, where it could not be started */
	int	 status;	/* as of waitpid */
};

/* Runs in the keeper's child. */
static _Noreturn void
become_command(const struct command *c, int64_t limit, int out, int err,
    int end, const sigset_t *signals)
{
	struct end	 e = { 0 };

	command_set_number("CF_DEADLINE", limit / 1000);
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
keep(const struct command *c, int64_t limit, pid_t handler, int out, int err,
    int end)
{
	sigset_t	 all, wake, old;
	struct end	 e = { 0 };
	pid_t		 command;
	bool		 ended = false;

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
		become_command(c, limit, out, err, end, &old);
	e.error = command == -1 ? errno : 0;
	close(out);
	close(err);
	while (command != -1 && !ended && getppid() == handler) {
		ended = waitpid(command, &e.status, WNOHANG) == command;
		if (!ended)
			sigwaitinfo(&wake, NULL);
	}
	/* The handler has ended: half of it must not go on, whatever may stay
	 * of one that is done. */
	if (command != -1 && !ended)
		kill(0, SIGKILL);
	if (write(end, &e, sizeof(e)) != sizeof(e))
		kill(0, SIGKILL);
	if (c->leave)
		_exit(0);
	/* The handler kills the group, by our number; or has ended itself. */
	while (getppid() == handler)
		sigwaitinfo(&wake, NULL);
	kill(0, SIGKILL);
}

/* Processes that stay would be killed by SIGPIPE at the first line that they
 * write to a pipe which nobody reads any more.  So they have no pipe, but the
 * log itself, which is our standard error. */
static bool
open_output(const struct command *c, int fds[static 2])
{
	if (!c->log)
		return pipe2(fds, O_CLOEXEC) == 0;
	fds[1] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fds[1] != -1;
}

void
command_begin(struct running *r, const struct command *c, int64_t limit,
    struct output *o)
{
	int	 out[2] = { -1, -1 }, err[2] = { -1, -1 }, end[2] = { -1, -1 };
	pid_t	 handler = getpid();

	*o = (struct output){ .out = o->out, .out_size = o->out_size,
	    .limit = limit };
	if (o->out != NULL)
		o->out[0] = '\0';
	*r = (struct running){ .keeper = -1, .until = deadline_now() + limit,
	    .leave = c->leave };
	if (open_output(c, out) && open_output(c, err) &&
	    pipe2(end, O_CLOEXEC) == 0)
		r->keeper = fork();
	if (r->keeper == 0) {
		setpgid(0, 0);
		keep(c, limit, handler, out[1], err[1], end[1]);
	}
	o->error = r->keeper == -1 ? errno : 0;
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
}

/* Keeps the beginning, and reads all of it, so that the command can go on. */
static void
read_some(int *fd, char *text, size_t size, size_t *length)
{
	char	 bytes[65536];
	ssize_t	 n = *fd == -1 ? -1 : read(*fd, bytes, sizeof(bytes));
	size_t	 room = size - 1 - *length;

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
read_both(struct running *r, struct output *o)
{
	read_some(&r->out, o->out, o->out_size, &o->out_length);
	read_some(&r->err, o->err, sizeof(o->err), &o->err_length);
}

bool
command_wait(struct running *r, int64_t until, struct output *o)
{
	struct pollfd	 p[3] = { { .events = POLLIN }, { .events = POLLIN },
			    { .events = POLLIN } };
	struct end	 e;
	int64_t		 left;
	bool		 told;

	if (r->keeper == -1)
		return true;
	do {
		left = (until < r->until ? until : r->until) - deadline_now();
		p[0].fd = r->end;
		p[1].fd = r->out;	/* poll passes over -1 */
		p[2].fd = r->err;
		if (poll(p, 3, left < 0 ? 0 : left < INT_MAX ? (int)left :
		    INT_MAX) < 0)
			p[0].revents = 0;
		else
			read_both(r, o);
		/* One that has just ended is not late. */
		if (p[0].revents == 0 && left <= 0)
			return o->late = deadline_now() >= r->until;
	} while (p[0].revents == 0);
	told = read(r->end, &e, sizeof(e)) == sizeof(e);
	if (!told)	/* the keeper was killed, and the command may still run */
		e = (struct end){ .status = SIGKILL };
	o->error = e.error;
	o->status = e.status;
	r->ended = told && e.error == 0;
	return true;
}

void
command_end(struct running *r)
{
	if (r->keeper > 0) {
		if (!r->leave || !r->ended)
			kill(-r->keeper, SIGKILL);
		waitpid(r->keeper, NULL, 0);
	}
	if (r->out != -1)
		close(r->out);
	if (r->err != -1)
		close(r->err);
	if (r->end != -1)
		close(r->end);
	*r = (struct running){ 0 };
}

void
command_run(struct failover *f, const struct command *c, int64_t limit,
    struct output *o)
{
	int64_t		 left = f->time_left(f), stop = KILL_TIME;
	struct running	 r;

	if (stop > left / 2)
		stop = left / 2;
	command_begin(&r, c, left - stop < limit ? left - stop : limit, o);
	command_wait(&r, INT64_MAX, o);
	command_end(&r);
}

bool
command_exited(struct failover *f, const struct command *c,
    const struct output *o)
{
	char		 text[FAILOVER_SENTENCE];
	const char	*line;

	snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, o->out);
	line = command_line(text);
	if (o->error != 0)
		f->say(f, FAILOVER_FAILED, "can't run %s: %s", c->program,
		    strerror(o->error));
	else if (o->late)
		f->say(f, FAILOVER_FAILED, "%s did not end within %.1f s",
		    c->program, (double)o->limit / 1000);
	else if (WIFSIGNALED(o->status))
		f->say(f, FAILOVER_FAILED, "%s was killed by signal %d (%s)"
		    "%s%s", c->program, WTERMSIG(o->status),
		    strsignal(WTERMSIG(o->status)), *line ? ": " : "", line);
	else
		return true;
	return false;
}

const char *
command_line(char *text)
{
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

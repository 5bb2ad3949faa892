/*
 * recorder.c - the plugin of the tests: records its calls, and misbehaves when
 * it is told to.
 *
 * log		each call appends "NS NODE begin OP EPOCH - HOST:PORT" and
 *		"NS NODE end OP EPOCH RESULT HOST:PORT", in one write each,
 *		where NS is CLOCK_MONOTONIC and HOST:PORT the master's of
 *		ensure_slave, else "-".  A call that ends its process has no end.
 * flag		a file: healthy while it exists (without this option: always).
 * script	a file of lines "OP=WORD WORD ...", read anew at each call (of
 *		plugin_start too).  A number sleeps so many milliseconds; ok,
 *		bad, busy, nonsense are results; the rest is in misbehave().
 * app		a file, "the application": what it was made last: "master
 *		EPOCH", "slave HOST:PORT" or "demoted".
 * at		the number that position tells, and has_position compares.
 */
#include <consul-failover/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHANNEL	3	/* of the handler: none of our business */

static const struct failover_option options[] = {
	{ "node", FAILOVER_STRING, NULL, "name in the log; default: Consul's" },
	{ "log", FAILOVER_STRING, NULL, "file that calls are recorded in" },
	{ "log_health", FAILOVER_BOOLEAN, "no", "record health too" },
	{ "flag", FAILOVER_STRING, NULL, "healthy while this file exists" },
	{ "script", FAILOVER_STRING, NULL, "file that says how to misbehave" },
	{ "app", FAILOVER_STRING, NULL, "file that shows the role" },
	{ "at", FAILOVER_INTEGER, "0", "our position" },
	{ "pause", FAILOVER_DURATION, "0ms", "every ensure_ takes this long" },
	{ 0 }
};

FAILOVER_PLUGIN("recorder", "1.0", "records its calls, for tests", options);

static int	flag_watch = -1;

static void
sleep_ms(int64_t ms)
{
	struct timespec	 t = { .tv_sec = ms / 1000,
			    .tv_nsec = ms % 1000 * 1000000 };

	while (ms > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

static void
record(struct failover *f, const char *what, const char *op,
    const char *result, const char *master)
{
	const char	*file = f->option(f, "log"), *node;
	struct timespec	 now;
	char		 line[512];
	int		 fd, n;

	if (file == NULL ||
	    (strcmp(op, "health") == 0 && f->number(f, "log_health") == 0))
		return;
	node = f->option(f, "node");
	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(line, sizeof(line),
	    "%lld%09ld %s %s %s %" PRIu64 " %s %s\n", (long long)now.tv_sec,
	    now.tv_nsec, node == NULL ? f->node : node, what, op, f->epoch,
	    result, master);
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1 || write(fd, line, (size_t)n) != n)
		f->log(f, FAILOVER_ERROR, "%s: %s", file, strerror(errno));
	if (fd != -1)
		close(fd);
}

/* The application becomes something; a reader never sees half of it. */
static void
become(struct failover *f, const char *text)
{
	const char	*file = f->option(f, "app");
	char		 fresh[PATH_MAX];
	FILE		*out;

	if (file == NULL)
		return;
	snprintf(fresh, sizeof(fresh), "%s.%ld", file, (long)getpid());
	out = fopen(fresh, "we");
	if (out == NULL || fprintf(out, "%s\n", text) < 0 || fclose(out) != 0 ||
	    rename(fresh, file) != 0)
		f->log(f, FAILOVER_ERROR, "%s: %s", file, strerror(errno));
}

/* The words of the script for op; "ok" if it has none. */
static void
script_read(struct failover *f, const char *op, char *words, size_t size)
{
	const char	*file = f->option(f, "script");
	char		 line[512];
	FILE		*in = file == NULL ? NULL : fopen(file, "re");
	size_t		 length = strlen(op);

	snprintf(words, size, "ok");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, op, length) == 0 && line[length] == '=')
			snprintf(words, size, "%.*s",
			    (int)strcspn(line + length + 1, "\n"),
			    line + length + 1);
	if (in != NULL)
		fclose(in);
}

static void
fork_child(bool own_session)
{
	if (fork() != 0)
		return;
	if (own_session)
		setsid();
	sleep(600);
	_exit(0);
}

/* Makes watch_fd readable: something comes and goes in the flag's folder. */
static void
touch(struct failover *f)
{
	char	 file[PATH_MAX];
	int	 fd;

	snprintf(file, sizeof(file), "%s.touched", f->option(f, "flag"));
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(fd);
	unlink(file);
}

static void
misbehave(struct failover *f, const char *word)
{
	int	 i;

	if (word[0] >= '0' && word[0] <= '9')
		sleep_ms(atoll(word));
	else if (strcmp(word, "crash") == 0)
		raise(SIGSEGV);
	else if (strcmp(word, "abort") == 0) {
		fprintf(stderr, "assertion failed: the moon is full");
		abort();
	} else if (strcmp(word, "exit") == 0)
		exit(3);
	else if (strcmp(word, "hang") == 0)
		for (;;)
			pause();
	else if (strcmp(word, "spin") == 0)
		for (;;)
			continue;
	else if (strcmp(word, "closefds") == 0)
		for (i = 0; i < 1024; i++)
			close(i);
	else if (strcmp(word, "stdout") == 0)
		for (i = 0; i < 100000; i++)
			printf("a plugin that talks a lot, line %d\n", i);
	else if (strcmp(word, "stderr") == 0)
		fprintf(stderr, "a plugin that complains\n");
	else if (strcmp(word, "log") == 0)
		for (i = 0; i < 100000; i++)
			f->log(f, FAILOVER_INFO, "log line %d", i);
	else if (strcmp(word, "slow") == 0)
		usleep(800000);
	else if (strcmp(word, "say") == 0)
		f->log(f, FAILOVER_INFO, "epoch %llu: %s",
		    (unsigned long long)f->epoch, f->reason);
	else if (strcmp(word, "touch") == 0)
		touch(f);
	else if (strcmp(word, "fork") == 0)
		fork_child(false);
	else if (strcmp(word, "daemon") == 0)
		fork_child(true);
	else if (strcmp(word, "leak") == 0)
		for (i = 0; i < 1000; i++)
			memset(malloc(10000), i, 10000), (void)!dup(2);
	else if (strcmp(word, "garbage") == 0)
		send(CHANNEL, "\377\376garbage", 9, MSG_NOSIGNAL);
	else if (strcmp(word, "long") == 0) {
		char	 text[2000];

		memset(text, 'x', sizeof(text));
		f->say(f, FAILOVER_DONE, "%.*s", (int)sizeof(text), text);
	} else if (strcmp(word, "lines") == 0)
		f->say(f, FAILOVER_DONE, "first line\nsecond \033[31mline");
	else if (strcmp(word, "latin1") == 0)
		f->say(f, FAILOVER_DONE, "caf\351");
}

static int
script_run(struct failover *f, const char *op)
{
	char	 words[512], *word, *rest;
	int	 result = FAILOVER_DONE;

	script_read(f, op, words, sizeof(words));
	for (word = strtok_r(words, " ", &rest); word != NULL;
	    word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "ok") == 0)
			result = FAILOVER_DONE;
		else if (strcmp(word, "bad") == 0)
			result = FAILOVER_FAILED;
		else if (strcmp(word, "busy") == 0)
			result = FAILOVER_AGAIN;
		else if (strcmp(word, "nonsense") == 0)
			result = 77;
		else
			misbehave(f, word);
	}
	return result;
}

static const char *
result_name(int result)
{
	static const char	*const names[] = { "done", "failed", "again" };

	return result >= 0 && result <= 2 ? names[result] : "nonsense";
}

/* One call: becomes is what the application is afterwards, or NULL. */
static enum failover_result
call(struct failover *f, const char *op, const char *master,
    const char *becomes)
{
	int	 result;

	record(f, "begin", op, "-", master);
	if (strcmp(op, "health") != 0)
		sleep_ms(f->number(f, "pause"));
	result = script_run(f, op);
	if (result == FAILOVER_DONE && becomes != NULL)
		become(f, becomes);
	record(f, "end", op, result_name(result), master);
	return (enum failover_result)result;
}

enum failover_result
plugin_start(struct failover *f)
{
	return (enum failover_result)script_run(f, "plugin_start");
}

void
plugin_stop(struct failover *f)
{
	record(f, "end", "plugin_stop", "done", "-");
}

enum failover_result
health(struct failover *f)
{
	const char		*flag = f->option(f, "flag");
	enum failover_result	 result;
	char			 events[4096];

	while (flag_watch != -1 &&
	    read(flag_watch, events, sizeof(events)) > 0)
		continue;
	result = call(f, "health", "-", NULL);
	if (result != FAILOVER_DONE || flag == NULL)
		return result;
	if (access(flag, F_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "%s is missing", flag);
	return f->say(f, FAILOVER_DONE, "%s exists", flag);
}

enum failover_result
ensure_master(struct failover *f)
{
	char	 becomes[64];

	snprintf(becomes, sizeof(becomes), "master %" PRIu64, f->epoch);
	return call(f, "ensure_master", "-", becomes);
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	char	 master[300], becomes[320];

	snprintf(master, sizeof(master), "%s:%u", master_host, f->master_port);
	snprintf(becomes, sizeof(becomes), "slave %s", master);
	return call(f, "ensure_slave", master, becomes);
}

enum failover_result
ensure_demoted(struct failover *f)
{
	return call(f, "ensure_demoted", "-", "demoted");
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	snprintf(text, size, "%lld", (long long)f->number(f, "at"));
	return (enum failover_result)script_run(f, "position");
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	char	*end;
	int64_t	 theirs = strtoll(text, &end, 10);

	if (end == text || *end != '\0')
		return f->say(f, FAILOVER_AGAIN, "\"%s\" is no position", text);
	return f->number(f, "at") >= theirs ? FAILOVER_DONE : FAILOVER_FAILED;
}

int
watch_fd(struct failover *f)
{
	const char	*flag = f->option(f, "flag");
	char		 folder[PATH_MAX];

	if (flag == NULL || flag_watch != -1)
		return flag_watch;
	snprintf(folder, sizeof(folder), "%s", flag);
	flag_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	inotify_add_watch(flag_watch, dirname(folder),
	    IN_CREATE | IN_DELETE | IN_MOVE);
	return flag_watch;
}

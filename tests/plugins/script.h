/*
 * script.h - what the plugins of the tests share: they record their calls, and
 * misbehave on request.
 *
 * log		each call appends "NS NODE begin OP EPOCH - HOST:PORT" and
 *		"NS NODE end OP EPOCH RESULT HOST:PORT", in one write each,
 *		where NS is CLOCK_MONOTONIC and HOST:PORT the master's of
 *		ensure_slave, else "-".  A call that ends its process has no end.
 * node		name in the log
 * script	a file of lines "OP=WORD WORD ...", read again at each call (of
 *		plugin_start too).  A number sleeps that many milliseconds; ok,
 *		bad, busy, nonsense are results; "do" does what the call is for
 *		there, which else is the last thing, if the result is still ok;
 *		the rest is in script_misbehave().
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <consul-failover/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCRIPT_CHANNEL	3	/* of the handler: none of our business */

/* The rows of script.h in a plugin's table of options. */
#define SCRIPT_OPTIONS							\
	{ "node", FAILOVER_STRING, NULL, "name in the log; default: Consul's" }, \
	{ "log", FAILOVER_STRING, NULL, "file that calls are recorded in" }, \
	{ "log_health", FAILOVER_BOOLEAN, "no", "record health too" },	\
	{ "flag", FAILOVER_STRING, NULL, "healthy while this file exists" }, \
	{ "script", FAILOVER_STRING, NULL, "file that says how to misbehave" }

/* Leaks memory, in a way that no compiler removes. */
static void
script_keep(int byte, size_t size)
{
	static void	*volatile kept;

	kept = malloc(size);
	memset(kept, byte, size);
}

/* The effect of one call. */
typedef enum failover_result	(*script_act)(struct failover *,
				    const char *arg);

static void
script_sleep(int64_t ms)
{
	struct timespec	 t = { .tv_sec = ms / 1000,
			    .tv_nsec = ms % 1000 * 1000000 };

	while (ms > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

static void
script_record(struct failover *f, const char *what, const char *op,
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
script_fork(bool own_session)
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
script_touch(struct failover *f)
{
	char	 file[PATH_MAX];
	int	 fd;

	snprintf(file, sizeof(file), "%s.touched", f->option(f, "flag"));
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(fd);
	unlink(file);
}

static void
script_misbehave(struct failover *f, const char *word)
{
	int	 i;

	if (word[0] >= '0' && word[0] <= '9')
		script_sleep(atoll(word));
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
	else if (strcmp(word, "remember") == 0)
		f->remember(f, "refused by node-1: 17 is gone\nor so");
	else if (strcmp(word, "secret") == 0) {
		char	 secret[64];

		if (f->secret(f, "at_file", secret, sizeof(secret)) ==
		    FAILOVER_DONE)
			f->say(f, FAILOVER_DONE, "the secret is %s", secret);
	} else if (strcmp(word, "forget") == 0)
		f->remember(f, "");
	else if (strcmp(word, "touch") == 0)
		script_touch(f);
	else if (strcmp(word, "fork") == 0)
		script_fork(false);
	else if (strcmp(word, "daemon") == 0)
		script_fork(true);
	else if (strcmp(word, "leak") == 0)
		for (i = 0; i < 1000; i++) {
			script_keep(i, 10000);
			(void)!dup(2);
		}
	else if (strcmp(word, "fill") == 0)
		script_keep(1, 100 << 20);
	else if (strcmp(word, "garbage") == 0)
		send(SCRIPT_CHANNEL, "\377\376garbage", 9, MSG_NOSIGNAL);
	else if (strcmp(word, "long") == 0) {
		char	 text[2000];

		memset(text, 'x', sizeof(text));
		f->say(f, FAILOVER_DONE, "%.*s", (int)sizeof(text), text);
	} else if (strcmp(word, "lines") == 0)
		f->say(f, FAILOVER_DONE, "first line\nsecond \033[31mline");
	else if (strcmp(word, "latin1") == 0)
		f->say(f, FAILOVER_DONE, "caf\351");
}

/* The answer of op after all words of its script; act is run once at most. */
static enum failover_result
script_run(struct failover *f, const char *op, script_act act, const char *arg)
{
	enum failover_result	 result = FAILOVER_DONE;
	char			 words[512], *word, *rest;

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
			result = (enum failover_result)77;
		else if (strcmp(word, "do") == 0 && act != NULL) {
			result = act(f, arg);
			act = NULL;
		} else
			script_misbehave(f, word);
	}
	if (result == FAILOVER_DONE && act != NULL)
		result = act(f, arg);
	return result;
}

static const char *
script_result(enum failover_result result)
{
	static const char	*const names[] = { "done", "failed", "again" };

	return (unsigned)result <= 2 ? names[result] : "nonsense";
}

/* Health according to the flag file. */
static enum failover_result
script_flag(struct failover *f, const char *arg)
{
	const char	*flag = f->option(f, "flag");

	(void)arg;
	if (flag == NULL)
		return FAILOVER_DONE;
	if (access(flag, F_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "%s is missing", flag);
	return f->say(f, FAILOVER_DONE, "%s exists", flag);
}

/* One call, with its two lines in the log. */
static enum failover_result
script_call(struct failover *f, const char *op, const char *master,
    script_act act, const char *arg)
{
	enum failover_result	 result;

	script_record(f, "begin", op, "-", master);
	if (strcmp(op, "health") != 0)
		script_sleep(f->number(f, "pause"));
	result = script_run(f, op, act, arg);
	script_record(f, "end", op, script_result(result), master);
	return result;
}

#endif

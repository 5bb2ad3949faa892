/*
 * given_handler.h - a handler on a loop of its own, for the tests.
 *
 * The program and the plugins are the built ones: LIBEXECDIR and PLUGINDIR name
 * their folders in the build tree when the tests are compiled.
 */
#ifndef GIVEN_HANDLER_H
#define GIVEN_HANDLER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "handler.h"
#include "log.h"

#define OPTIONS_MAX	8

static struct {
	char			 folder[64];	/* of this test alone */
	struct event_base	*base;
	struct config		 config;
	struct config_option	 options[OPTIONS_MAX];
	char			 values[OPTIONS_MAX][512];
	struct plugin_description *plugin;
	struct handler		*handler;

	enum handler_result	 result;	/* of the last call */
	char			 text[8192];
	bool			 answered;
	int			 watched;	/* calls of watch_cb */

	char			 log[65536];	/* all lines */
	int			 log_lines;
} t;

/* The test's own log.c. */
void
log_line(enum log_level level, const char *fmt, ...)
{
	size_t	 used = strlen(t.log);
	va_list	 ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(t.log + used, sizeof(t.log) - used - 1, fmt, ap);
	va_end(ap);
	strcat(t.log, "\n");
	t.log_lines++;
}

static inline char *
in_folder(const char *name)
{
	static char	 paths[4][384];
	static int	 next;
	char		*path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", t.folder, name);
	return path;
}

static inline void
write_file(const char *name, const char *text)
{
	FILE	*out = fopen(in_folder(name), "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static inline const char *
read_file(const char *name)
{
	static char	 text[65536];
	FILE		*in = fopen(in_folder(name), "r");
	size_t		 n = in == NULL ? 0 : fread(text, 1,
			    sizeof(text) - 1, in);

	text[n] = '\0';
	if (in != NULL)
		fclose(in);
	return text;
}

static inline void
given_option(const char *name, const char *value)
{
	size_t			 i = t.config.option_count++;
	struct config_option	*o = &t.options[i];

	snprintf(t.values[i], sizeof(t.values[i]), "%s", value);
	o->name = (char *)(uintptr_t)name;
	o->value = t.values[i];
	o->line = 10 + (int)i;
}

static inline void
given_script(const char *lines)
{
	write_file("script", lines);
}

static inline void
watch_cb(void *arg)
{
	(void)arg;
	t.watched++;
}

/* Name is that of a built plugin; set the options first. */
static inline void
given_handler(const char *plugin)
{
	struct error	 err;
	char		*errors;

	if (!plugin_describe(&t.plugin, plugin, PLUGIN_LOAD_LIMIT_MS, &err))
		fail_msg("%s", err.text);
	if (!plugin_check_options(t.plugin, &t.config, &errors))
		fail_msg("%s", errors);
	free(errors);
	t.handler = handler_new(t.base, "health", &t.config, t.plugin,
	    watch_cb, NULL);
}

static inline void
given_recorder(void)
{
	given_option("script", in_folder("script"));
	given_option("log", in_folder("log"));
	given_handler("recorder");
}

static inline void
answer_cb(enum handler_result result, const char *text, void *arg)
{
	(void)arg;
	assert_false(t.answered);
	t.answered = true;
	t.result = result;
	snprintf(t.text, sizeof(t.text), "%s", text);
}

static inline bool
when_called(enum operation op, int64_t timeout_ms)
{
	const struct handler_call	 call = {
		.op = op, .timeout_ms = timeout_ms,
		.what = {
			.epoch = 42, .node = "node-1", .reason = "a test",
			.address = "192.0.2.7",
			.master_host = op == OPERATION_ENSURE_SLAVE ?
			    "10.0.0.7" : NULL,
			.master_port = op == OPERATION_ENSURE_SLAVE ? 3306 : 0,
			.position = op == OPERATION_HAS_POSITION ||
			    op == OPERATION_BEHIND ? "17" : NULL,
		},
	};

	t.answered = false;
	return handler_call(t.handler, &call, answer_cb, NULL);
}

static inline void
run_loop_ms(int64_t ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	event_base_loopexit(t.base, &tv);
	event_base_dispatch(t.base);
}

static inline void
wait_for_answer(void)
{
	while (!t.answered)
		event_base_loop(t.base, EVLOOP_ONCE);
}

static inline void
call_within(enum operation op, int64_t timeout_ms)
{
	assert_true(when_called(op, timeout_ms));
	wait_for_answer();
}

static inline void
call(enum operation op)
{
	call_within(op, 10000);
}

static inline void
then(enum handler_result result, const char *text)
{
	assert_string_equal(t.text, text);
	assert_string_equal(handler_result_name(t.result),
	    handler_result_name(result));
}

/* Only if there is one: -1 would be every process. */
static inline void
signal_handler(int number)
{
	assert_true(handler_pid(t.handler) > 1);
	assert_int_equal(kill(handler_pid(t.handler), number), 0);
}

static inline int
open_files(void)
{
	DIR	*fds = opendir("/proc/self/fd");
	int	 count = 0;

	while (readdir(fds) != NULL)
		count++;
	closedir(fds);
	return count;
}

static inline int
given_a_loop(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	/* Only for handlers; ours were read already: a crash is part of the
	 * test. */
	setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:detect_leaks=0",
	    1);
	strcpy(t.folder, "/tmp/test_handler.XXXXXX");
	t.config.file = (char *)(uintptr_t)"test.ini";
	t.config.max_behind = -1;
	t.config.service_name = (char *)(uintptr_t)"mysql";
	t.config.service_id = t.config.service_name;
	t.config.state_dir = t.folder;
	t.config.service_port = 3306;
	t.config.options = t.options;
	t.base = event_base_new();
	return mkdtemp(t.folder) == NULL || t.base == NULL;
}

static inline int
end_all(void **state)
{
	struct dirent	*e;
	DIR		*files = opendir(t.folder);

	(void)state;
	handler_free(t.handler);
	plugin_description_free(t.plugin);
	event_base_free(t.base);
	while ((e = readdir(files)) != NULL)
		unlink(in_folder(e->d_name));
	closedir(files);
	rmdir(t.folder);
	if (waitpid(-1, NULL, WNOHANG) != -1)
		print_error("a child process is left\n");
	return errno != ECHILD;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, given_a_loop, end_all)

#endif

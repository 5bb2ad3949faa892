/* test_log.c - log lines, and what is told to the init system. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "json.h"
#include "log.h"
#include "notify.h"

static int	 old_stderr, pipe_end[2];

/* cmocka tells of failures on standard error: it has it back in between. */
static void
into_pipe(void)
{
	assert_int_equal(pipe2(pipe_end, O_CLOEXEC | O_NONBLOCK), 0);
	old_stderr = dup(STDERR_FILENO);
	dup2(pipe_end[1], STDERR_FILENO);
}

/* What was logged since into_pipe; borrowed until the next call. */
static const char *
out_of_pipe(void)
{
	static char	 text[3 * 65536];
	ssize_t		 n;
	size_t		 length = 0;

	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(pipe_end[1]);
	while ((n = read(pipe_end[0], text + length,
	    sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(pipe_end[0]);
	text[length] = '\0';
	return text;
}

/* The text of a plain line behind its time stamp. */
static const char *
behind_time(const char *line)
{
	static const char	 shape[] = "0000-00-00 00:00:00 ";
	size_t			 i;

	for (i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == '0' ? line[i] < '0' || line[i] > '9' :
		    line[i] != shape[i])
			fail_msg("no time stamp: %s", line);
	return line + i;
}

static void
before_log_open_lines_have_no_service(void **state)
{
	(void)state;
	into_pipe();
	log_error("file:1: bad");
	assert_string_equal(behind_time(out_of_pipe()),
	    "error: file:1: bad\n");
}

static void
a_plain_line_has_local_time_service_and_text(void **state)
{
	char		 want[64], got[64];
	struct tm	 tm;
	time_t		 now, after;

	(void)state;
	setenv("TZ", "XYZ-3:30", 1);
	tzset();
	do {			/* until no second begins in between */
		now = time(NULL);
		localtime_r(&now, &tm);
		strftime(want, sizeof(want), "%Y-%m-%d %H:%M:%S [web] 7 up\n",
		    &tm);
		into_pipe();
		log_open("web", LOG_PLAIN, false);
		log_info("%d %s", 7, "up");
		snprintf(got, sizeof(got), "%s", out_of_pipe());
		after = time(NULL);
	} while (now != after);
	assert_string_equal(got, want);
}

static void
levels_are_named_and_debug_is_dropped_unless_wanted(void **state)
{
	(void)state;
	into_pipe();
	log_open("web", LOG_PLAIN, false);
	log_debug("a");
	log_warning("b");
	assert_string_equal(behind_time(out_of_pipe()), "[web] warning: b\n");
	into_pipe();
	log_open("web", LOG_PLAIN, true);
	log_debug("a");
	assert_string_equal(behind_time(out_of_pipe()), "[web] a\n");
}

static void
one_call_is_one_line_whatever_the_text_holds(void **state)
{
	(void)state;
	into_pipe();
	log_open("web", LOG_PLAIN, false);
	log_info("a\nb\r\x1b[2J\x7f \xc3\xa4\t");
	assert_string_equal(behind_time(out_of_pipe()),
	    "[web] a\\nb\\x0d\\x1b[2J\\x7f \xc3\xa4\\x09\n");
}

static void
a_long_line_is_cut_between_characters(void **state)
{
	char		 text[3 * PIPE_BUF];
	const char	*got;
	size_t		 shift, i, n;

	(void)state;
	for (shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[i] = '\0';
		into_pipe();
		log_open("web", LOG_PLAIN, false);
		log_info("%s", text);
		got = out_of_pipe();
		n = strlen(got);
		assert_true(n <= PIPE_BUF && n > PIPE_BUF - 10);
		assert_string_equal(got + n - 4, "...\n");
		assert_memory_equal(got + n - 7, "\xe2\x82\xac", 3);
	}
}

static void
journald_gets_priorities_and_no_time(void **state)
{
	struct stat	 st;
	char		 stream[64];

	(void)state;
	into_pipe();
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("web", LOG_PLAIN, true);
	log_debug("a");
	log_info("b");
	log_warning("c");
	log_error("d");
	assert_string_equal(out_of_pipe(), "<7>[web] a\n<6>[web] b\n"
	    "<4>[web] warning: c\n<3>[web] error: d\n");
	unsetenv("JOURNAL_STREAM");
}

static void
a_journal_stream_that_is_not_our_stderr_is_ignored(void **state)
{
	static const char *const streams[] = { "1:1", "", "x", "8:" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		setenv("JOURNAL_STREAM", streams[i], 1);
		into_pipe();
		log_open("web", LOG_PLAIN, false);
		log_info("a");
		assert_string_equal(behind_time(out_of_pipe()), "[web] a\n");
	}
	unsetenv("JOURNAL_STREAM");
}

static void
json_lines_are_json(void **state)
{
	struct error	 err;
	const char	*got, *stamp;
	yajl_val	 v;

	(void)state;
	into_pipe();
	log_open("web", LOG_JSON, false);
	log_warning("a \"b\"\n\xff");
	got = out_of_pipe();
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
	v = json_parse(got, strlen(got), &err);
	assert_non_null(v);
	assert_string_equal(json_string(v, "level", ""), "warning");
	assert_string_equal(json_string(v, "service", ""), "web");
	assert_string_equal(json_string(v, "message", ""),
	    "a \"b\"\n\xef\xbf\xbd");
	stamp = json_string(v, "time", "");
	assert_int_equal(strlen(stamp), strlen("2026-11-22T19:13:09.123Z"));
	assert_int_equal(stamp[10], 'T');
	assert_string_equal(stamp + 23, "Z");
	yajl_tree_free(v);
}

static void
a_long_json_line_is_cut_and_still_json(void **state)
{
	struct error	 err;
	char		 text[2 * PIPE_BUF];
	const char	*got;
	yajl_val	 v;

	(void)state;
	memset(text, '\x01', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	into_pipe();
	log_open("web", LOG_JSON, false);
	log_info("%s", text);
	got = out_of_pipe();
	assert_true(strlen(got) <= PIPE_BUF);
	v = json_parse(got, strlen(got), &err);
	assert_non_null(v);
	assert_true(strlen(json_string(v, "message", "")) > 100);
	yajl_tree_free(v);
}

static void
errno_survives_a_log_line(void **state)
{
	(void)state;
	into_pipe();
	log_open("web", LOG_PLAIN, false);
	close(STDERR_FILENO);
	errno = EXDEV;
	log_info("%m");
	assert_int_equal(errno, EXDEV);
	dup2(pipe_end[1], STDERR_FILENO);
	log_info("%m");
	assert_non_null(strstr(out_of_pipe(), "Invalid cross-device link\n"));
}

/* Logs twice to a descriptor that takes nothing, then once to a pipe. */
static void
then_lost(int fd, const char *reason)
{
	char		 want[128];
	const char	*got;

	into_pipe();
	log_open("web", LOG_PLAIN, false);
	if (fd == -1)
		close(STDERR_FILENO);
	else
		dup2(fd, STDERR_FILENO);
	log_info("one");
	log_info("two");
	dup2(pipe_end[1], STDERR_FILENO);
	log_info("three");
	log_info("four");
	got = behind_time(out_of_pipe());
	snprintf(want, sizeof(want),
	    "[web] warning: 2 log lines were lost: %s\n", reason);
	assert_memory_equal(got, want, strlen(want));
	got = behind_time(got + strlen(want));
	assert_memory_equal(got, "[web] three\n", 12);
	assert_string_equal(behind_time(got + 12), "[web] four\n");
}

static void
a_full_disk_loses_lines_and_says_so_later(void **state)
{
	int	 fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_not_equal(fd, -1);
	then_lost(fd, "No space left on device");
	close(fd);
}

static void
a_closed_stderr_loses_lines_and_says_so_later(void **state)
{
	(void)state;
	then_lost(-1, "Bad file descriptor");
}

static void
a_reader_that_went_away_does_not_end_us(void **state)
{
	int	 ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	then_lost(ends[1], "Broken pipe");
	close(ends[1]);
}

static void
a_full_pipe_is_never_waited_for(void **state)
{
	char	 filler[4096] = { 0 };
	int	 ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], filler, sizeof(filler)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);	/* a write would block now */
	alarm(10);
	then_lost(ends[1], "Resource temporarily unavailable");
	alarm(0);
	close(ends[0]);
	close(ends[1]);
}

/* A socket as the init system has it, with its name in NOTIFY_SOCKET. */
static int
given_init(const char *name)
{
	struct sockaddr_un	 to = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_DGRAM |
				    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(to.sun_path, name);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(
	    struct sockaddr_un, sun_path) + strlen(name))), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
then_told(int fd, const char *want)
{
	char	 text[4096];
	ssize_t	 n = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_memory_equal(text, want, strlen(want));
}

static void
without_an_init_system_nothing_is_told(void **state)
{
	static const char *const bad[] = { "", "@", "relative", "vsock:2:1" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		notify_open();
		notify_send("READY=1");
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_int_equal(notify_watchdog_ms(), 0);
	}
}

static void
the_init_system_is_told_and_its_variables_taken(void **state)
{
	char	 path[64], pid[32];
	int	 fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_log.%d", (int)getpid());
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	fd = given_init(path);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	notify_open();
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	assert_int_equal(notify_watchdog_ms(), 15000);
	notify_send("READY=1\nSTATUS=%s", "master");
	then_told(fd, "READY=1\nSTATUS=master");
	notify_reloading();
	then_told(fd, "RELOADING=1\nMONOTONIC_USEC=");
	unlink(path);
	close(fd);
	notify_send("STOPPING=1");	/* nobody there: no harm */
}

static void
a_watchdog_for_another_process_is_not_ours(void **state)
{
	static const char *const usec[] = { "30000000", "0", "-5", "x", "",
	    "99999999999999999999" };
	char	 name[64];
	size_t	 i;
	int	 fd;

	(void)state;
	for (i = 0; i < sizeof(usec) / sizeof(usec[0]); i++) {
		snprintf(name, sizeof(name), "@test_log.%d.%zu", (int)getpid(),
		    i);
		fd = given_init(name);
		setenv("WATCHDOG_USEC", usec[i], 1);
		if (i == 0)
			setenv("WATCHDOG_PID", "1", 1);
		notify_open();
		assert_int_equal(notify_watchdog_ms(), 0);
		notify_send("READY=1");
		then_told(fd, "READY=1");
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(before_log_open_lines_have_no_service),
		cmocka_unit_test(a_plain_line_has_local_time_service_and_text),
		cmocka_unit_test(
		    levels_are_named_and_debug_is_dropped_unless_wanted),
		cmocka_unit_test(one_call_is_one_line_whatever_the_text_holds),
		cmocka_unit_test(a_long_line_is_cut_between_characters),
		cmocka_unit_test(journald_gets_priorities_and_no_time),
		cmocka_unit_test(
		    a_journal_stream_that_is_not_our_stderr_is_ignored),
		cmocka_unit_test(json_lines_are_json),
		cmocka_unit_test(a_long_json_line_is_cut_and_still_json),
		cmocka_unit_test(errno_survives_a_log_line),
		cmocka_unit_test(a_full_disk_loses_lines_and_says_so_later),
		cmocka_unit_test(a_closed_stderr_loses_lines_and_says_so_later),
		cmocka_unit_test(a_reader_that_went_away_does_not_end_us),
		cmocka_unit_test(a_full_pipe_is_never_waited_for),
		cmocka_unit_test(without_an_init_system_nothing_is_told),
		cmocka_unit_test(
		    the_init_system_is_told_and_its_variables_taken),
		cmocka_unit_test(a_watchdog_for_another_process_is_not_ours),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

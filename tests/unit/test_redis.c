/* test_redis.c - which copy has got further, and who is ended: history.c and
 * kill.c of plugins/redis. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "history.h"
#include "kill.h"

#define NONE	"0000000000000000000000000000000000000000"
#define A	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C	"cccccccccccccccccccccccccccccccccccccccc"

static struct history
given(const char *text)
{
	struct history	 h;

	assert_true(history_parse(&h, text));
	return h;
}

static void
a_position_is_read_as_it_was_written(void **state)
{
	static const char	*const texts[] = {
		A ":0 " NONE ":-1 keys:0",
		B ":123456789012345678 " A ":1 keys:7",
	};
	struct history	 h;
	char		 text[256];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		h = given(texts[i]);
		history_print(&h, text, sizeof(text));
		assert_string_equal(text, texts[i]);
	}
}

static void
what_is_no_position_is_refused(void **state)
{
	static const char	*const texts[] = {
		"", " ", "nonsense", A, A ":1", A ":1 " NONE ":-1",
		A ":1 " NONE ":-1 keys:", A ":1 " NONE ":-1 keys:x",
		A ":1 " NONE ":-1 keys:1 ", A ":1 " NONE ":-1 keys:1\n",
		A ":-1 " NONE ":-1 keys:1", A ":1 " NONE ":-2 keys:1",
		A ":1 " NONE ":-1 keys:-1", "a:1 " NONE ":-1 keys:1",
		A "a:1 " NONE ":-1 keys:1", A ":1 0:-1 keys:1",
		"x" A ":1 " NONE ":-1 keys:1",
		A ":9999999999999999999 " NONE ":-1 keys:1",
		A ":1 " NONE ":-1 keys:99999999999999999999999",
	};
	struct history	 h;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (history_parse(&h, texts[i]))
			fail_msg("\"%s\" is taken", texts[i]);
}

/* Does h have other; and how many bytes does it lack? */
static const struct {
	const char		*why, *h, *other;
	enum history_answer	 has;
	int64_t			 lacks;
} cases[] = {
	{ "the same", A ":5 " NONE ":-1 keys:1", A ":5 " NONE ":-1 keys:1",
	    HISTORY_YES, 0 },
	{ "further", A ":9 " NONE ":-1 keys:1", A ":5 " NONE ":-1 keys:1",
	    HISTORY_YES, 0 },
	{ "behind", A ":5 " NONE ":-1 keys:1", A ":9 " NONE ":-1 keys:1",
	    HISTORY_NO, 4 },
	{ "promoted since, with all of it", B ":9 " A ":6 keys:1",
	    A ":5 " NONE ":-1 keys:1", HISTORY_YES, 0 },
	{ "promoted since, without the rest", B ":9 " A ":6 keys:1",
	    A ":7 " NONE ":-1 keys:1", HISTORY_NO, 2 },
	{ "the other was promoted, and has written",
	    A ":5 " NONE ":-1 keys:1", B ":9 " A ":6 keys:1", HISTORY_NO, 4 },
	{ "the other was promoted, and has not written",
	    A ":5 " NONE ":-1 keys:1", B ":5 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "both were promoted from one", B ":9 " A ":6 keys:1",
	    C ":7 " A ":6 keys:1", HISTORY_NO, 2 },
	{ "both were promoted, the other has not written",
	    B ":9 " A ":6 keys:1", C ":5 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "two promotions ago", C ":20 " B ":16 keys:1",
	    B ":12 " A ":6 keys:1", HISTORY_YES, 0 },
	{ "an old master that went on alone", A ":9 " NONE ":-1 keys:1",
	    B ":9 " A ":6 keys:1", HISTORY_NO, 4 },
	{ "nothing in common", A ":9 " NONE ":-1 keys:1",
	    B ":5 " NONE ":-1 keys:1", HISTORY_UNKNOWN, -1 },
	{ "no history before is not one in common",
	    A ":9 " NONE ":0 keys:1", B ":5 " NONE ":0 keys:1",
	    HISTORY_UNKNOWN, -1 },
	{ "started empty, the other has data", A ":0 " NONE ":-1 keys:0",
	    B ":5 " NONE ":-1 keys:1", HISTORY_NO, -1 },
	{ "the other was started empty", B ":5 " NONE ":-1 keys:1",
	    A ":0 " NONE ":-1 keys:0", HISTORY_YES, 0 },
	{ "both were started empty", A ":0 " NONE ":-1 keys:0",
	    B ":0 " NONE ":-1 keys:0", HISTORY_YES, 0 },
	{ "emptied in good order is further", A ":9 " NONE ":-1 keys:0",
	    A ":5 " NONE ":-1 keys:7", HISTORY_YES, 0 },
	{ "before it was emptied", A ":5 " NONE ":-1 keys:7",
	    A ":9 " NONE ":-1 keys:0", HISTORY_NO, 4 },
};

static void
the_copy_that_has_got_further_is_known(void **state)
{
	struct history	 h, other;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		h = given(cases[i].h);
		other = given(cases[i].other);
		if (history_has(&h, &other) != cases[i].has ||
		    history_lacks(&h, &other) != cases[i].lacks)
			fail_msg("%s: %d, lacks %lld", cases[i].why,
			    history_has(&h, &other),
			    (long long)history_lacks(&h, &other));
	}
}

static bool	everywhere;	/* 0.0.0.0; else 127.0.0.1 */

/* A process of that name; it listens at s, if that is given. */
static pid_t
process(const char *name, bool deaf, struct server *s)
{
	struct sockaddr_in	 in = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(everywhere ?
				    INADDR_ANY : INADDR_LOOPBACK) };
	socklen_t		 size = sizeof(in);
	int			 fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
				    0), ready[2];
	char			 byte;
	pid_t			 pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	assert_int_equal(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		signal(SIGTERM, deaf ? SIG_IGN : SIG_DFL);
		if (listen(fd, 1) == 0 && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(fd);
	*s = (struct server){ .host = "127.0.0.1",
	    .port = ntohs(in.sin_port) };
	return pid;
}

static bool
lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A pid file with this text. */
static const char *
pid_file(const char *text)
{
	static char	 path[] = "/tmp/test_redis.pid.XXXXXX";
	int		 fd;

	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void
a_server_is_found_without_asking_it(void **state)
{
	struct server	 s, nowhere = { .host = "127.0.0.1", .port = 1 };
	char		 why[256] = "", number[16];
	pid_t		 pid = process("redis-server", false, &s);
	const char	*path;

	(void)state;
	assert_int_equal(kill_find(&s, NULL, why, sizeof(why)), pid);
	assert_true(kill_is_named(pid, pid));
	assert_false(kill_is_named(pid, pid + 1));
	assert_int_equal(kill_find(&nowhere, NULL, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "no process was found"));
	snprintf(number, sizeof(number), "%d\n", pid);
	path = pid_file(number);
	assert_int_equal(kill_find(&nowhere, path, why, sizeof(why)), pid);
	unlink(path);
	assert_true(kill_process(pid, 1000, why, sizeof(why)));
	waitpid(pid, NULL, 0);
	assert_int_equal(kill_find(&s, NULL, why, sizeof(why)), 0);
}

static void
one_that_is_deaf_to_the_first_signal_is_killed(void **state)
{
	struct server	 s;
	char		 why[256] = "";
	pid_t		 pid = process("valkey-server", true, &s);

	(void)state;
	assert_true(kill_process(pid, 200, why, sizeof(why)));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What listens there is another program, and so is what an old file names. */
static void
nothing_but_a_server_is_killed(void **state)
{
	static const char *const	 texts[] = { "", "\n", "text\n", "0\n",
					    "1\n", "-1\n", "999999999\n" };
	struct server			 s;
	char				 why[256] = "", number[16];
	pid_t				 pid = process("web", false, &s);
	const char			*path;
	size_t				 i;

	(void)state;
	assert_int_equal(kill_find(&s, NULL, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "is not Redis"));
	assert_false(kill_process(pid, 200, why, sizeof(why)));
	assert_non_null(strstr(why, "is not a Redis server"));
	snprintf(number, sizeof(number), "%d\n", pid);
	for (i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
		path = pid_file(i == 0 ? number : texts[i - 1]);
		why[0] = '\0';
		assert_int_equal(kill_pid_file(path, why, sizeof(why)), 0);
		assert_non_null(strstr(why, path));
		assert_int_equal(kill_find(&s, path, why, sizeof(why)), 0);
		unlink(path);
	}
	assert_int_equal(kill_pid_file("/nonexistent", why, sizeof(why)), 0);
	assert_non_null(strstr(why, "No such file"));
	assert_true(lives(pid));
	end(pid);
}

/* The kernel cuts a name after 15 characters. */
static void
a_server_is_known_by_its_whole_name(void **state)
{
	static const struct {
		const char	*name;
		bool		 is;
	} names[] = {
		{ "redis-server", true }, { "keydb-server", true },
		{ "valkey-server", true }, { "redis6-server", true },
		{ "redis-server-7.2", true }, { "redis_exporter", false },
		{ "redis-sentinel", false }, { "redis-cli", false },
		{ "valkey-sentinel", false }, { "my-redis-server", false },
		{ "redis", false }, { "x (redis-server", false },
	};
	struct server	 s;
	char		 why[256] = "";
	pid_t		 pid;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid = process(names[i].name, false, &s);
		if ((kill_find(&s, NULL, why, sizeof(why)) == pid) !=
		    names[i].is)
			fail_msg("%s", names[i].name);
		end(pid);
	}
}

/* Nobody listens at that address; what tells that it runs all the same? */
static bool
may_run(const char *host, uint16_t port, const char *path, const char *says)
{
	struct server	 s = { .port = port, .socket = "/nonexistent/socket" };
	char		 why[256] = "";
	bool		 may;

	strcpy(s.host, host);
	may = kill_may_run(&s, path, why, sizeof(why));
	s.socket[0] = '\0';
	if (strcmp(host, "192.0.2.1") != 0)	/* which is not here */
		assert_int_equal(kill_may_run(&s, path, why, sizeof(why)), may);
	if (says != NULL && strstr(why, says) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", says, why);
	return may;
}

static void
a_server_at_another_address_of_the_port_may_be_ours(void **state)
{
	struct server	 s, web;
	pid_t		 pid = process("redis-server", false, &s);
	pid_t		 other = process("web", false, &web);

	(void)state;
	assert_true(may_run("127.0.0.1", s.port, NULL, "on port"));
	assert_true(may_run("::1", s.port, NULL, "on port"));
	assert_true(may_run("localhost", s.port, "/nonexistent", NULL));
	assert_false(may_run("::1", web.port, NULL, NULL));
	/* One that shares the port, at an address of its own. */
	assert_false(may_run("127.0.0.2", s.port, NULL, NULL));
	end(pid);
	end(other);
	assert_false(may_run("::1", s.port, NULL, NULL));
}

static void
a_server_at_all_addresses_of_the_port_is_ours(void **state)
{
	struct server	 s;
	pid_t		 pid;

	(void)state;
	everywhere = true;
	pid = process("redis-server", false, &s);
	everywhere = false;
	assert_true(may_run("192.0.2.1", s.port, NULL, "on port"));
	assert_true(may_run("127.0.0.2", s.port, NULL, "on port"));
	end(pid);
	assert_false(may_run("192.0.2.1", s.port, NULL, NULL));
}

static void
a_pid_file_that_tells_nothing_is_no_proof_that_no_server_runs(void **state)
{
	static const char *const	 texts[] = { "", "\n", "text\n", "1\n" };
	const char			*path;
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		path = pid_file(texts[i]);
		assert_true(may_run("127.0.0.1", 1, path, path));
		unlink(path);
	}
	assert_true(may_run("127.0.0.1", 1, "/tmp", "/tmp: Is a directory"));
	assert_true(may_run("127.0.0.1", 1, "/dev/null", "is empty"));
	/* A server that stops removes it; one that dies leaves its number. */
	assert_false(may_run("127.0.0.1", 1, "/nonexistent/pid", NULL));
	path = pid_file("999999999\n");
	assert_false(may_run("127.0.0.1", 1, path, NULL));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_position_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_position_is_refused),
		cmocka_unit_test(the_copy_that_has_got_further_is_known),
		cmocka_unit_test(a_server_is_found_without_asking_it),
		cmocka_unit_test(
		    one_that_is_deaf_to_the_first_signal_is_killed),
		cmocka_unit_test(nothing_but_a_server_is_killed),
		cmocka_unit_test(a_server_is_known_by_its_whole_name),
		cmocka_unit_test(
		    a_server_at_another_address_of_the_port_may_be_ours),
		cmocka_unit_test(a_server_at_all_addresses_of_the_port_is_ours),
		cmocka_unit_test(
		    a_pid_file_that_tells_nothing_is_no_proof_that_no_server_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_listener.c - who listens at an address: plugins/common/listener.c. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "listener.h"

static char	 folder[] = "/tmp/test_listener.XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

/* A server's socket, without its file. */
static int
listener(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static void
it_is_found_by_the_path_that_it_was_given(void **state)
{
	char	 path[64], other[128];
	int	 fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/a socket", folder);
	assert_int_equal(listener_find(path), 0);
	fd = listener(path);
	assert_int_equal(listener_find(path), getpid());
	snprintf(other, sizeof(other), "%s/../..%s", folder, path);
	assert_int_equal(listener_find(other), getpid());
	snprintf(other, sizeof(other), "%s/socket", folder);
	assert_int_equal(listener_find(other), 0);
	assert_int_equal(listener_find("/run/a socket"), 0);
	close(fd);
	assert_int_equal(listener_find(path), 0);
}

static void
a_server_that_was_given_a_name_is_found_by_it(void **state)
{
	char	 path[64];
	int	 fd = listener("a name of the test");

	(void)state;
	snprintf(path, sizeof(path), "%s/a name of the test", folder);
	assert_int_equal(listener_find(path), getpid());
	close(fd);
}

/* A process that listens at that path in a folder of its own. */
static pid_t
other_server(const char *its_folder, bool jailed, const char *path)
{
	int	 ready[2];
	char	 byte;
	pid_t	 pid;

	assert_int_equal(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		if (chdir(its_folder) != 0 || (jailed && chroot(".") != 0))
			_exit(1);
		listener(path);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
the_same_name_in_another_folder_is_another_server(void **state)
{
	char	 path[64];
	pid_t	 pid;

	(void)state;
	assert_int_equal(mkdir("other", 0700), 0);
	pid = other_server("other", false, "socket");
	snprintf(path, sizeof(path), "%s/socket", folder);
	assert_int_equal(listener_find(path), 0);
	snprintf(path, sizeof(path), "%s/other/socket", folder);
	assert_int_equal(listener_find(path), pid);
	end(pid);
	assert_int_equal(listener_find(path), 0);
	assert_int_equal(rmdir("other"), 0);
}

static void
the_same_path_below_another_root_is_another_server(void **state)
{
	pid_t	 pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("jail", 0700), 0);
	pid = other_server("jail", true, "/test_listener.socket");
	assert_int_equal(listener_find("/test_listener.socket"), 0);
	end(pid);
	assert_int_equal(rmdir("jail"), 0);
}

static void
one_that_has_made_its_socket_anew_is_no_news(void **state)
{
	char	 path[64];
	int	 fd;
	FILE	*file;

	(void)state;
	snprintf(path, sizeof(path), "%s/anew", folder);
	fd = listener(path);
	assert_int_equal(listener_find(path), getpid());
	assert_non_null(file = fopen(path, "w"));
	fclose(file);
	assert_int_equal(listener_find(path), 0);
	assert_int_equal(unlink(path), 0);
	close(fd);
}

static void
a_folder_may_be_gone_with_it(void **state)
{
	char	 path[64];
	int	 fd;

	(void)state;
	assert_int_equal(mkdir("gone", 0700), 0);
	snprintf(path, sizeof(path), "%s/gone/socket", folder);
	fd = listener(path);
	assert_int_equal(rmdir("gone"), 0);
	assert_int_equal(listener_find(path), getpid());
	/* By another way to what is left of it. */
	snprintf(path, sizeof(path), "%s/link/gone/socket", folder);
	assert_int_equal(symlink(folder, "link"), 0);
	assert_int_equal(listener_find(path), getpid());
	assert_int_equal(unlink("link"), 0);
	close(fd);
}

static void
one_that_only_has_the_name_does_not_listen(void **state)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	char			 path[64];
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/bound", folder);
	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	unlink(path);
	assert_int_equal(listener_find(path), 0);
	close(fd);
}

static void
one_whose_file_is_there_is_found_where_he_is_looked_for(void **state)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	char			 path[64];
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/there", folder);
	assert_int_equal(listener_at_path(path), 0);
	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listener_at_path(path), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listener_at_path(path), getpid());
	assert_int_equal(listener_find(path), 0);
	unlink(path);
	close(fd);
}

/* An address, with this port. */
static struct sockaddr_storage
address(const char *text, in_port_t port)
{
	struct sockaddr_storage	 ss = { 0 };
	struct sockaddr_in	*in = (void *)&ss;
	struct sockaddr_in6	*in6 = (void *)&ss;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = port;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
	}
	return ss;
}

static pid_t
at(const char *text, in_port_t port)
{
	struct sockaddr_storage	 ss = address(text, port);

	return listener_at((struct sockaddr *)&ss);
}

/* Listens there; -1 where this machine has no such address. */
static int
tcp(const char *text, in_port_t *port)
{
	struct sockaddr_storage	 ss = address(text, 0);
	socklen_t		 size = ss.ss_family == AF_INET ?
				    sizeof(struct sockaddr_in) :
				    sizeof(struct sockaddr_in6);
	int			 fd = socket(ss.ss_family, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&ss, size) != 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &size), 0);
	*port = ((struct sockaddr_in *)&ss)->sin_port;
	return fd;
}

static void
a_server_is_found_by_its_port(void **state)
{
	static const struct {
		const char	*listens, *found, *not_found;
	} tests[] = {
		{ "127.0.0.1", "127.0.0.1", "127.0.0.2" },
		{ "0.0.0.0", "127.0.0.2", "192.0.2.1" },	/* not here */
		{ "0.0.0.0", "127.0.0.1", "::1" },
		{ "::1", "::1", "127.0.0.1" },
		{ "::", "::1", "2001:db8::1" },
		{ "::", "127.0.0.1", "192.0.2.1" },
		{ "::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2" },
	};
	in_port_t	 port;
	size_t		 i;
	int		 fd;

	(void)state;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if ((fd = tcp(tests[i].listens, &port)) == -1)
			continue;
		assert_int_equal(at(tests[i].found, port), getpid());
		assert_int_equal(at(tests[i].not_found, port), 0);
		assert_int_equal(at(tests[i].found, port ^ htons(1)), 0);
		close(fd);
		assert_int_equal(at(tests[i].found, port), 0);
	}
}

static bool
is_us(pid_t pid)
{
	return pid == getpid();
}

static bool
is_nobody(pid_t pid)
{
	(void)pid;
	return false;
}

static void
at_whatever_address_it_is_if_it_is_wanted(void **state)
{
	/* A server that lets others share its address is found, too. */
	static const int	 shares[] = { 0, SO_REUSEADDR, SO_REUSEPORT };
	struct sockaddr_in	 in;
	socklen_t		 size = sizeof(in);
	const int		 yes = 1;
	unsigned		 port;
	size_t			 i;
	int			 fd;

	(void)state;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		in = (struct sockaddr_in){ .sin_family = AF_INET,
		    .sin_addr.s_addr = htonl(0x7f470907) };
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (shares[i] != 0)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, shares[i],
			    &yes, sizeof(yes)), 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
		assert_int_equal(listen(fd, 1), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&in,
		    &size), 0);
		port = ntohs(in.sin_port);
		assert_int_equal(listener_on_port(port, is_us), getpid());
		assert_int_equal(at("127.71.9.7", in.sin_port), getpid());
		assert_int_equal(listener_on_port(port, is_nobody), 0);
		close(fd);
		assert_int_equal(listener_on_port(port, is_us), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(it_is_found_by_the_path_that_it_was_given),
		cmocka_unit_test(a_server_that_was_given_a_name_is_found_by_it),
		cmocka_unit_test(
		    the_same_name_in_another_folder_is_another_server),
		cmocka_unit_test(
		    the_same_path_below_another_root_is_another_server),
		cmocka_unit_test(one_that_has_made_its_socket_anew_is_no_news),
		cmocka_unit_test(a_folder_may_be_gone_with_it),
		cmocka_unit_test(one_that_only_has_the_name_does_not_listen),
		cmocka_unit_test(
		    one_whose_file_is_there_is_found_where_he_is_looked_for),
		cmocka_unit_test(a_server_is_found_by_its_port),
		cmocka_unit_test(at_whatever_address_it_is_if_it_is_wanted),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
